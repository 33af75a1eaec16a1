/** Lints about what a policy exposes: the model is asked about places that matter on most systems. */

import { decideIndexed, indexRules } from '../model/decide-rules.ts';
import { isBelow } from '../model/paths.ts';
import type { Request, RulesDecision } from '../model/rules.ts';
import type { Finding, LintCode } from './lint.ts';
import type { Policy } from './policy.ts';
import type { SystemVariables } from './vars.ts';

/** Paths relative to the home directory, or absolute. */
const CREDENTIALS = [
  '.ssh/id_ed25519',
  '.gnupg/private-keys-v1.d/key',
  '.aws/credentials',
  '.config/gcloud/credentials.db',
  '.azure/msal_token_cache.json',
  '.kube/config',
  '.docker/config.json',
  '.config/gh/hosts.yml',
  '.netrc',
  '.git-credentials',
  '.npmrc',
  '.pypirc',
  '.cargo/credentials.toml',
  '.password-store/x.gpg',
  '.mozilla/firefox/profile/logins.json',
  '.local/share/keyrings/login.keyring',
  '/etc/shadow',
];
const STARTUP = [
  '.bashrc',
  '.profile',
  '.zshrc',
  '.ssh/authorized_keys',
  '.config/autostart/x.desktop',
  '.config/systemd/user/x.service',
  '.gitconfig',
  '/etc/profile',
  '/etc/cron.d/x',
  '/etc/ld.so.preload',
];
const SERVICES = [
  '/run/docker.sock',
  '/var/run/docker.sock',
  '/run/containerd/containerd.sock',
  '/run/podman/podman.sock',
  '/run/libvirt/libvirt-sock',
  '/run/dbus/system_bus_socket',
  '/run/systemd/private',
  '/run/snapd.socket',
];
const RUNTIME_SERVICES = ['bus', 'systemd/private', 'podman/podman.sock', 'docker.sock', 'gnupg/S.gpg-agent'];

/** Findings about what can be reached. */
export function lintExposure(policy: Policy, { home, runtime }: SystemVariables): Finding[] {
  const index = indexRules(policy.layers);
  const byRule = new Map<
    string,
    { readonly code: LintCode; readonly objects: string[]; readonly decision: RulesDecision }
  >();
  const ask = (code: LintCode, object: string, request: Request) => {
    const decision = decideIndexed(index, request);
    if (decision.verdict !== 'allow') return;
    const origin = allowing(decision)?.origin;
    const key = JSON.stringify([code, origin ?? null]);
    const known = byRule.get(key);
    if (known === undefined) byRule.set(key, { code, objects: [object], decision });
    else known.objects.push(object);
  };
  const absolute = (path: string) => (path.startsWith('/') ? path : `${home === '/' ? '' : home}/${path}`);
  for (const path of CREDENTIALS.map(absolute))
    ask('grants-credentials', path, { kind: 'path', path, rights: ['fs.read_file'] });
  for (const path of STARTUP.map(absolute))
    ask('grants-startup', path, { kind: 'path', path, rights: ['fs.write_file'] });
  for (const path of [...SERVICES, ...RUNTIME_SERVICES.map((name) => `${runtime}/${name}`)]) {
    ask('grants-service', path, { kind: 'unix', operation: 'connect', path });
  }
  ask('grants-network', 'every host', { kind: 'net', right: 'net.connect_tcp', port: 1 });
  return [
    ...wholeTrees(policy, home),
    ...[...byRule.values()].map(({ code, objects, decision }) => describe(code, objects, decision)),
  ];
}

/** The rule of the grant layer that allows. */
function allowing(decision: RulesDecision) {
  return decision.layers.find(({ rule }) => rule !== undefined)?.rule;
}

const TEXTS = {
  'grants-credentials': 'can be read',
  'grants-startup': 'can be written and runs later, outside',
  'grants-service': 'can be reached and acts outside',
  'grants-network': 'can be reached on any port',
} as const;

function describe(code: LintCode, objects: readonly string[], decision: RulesDecision): Finding {
  const what =
    objects.length <= 3
      ? objects.join(', ')
      : `${objects.slice(0, 2).join(', ')} and ${objects.length - 2} more`;
  return { code, text: `${what} ${TEXTS[code as keyof typeof TEXTS]}`, at: allowing(decision)?.origin };
}

function wholeTrees(policy: Policy, home: string): Finding[] {
  const findings: Finding[] = [];
  for (const layer of policy.layers) {
    if (layer.kind !== 'grant') continue;
    for (const rule of layer.rules) {
      if (rule.kind !== 'path' || rule.verdict !== 'allow' || rule.pattern.kind === 'exact') continue;
      const { kind, path } = rule.pattern;
      if (kind === 'subtree' && path === '/')
        findings.push({
          code: 'grants-root',
          text: `${rule.rights[0]} and more is allowed everywhere`,
          at: rule.origin,
        });
      else if (kind === 'subtree' && home !== '/' && isBelow(home, path)) {
        findings.push({
          code: 'grants-home',
          text: `${rule.rights[0]} and more is allowed in the whole of ${home}`,
          at: rule.origin,
        });
      }
    }
  }
  return findings;
}
