/** Lints about how rules are written: rules that do nothing, rules that contradict, rights that miss their companion. */

import { decideIndexed, indexRules } from '../model/decide-rules.ts';
import { prefixes } from '../model/paths.ts';
import type { Origin, PathRule, RuleLayer } from '../model/rules.ts';
import type { FsRight } from '../uapi/landlock.ts';
import { OTHER_NAME } from './diff-probes.ts';
import type { Finding, LintCode } from './lint.ts';
import type { Policy } from './policy.ts';

/** Rights that are of little use without another. */
const COMPANIONS: readonly {
  readonly code: LintCode;
  readonly having: FsRight;
  readonly and?: FsRight;
  readonly lacking: FsRight;
  readonly text: (path: string) => string;
}[] = [
  {
    code: 'missing-truncate',
    having: 'fs.write_file',
    lacking: 'fs.truncate',
    text: (path) => `Files in ${path} can be written but not truncated: opening them anew fails`,
  },
  {
    code: 'missing-refer',
    having: 'fs.make_reg',
    and: 'fs.remove_file',
    lacking: 'fs.refer',
    text: (path) => `Files in ${path} cannot be moved between directories`,
  },
  {
    code: 'missing-read',
    having: 'fs.execute',
    lacking: 'fs.read_file',
    text: (path) => `Programs in ${path} can be executed but not read: scripts and loaders fail`,
  },
];

/** Findings about the rules of each layer. */
export function lintRules(policy: Policy): Finding[] {
  return [...policy.layers.flatMap(lintLayer), ...writableAndExecutable(policy)];
}

function lintLayer(layer: RuleLayer): Finding[] {
  const paths = layer.rules.filter((rule) => rule.kind === 'path');
  return [...emptyLayer(layer), ...redundant(paths), ...idle(paths), ...companions(paths)];
}

function emptyLayer(layer: RuleLayer): Finding[] {
  const at = { file: layer.name, line: 1, column: 1 };
  if (layer.kind === 'limit' && layer.categories.length === 0)
    return [{ code: 'empty-layer', text: `The limit '${layer.name}' limits nothing`, at }];
  if (layer.kind === 'grant' && !layer.rules.some(({ verdict }) => verdict === 'allow')) {
    return [{ code: 'empty-layer', text: 'Nothing is allowed: no program can start', at }];
  }
  return [];
}

/** Allow rules that change nothing, because of a wider allow or a denial of the same object. */
function redundant(rules: readonly PathRule[]): Finding[] {
  const literals = new Map<string, PathRule[]>();
  for (const rule of rules) {
    if (rule.pattern.kind === 'glob') continue;
    literals.set(rule.pattern.path, [...(literals.get(rule.pattern.path) ?? []), rule]);
  }
  const findings: Finding[] = [];
  for (const rule of rules) {
    if (rule.verdict !== 'allow' || rule.pattern.kind === 'glob' || rule.origin.preset !== undefined)
      continue;
    const { path } = rule.pattern;
    const denial = (literals.get(path) ?? []).find(
      (other) => other.verdict !== 'allow' && other.pattern.kind === 'subtree' && givesNoMore(rule, other),
    );
    if (denial !== undefined) {
      findings.push({
        code: 'contradiction',
        text: `The ${denial.verdict} of ${placeOf(denial.origin, rule.origin)} always wins over this rule`,
        at: rule.origin,
      });
      continue;
    }
    const wider = widerRule(rule, path, literals);
    if (wider !== undefined)
      findings.push({
        code: 'shadowed-rule',
        text: `The rule of ${placeOf(wider.origin, rule.origin)} allows this already`,
        at: rule.origin,
      });
  }
  return findings;
}

/** An allow of the same layer that covers a rule, with nothing between that takes it away. */
function widerRule(
  rule: PathRule,
  path: string,
  literals: ReadonlyMap<string, readonly PathRule[]>,
): PathRule | undefined {
  for (const prefix of prefixes(path).toReversed()) {
    const here = literals.get(prefix) ?? [];
    if (here.some((other) => other.verdict !== 'allow')) return undefined;
    const found = here.find(
      (other) =>
        other !== rule &&
        other.pattern.kind === 'subtree' &&
        givesNoMore(rule, other) &&
        (prefix !== path || before(other, rule) || other.rights.length > rule.rights.length),
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Where another rule is, as seen from a rule. */
function placeOf(other: Origin, from: Origin): string {
  if (other.preset !== undefined) return other.preset;
  if (other.file === from.file) return other.line > 0 ? `line ${other.line}` : 'this policy';
  return other.line > 0 ? `${other.file}:${other.line}` : other.file;
}

/** Whether all rights that Landlock knows of one rule are rights of another. */
function givesNoMore(rule: PathRule, other: PathRule): boolean {
  return rule.rights.every((right) => right.startsWith('meta.') || other.rights.includes(right));
}

/** Of two equal rules only the later is redundant. */
function before(a: PathRule, b: PathRule): boolean {
  return a.origin.file === b.origin.file
    ? a.origin.line < b.origin.line || (a.origin.line === b.origin.line && a.origin.column < b.origin.column)
    : a.origin.file < b.origin.file;
}

function idle(rules: readonly PathRule[]): Finding[] {
  const allowed = new Set(
    rules.filter(({ verdict }) => verdict === 'allow').map(({ pattern }) => pattern.path),
  );
  const above = new Set([...allowed].flatMap(prefixes));
  return rules
    .filter(({ verdict, origin }) => verdict === 'deny' && origin.preset === undefined)
    .filter(
      ({ pattern: { path } }) => !above.has(path) && !prefixes(path).some((prefix) => allowed.has(prefix)),
    )
    .map(({ origin, pattern }) => ({
      code: 'idle-denial',
      text: `Nothing is allowed at ${pattern.path} anyway`,
      at: origin,
    }));
}

function companions(rules: readonly PathRule[]): Finding[] {
  const trees = new Map<string, Set<string>>();
  for (const { verdict, pattern, rights } of rules) {
    if (verdict !== 'allow' || pattern.kind !== 'subtree') continue;
    const given = trees.get(pattern.path) ?? new Set();
    trees.set(pattern.path, given);
    for (const right of rights) given.add(right);
  }
  return rules
    .filter(({ verdict, origin }) => verdict === 'allow' && origin.preset === undefined)
    .flatMap((rule) => {
      const { path } = rule.pattern;
      const chain = prefixes(path).map((prefix) => trees.get(prefix));
      const given = (right: FsRight) =>
        rule.rights.includes(right) || chain.some((rights) => rights?.has(right));
      return COMPANIONS.filter(({ having, lacking }) => rule.rights.includes(having) && !given(lacking))
        .filter(({ and }) => and === undefined || given(and))
        .map(({ code, text }): Finding => ({ code, text: text(path), at: rule.origin }));
    });
}

function writableAndExecutable(policy: Policy): Finding[] {
  const index = indexRules(policy.layers);
  const seen = new Set<string>();
  const findings: Finding[] = [];
  for (const rule of policy.layers.filter(({ kind }) => kind === 'grant').flatMap(({ rules }) => rules)) {
    if (rule.kind !== 'path' || rule.verdict !== 'allow' || rule.pattern.kind !== 'subtree') continue;
    const { path } = rule.pattern;
    if (seen.has(path)) continue;
    seen.add(path);
    const inside = `${path === '/' ? '' : path}/${OTHER_NAME}`;
    const allows = (right: 'fs.write_file' | 'fs.execute') =>
      decideIndexed(index, { kind: 'path', path: inside, rights: [right] }).verdict === 'allow';
    if (allows('fs.write_file') && allows('fs.execute')) {
      findings.push({
        code: 'write-exec',
        text: `What is written to ${path} can be executed`,
        at: rule.origin,
      });
    }
  }
  return findings;
}
