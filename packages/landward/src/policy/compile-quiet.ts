/**
 * Rules with `quiet`: which marks keep their denials out of the kernel's log, and what is logged all the same.
 *
 * The kernel's mask of quiet rights is one for all marks, and a mark holds for everything below. So a rule is marked only
 * where nothing else would fall silent with it: too much in the log is said, too little would hide a denial.
 */

import { prefixes } from '../model/paths.ts';
import type { NetRule, PathRule, Rule } from '../model/rules.ts';
import { type AbiRow, ADD_RULE } from '../uapi/landlock.ts';
import { netMask } from '../uapi/masks.ts';
import { isFile } from './compile-effective.ts';
import type { Located, LocatedLayer } from './compile-facts.ts';
import type { FsResult } from './compile-fs.ts';
import type { NetResult } from './compile-net.ts';
import { placeOf } from './compile-refuse.ts';
import { maskOf, type Node, nodeAt } from './compile-tree.ts';
import type { PathAccess, PortAccess } from './plan.ts';

/** How many ports one quiet rule may mark. */
const MAX_PORTS = 1024;

export interface QuietResult {
  readonly quietFs: number;
  readonly quietNet: number;
  readonly paths: readonly PathAccess[];
  readonly ports: readonly PortAccess[];
  /** Which quiet rules are logged all the same, and why. */
  readonly notes: readonly string[];
}

/** Adds the marks of quiet rules to the rules of a ruleset. */
export function compileQuiet(
  layers: readonly LocatedLayer[],
  fs: FsResult,
  net: NetResult,
  row: AbiRow,
): QuietResult {
  const quiet = layers.flatMap((layer) =>
    layer.rules.filter(({ rule }) => rule.quiet === true).map((located) => ({ layer, located })),
  );
  const none = { quietFs: 0, quietNet: 0, paths: fs.grants.paths, ports: net.ports };
  if (quiet.length === 0) return { ...none, notes: [] };
  if ((row.addRuleFlags & ADD_RULE.QUIET) === 0) return { ...none, notes: [tooOld(quiet)] };
  const loud: Rule[] = [];
  const paths: { located: Located<PathRule>; mask: number }[] = [];
  const ports: NetRule[] = [];
  for (const { layer, located } of quiet) {
    const { rule } = located;
    if (rule.kind === 'path' && canMark(located, fs)) {
      paths.push({ located: located as Located<PathRule>, mask: maskOf(rule, layer) & fs.handled });
    } else if (rule.kind === 'net' && canMarkPorts(rule, layers, net)) ports.push(rule);
    else loud.push(rule);
  }
  const quietFs = common(paths.map(({ mask }) => mask));
  const quietNet = common(ports.map(({ right }) => netMask(right)));
  if (quietFs === 0) loud.push(...paths.map(({ located }) => located.rule));
  if (quietNet === 0) loud.push(...ports);
  return {
    quietFs,
    quietNet,
    paths: quietFs === 0 ? none.paths : markPaths(none.paths, paths),
    ports: quietNet === 0 ? none.ports : markPorts(none.ports, ports),
    notes:
      loud.length === 0
        ? []
        : [
            `Denials by the quiet ${plural(loud)} ${places(loud)} are logged all the same: the kernel could only silence them together with others, or there is nothing to mark`,
          ],
  };
}

function tooOld(quiet: readonly { readonly located: Located }[]): string {
  const rules = quiet.map(({ located }) => located.rule);
  return `Denials by the quiet ${plural(rules)} ${places(rules)} are logged all the same: that needs Linux 7.2 (ABI 10)`;
}

function plural(rules: readonly Rule[]): string {
  return rules.length === 1 ? 'rule' : 'rules';
}

function places(rules: readonly Rule[]): string {
  return [...new Set(rules.map(placeOf))].join(', ');
}

/** A denial of what is there, on which and below which no other rule denies. */
function canMark({ rule, pattern, fact }: Located, fs: FsResult): boolean {
  if (rule.verdict === 'allow' || fs.dropped.has(rule) || fact === null) return false;
  if (pattern === null || pattern.kind === 'glob') return false;
  const node = nodeAt(fs.tree, pattern.path);
  if (pattern.kind === 'exact' && !isFile(node)) return false;
  const strict = ({ rules, globs }: Node) =>
    [...rules, ...globs].some((other) => other.strict && other.located.rule !== rule);
  const deniesBelow = (at: Node): boolean => strict(at) || [...at.children.values()].some(deniesBelow);
  const globsAbove = prefixes(pattern.path).some((path) =>
    nodeAt(fs.tree, path).globs.some((glob) => glob.strict),
  );
  return !globsAbove && !deniesBelow(node);
}

function canMarkPorts(rule: NetRule, layers: readonly LocatedLayer[], net: NetResult): boolean {
  const { first, last } = rule.ports;
  if (rule.verdict === 'allow' || rule.host.kind !== 'any' || last - first >= MAX_PORTS) return false;
  if ((net.handled & netMask(rule.right)) === 0) return false;
  return !layers.some(({ rules }) =>
    rules.some(
      ({ rule: other }) =>
        other.kind === 'net' &&
        other !== rule &&
        other.right === rule.right &&
        other.verdict !== 'allow' &&
        other.ports.first <= last &&
        first <= other.ports.last,
    ),
  );
}

/** What all rules speak about: the mask is one for all marks. */
function common(masks: readonly number[]): number {
  return masks.length === 0 ? 0 : masks.reduce((all, mask) => all & mask);
}

function markPaths(
  granted: readonly PathAccess[],
  quiet: readonly { readonly located: Located<PathRule> }[],
): readonly PathAccess[] {
  const marks = new Map(quiet.map(({ located }) => [located.pattern!.path, located]));
  const marked = granted.map((rule) => (marks.delete(rule.path) ? { ...rule, quiet: true } : rule));
  const added = [...marks].map(([path, { rule, fact }]): PathAccess => {
    const { dev, ino } = fact!;
    return {
      path,
      access: 0,
      identity: { dev, ino },
      missing: 'required',
      origins: [rule.origin],
      quiet: true,
    };
  });
  return [...marked, ...added];
}

function markPorts(granted: readonly PortAccess[], quiet: readonly NetRule[]): readonly PortAccess[] {
  const marks = new Map<number, NetRule>();
  for (const rule of quiet)
    for (let port = rule.ports.first; port <= rule.ports.last; port++) marks.set(port, rule);
  const marked = granted.map((rule) => (marks.delete(rule.port) ? { ...rule, quiet: true } : rule));
  const added = [...marks].map(
    ([port, rule]): PortAccess => ({ port, access: 0, origins: [rule.origin], quiet: true }),
  );
  return [...marked, ...added];
}
