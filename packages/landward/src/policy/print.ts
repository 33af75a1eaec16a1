/**
 * A resolved policy back as TOML: one text for the grant layer with all settings, one for each limit.
 *
 * Reading the texts again gives the same policy (a property test holds that). Variables, presets and comments are
 * gone: this is what they came to.
 */

import type { PathPattern, Rule, RuleLayer } from '../model/rules.ts';
import { quote } from './expand.ts';
import { writeTarget } from './net-text.ts';
import type { Policy } from './policy.ts';
import { printSettings, printTests } from './print-settings.ts';
import { printSockets } from './print-sockets.ts';
import { printPrograms } from './programs-of.ts';
import { defaultMissing } from './rule-reader.ts';
import { type TomlValue, tomlLine } from './toml-write.ts';
import { ALL_FS_RIGHTS, HIDE_RIGHTS, sortedRights, VERBS, verbNames } from './verbs.ts';

/** One text of a printed policy. */
export interface PrintedText {
  readonly layer: 'grant' | 'limit';
  readonly name: string;
  readonly toml: string;
}

/** The keys of the sections of rules, in the order in which they are documented. */
const KEY_ORDER = [...verbNames, 'connect', 'listen', 'deny', 'hide', 'ask'];

/** Lists of rules by section and key. */
type Sections = Map<string, Map<string, TomlValue[]>>;

/**
 * Prints a policy.
 *
 * @returns the texts, the grant first; give them to `resolvePolicy` in this order to get the policy again
 * @example
 * for (const { toml } of printPolicy(policy)) console.log(toml);
 */
export function printPolicy(policy: Policy): readonly PrintedText[] {
  return policy.layers.map((layer, index) => ({
    layer: layer.kind,
    name: layer.name,
    toml: printLayer(policy, layer, index === 0),
  }));
}

/** A layer that may change has its own list of system calls; what others refuse is refused besides. */
function ownCalls(policy: Policy, { mutable, calls }: RuleLayer): Policy {
  if (mutable === undefined) return policy;
  return { ...policy, process: { ...policy.process, syscalls: calls?.handled ?? [] } };
}

function printLayer(policy: Policy, layer: RuleLayer, first: boolean): string {
  const sections: Sections = new Map();
  const put = (section: string, key: string, value: TomlValue) => {
    const keys = sections.get(section) ?? new Map<string, TomlValue[]>();
    sections.set(section, keys);
    keys.set(key, [...(keys.get(key) ?? []), value]);
  };
  for (const rule of layer.rules) putRule(rule, put);
  const settings = first
    ? printSettings(policy)
    : layer.categories.includes('process')
      ? printSettings(ownCalls(policy, layer), ['process'])
      : [];
  const changes = layer.mutable === undefined ? [] : [tomlLine('mutable', layer.mutable)];
  const lines = first ? printPrograms(policy) : ['layer = "limit"', ...changes, ''];
  for (const section of ['fs', 'net', 'unix'] as const) {
    const keys = sections.get(section);
    const spoken = !first && layer.categories.includes(section);
    const control = section === 'net' ? printSockets(layer, spoken && keys === undefined) : [];
    const body = KEY_ORDER.flatMap((key) => {
      const list = keys?.get(key);
      return list === undefined ? [] : [tomlLine(key, list)];
    });
    if (body.length + control.length > 0 || spoken) lines.push(`[${section}]`, ...body, ...control, '');
  }
  lines.push(...settings);
  const raw = sections.get('kernel.fs');
  if (raw !== undefined)
    lines.push(
      '[kernel.fs]',
      ...[...raw].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, list]) => tomlLine(key, list)),
      '',
    );
  const scopes = layer.rules.filter((rule) => rule.kind === 'scope');
  if (scopes.length > 0) {
    const byScope = new Map(
      scopes.map((rule) => [
        rule.scope,
        scopes.some((other) => other.scope === rule.scope && other.verdict !== 'allow'),
      ]),
    );
    lines.push(
      '[kernel.scope]',
      ...[...byScope].map(([scope, on]) => tomlLine(scope.slice('scope.'.length), on ? 'domain' : 'any')),
      '',
    );
  }
  if (first) lines.push(...printTests(policy.tests));
  return `${lines.join('\n').trimEnd()}\n`;
}

function putRule(rule: Rule, put: (section: string, key: string, value: TomlValue) => void): void {
  const notes = {
    ...(rule.because === undefined ? {} : { because: rule.because }),
    ...(rule.enforce === 'kernel' ? { enforce: 'kernel' } : {}),
    ...(rule.quiet === true ? { quiet: true } : {}),
  };
  switch (rule.kind) {
    case 'path': {
      const { path, exact } = writePattern(rule.pattern);
      const keys = {
        ...(exact ? { exact: true } : {}),
        ...(rule.missing === defaultMissing(rule.verdict) ? {} : { missing: rule.missing }),
        ...(rule.expand === true ? { expand: true } : {}),
        ...notes,
      };
      if (rule.verdict !== 'allow') {
        const all = rule.verdict === 'hide' ? HIDE_RIGHTS : ALL_FS_RIGHTS;
        const narrowed = sameRights(rule.rights, all) ? {} : { rights: rule.rights };
        put('fs', rule.verdict, ruleValue('path', path, { ...narrowed, ...keys }));
        return;
      }
      const verb = verbNames.find((name) => sameRights(rule.rights, VERBS[name].grants));
      if (verb !== undefined) put('fs', verb, ruleValue('path', path, keys));
      else for (const right of rule.rights) putRaw(right, ruleValue('path', path, keys), put);
      return;
    }
    case 'net': {
      const protocol = rule.right.endsWith('_udp') ? 'udp' : 'tcp';
      const side = rule.right.startsWith('net.bind') ? 'listen' : 'connect';
      const target = writeTarget({ ...rule, protocol });
      if (rule.verdict === 'allow') put('net', side, ruleValue('target', target, notes));
      else put('net', rule.verdict, ruleValue('target', target, { rights: [side], ...notes }));
      return;
    }
    case 'unix': {
      const side = rule.operation === 'connect' ? 'connect' : 'listen';
      const { path, exact } =
        rule.target.kind === 'path'
          ? writePattern(rule.target.pattern)
          : { path: `@${rule.target.glob.replaceAll('$', '$$$$')}`, exact: false };
      const keys = { ...(exact ? { exact: true } : {}), ...notes };
      if (rule.verdict === 'allow') put('unix', side, ruleValue('path', path, keys));
      else put('unix', rule.verdict, ruleValue('path', path, { rights: [side], ...keys }));
      return;
    }
    case 'scope':
      return;
  }
}

/** Rights without a verb are granted one by one; those on metadata have no key of their own. */
function putRaw(
  right: string,
  value: TomlValue,
  put: (section: string, key: string, value: TomlValue) => void,
): void {
  const [section, name] = right.split('.') as [string, string];
  put(`kernel.${section}`, name, value);
}

function ruleValue(key: string, text: string, keys: { readonly [key: string]: TomlValue }): TomlValue {
  return Object.keys(keys).length === 0 ? text : { [key]: text, ...keys };
}

function sameRights(a: readonly string[], b: readonly string[]): boolean {
  return (
    a.length === b.length &&
    sortedRights(a as typeof ALL_FS_RIGHTS).join() === sortedRights(b as typeof ALL_FS_RIGHTS).join()
  );
}

/** The text of a pattern, as a policy would write it. */
export function writePattern(pattern: PathPattern): { readonly path: string; readonly exact: boolean } {
  if (pattern.kind !== 'glob') return { path: quote(pattern.path), exact: pattern.kind === 'exact' };
  const below = pattern.glob.endsWith('/**');
  return { path: (below ? pattern.glob.slice(0, -3) : pattern.glob).replaceAll('$', '$$$$'), exact: !below };
}
