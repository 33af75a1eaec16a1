/** Lints about settings: scopes, kernel interfaces, accepted gaps, environment. */

import { envMatches } from './env-glob.ts';
import type { Finding } from './lint.ts';
import type { Policy } from './policy.ts';

/** Names of variables that usually hold secrets; a stem that occurs in a name counts. */
const SECRET_NAMES = [
  'AWS_SECRET_ACCESS_KEY',
  'GITHUB_TOKEN',
  'NPM_TOKEN',
  'DATABASE_PASSWORD',
  'API_KEY',
  'CLIENT_SECRET',
];

/** Findings about settings. */
export function lintSettings(policy: Policy): Finding[] {
  const findings: Finding[] = [];
  for (const rule of policy.layers.flatMap(({ kind, rules }) => (kind === 'grant' ? rules : []))) {
    if (rule.kind === 'scope' && rule.verdict === 'allow') {
      const what =
        rule.scope === 'scope.signal'
          ? 'Processes outside can be signalled'
          : 'Abstract sockets outside can be reached';
      findings.push({ code: 'opens-scope', text: what, at: rule.origin });
    }
  }
  for (const key of ['ioUring', 'ptrace', 'namespaces', 'terminalInjection'] as const) {
    if (policy.process[key] === 'allow')
      findings.push({ code: 'opens-process', text: `'process.${key}' is allowed`, at: undefined });
  }
  for (const feature of ['landlock', 'seccomp'] as const) {
    if (policy.require.degrade.includes(feature))
      findings.push({
        code: 'accepts-everything',
        text: `The policy may run without ${feature}`,
        at: undefined,
      });
  }
  const { pass, scrub } = policy.env;
  if (pass === null && scrub.length === 0)
    findings.push({ code: 'passes-environment', text: 'Every variable of the caller passes', at: undefined });
  if (pass !== null) {
    const secrets = SECRET_NAMES.filter(
      (name) =>
        pass.some((pattern) => envMatches(pattern, name)) &&
        !scrub.some((pattern) => envMatches(pattern, name)),
    );
    if (secrets.length > 0)
      findings.push({
        code: 'passes-secret',
        text: `Variables such as ${secrets.join(', ')} pass`,
        at: undefined,
      });
  }
  return findings;
}
