/**
 * The truthful account of a plan: each right, each rule, where the plan is stricter, and what stays possible.
 *
 * Owns the words and the three states. Finds nothing itself: it reads what the other `compile` files decided.
 */

import type { Rule } from '../model/rules.ts';
import {
  type AbiRow,
  FS_RIGHTS,
  type FsRight,
  NET_RIGHTS,
  type NetRight,
  type Right,
  SCOPES,
  type Scope,
} from '../uapi/landlock.ts';
import { fsMask, fsRights, netMask, scopeMask } from '../uapi/masks.ts';
import type { LocatedLayer } from './compile-facts.ts';
import type { FilterResult } from './compile-filter.ts';
import type { FsResult } from './compile-fs.ts';
import { shown } from './compile-fs-gaps.ts';
import type { NetResult } from './compile-net.ts';
import { openedByAddress, SUPERVISES, supervisedNote } from './compile-report-held.ts';
import { reportRule } from './compile-report-rule.ts';
import type { ScopeResult } from './compile-scopes.ts';
import { CONNECT_BIT } from './compile-tree.ts';
import type { Gap, PlanRuleset, Report } from './plan.ts';

/** What a report is made of. */
export interface ReportInput {
  readonly row: AbiRow;
  readonly layers: readonly LocatedLayer[];
  readonly fs: FsResult;
  readonly net: NetResult;
  readonly scopes: ScopeResult;
  readonly filter: FilterResult;
  readonly gaps: readonly Gap[];
  /** What the supervisor holds. */
  readonly held: readonly Gap[];
  readonly limits: readonly string[];
  readonly notes: readonly string[];
  readonly ruleset: PlanRuleset | null;
}

/** Makes the report of a plan. */
export function reportOf(input: ReportInput): Report {
  const { row, layers, gaps } = input;
  const missed = gapsByRule(gaps);
  const held = gapsByRule(input.held);
  const rules = layers.flatMap((layer, index) =>
    layer.rules.map(({ rule }, place) =>
      reportRule(input, index, place, missed.get(rule) ?? [], held.has(rule)),
    ),
  );
  return {
    abi: row.abi,
    state: stateOf(input),
    rights: rightsOf(input),
    rules,
    stricter: stricterOf(input),
    residual: residualOf(input),
    notes: [...supervisedNote(input.held), ...input.notes],
  };
}

function gapsByRule(gaps: readonly Gap[]): ReadonlyMap<Rule, readonly Gap[]> {
  const found = new Map<Rule, Gap[]>();
  for (const gap of gaps) {
    if (gap.rule === undefined) continue;
    const known = found.get(gap.rule);
    if (known === undefined) found.set(gap.rule, [gap]);
    else known.push(gap);
  }
  return found;
}

/** Whether all that the policy denies is denied: a plan that is stricter than its policy still holds it fully. */
function stateOf({ gaps, ruleset, filter, fs }: ReportInput): Report['state'] {
  const moving = [...fs.globs.values()].some((count) => count !== null);
  if (gaps.length === 0 && !moving) return 'fully';
  return ruleset === null && filter.filter === null ? 'not' : 'partially';
}

function rightsOf({ fs, net, scopes, filter, ruleset, held }: ReportInput): Report['rights'] {
  const states: { right: Right; state: 'enforced' | 'not handled' | 'lost' }[] = [];
  const put = (right: Right, handled: boolean, wanted: boolean) =>
    states.push({ right, state: handled ? 'enforced' : wanted ? 'lost' : 'not handled' });
  const root = fs.effects.of.get(fs.tree.root)!;
  const supervised = new Set<string>(held.map(({ feature }) => feature));
  for (const right of Object.keys(FS_RIGHTS) as FsRight[]) {
    const bit = fsMask(right);
    // Any ruleset with filesystem rights denies fs.refer, also on the ABI that does not know it.
    const always = right === 'fs.refer' && (ruleset?.handledFs ?? 0) !== 0;
    const handled = always || ((ruleset?.handledFs ?? 0) & bit) !== 0;
    // The filter stands in for the kernel where no UNIX socket can be made.
    const byFilter = bit === CONNECT_BIT && filter.refused.unix;
    put(
      right,
      handled || byFilter || supervised.has(SUPERVISES[right] ?? ''),
      (fs.restricted & bit & ~root.safe) !== 0,
    );
  }
  for (const right of Object.keys(NET_RIGHTS) as NetRight[]) {
    const udp = (netMask(right) & netMask('net.bind_udp', 'net.connect_send_udp')) !== 0;
    const byFilter =
      filter.filter !== null && net.restricted && (udp ? filter.refused.udp : filter.refused.tcp);
    put(
      right,
      ((ruleset?.handledNet ?? 0) & netMask(right)) !== 0 ||
        byFilter ||
        supervised.has('net.subject') ||
        supervised.has(udp ? 'net.udp' : 'net.tcp'),
      net.reach[right] !== 'all',
    );
  }
  for (const scope of Object.keys(SCOPES) as Scope[]) {
    const byFilter = scope === 'scope.abstract_unix_socket' && filter.refused.unix && filter.filter !== null;
    const wanted = (scopes.wanted & scopeMask(scope)) !== 0;
    put(
      scope,
      ((ruleset?.scoped ?? 0) & scopeMask(scope)) !== 0 || (byFilter && wanted) || supervised.has(scope),
      wanted,
    );
  }
  return states;
}

function stricterOf({
  fs,
  net,
  scopes,
  filter,
  layers,
  limits,
  ruleset,
  row,
}: ReportInput): readonly string[] {
  const found: string[] = [...limits];
  if (scopes.refuseUnix && filter.filter !== null) {
    found.push(
      'UNIX sockets cannot be made, not even between programs inside: before Linux 7.1 the kernel cannot tell them apart',
    );
  }
  for (const { path, carved, listed } of fs.expanded) {
    found.push(
      listed
        ? `In '${path}' itself nothing can be made, removed or renamed, and what appears there later is not granted (${fsRights(carved).join(', ')} were granted to what it holds now)`
        : `'${path}' cannot be listed by landward, so that nothing in it was granted`,
    );
  }
  for (const { path, denied } of fs.grants.withheld) {
    found.push(`'${path}' is not granted, because it is the same object as '${denied}', which is denied`);
  }
  for (const layer of layers) {
    for (const { rule, pattern } of layer.rules) {
      if (
        rule.kind === 'unix' &&
        rule.operation === 'bind' &&
        rule.verdict === 'allow' &&
        pattern !== null &&
        fs.restricted & fsMask('fs.make_sock')
      ) {
        if (!bindsAt(fs, pattern.path))
          found.push(
            `A socket cannot be bound at '${shown(rule)}' unless a rule of [fs] grants fs.make_sock on its directory`,
          );
      }
    }
  }
  if (filter.filter !== null && filter.spec.hardening === 'deny') {
    found.push(
      'Calls that hardly any program needs are refused: key store, bpf, performance counters, modules, clock setting and the like',
    );
  }
  if (net.restricted && filter.filter !== null) {
    found.push('Sockets other than TCP, UDP, UNIX and route lookup cannot be made at all');
  }
  if (ruleset !== null && ruleset.handledFs !== 0)
    found.push('Mounts cannot be changed, which Landlock denies with any right of the filesystem');
  if (ruleset !== null && ruleset.handledFs === 0) {
    found.push(
      'Inside another Landlock domain nothing can be moved between directories, since this ruleset has no rights of the filesystem',
    );
  }
  if (row.abi === 1 && ruleset !== null && ruleset.handledFs !== 0) {
    found.push('Nothing can be moved or linked between directories before Linux 5.19');
  }
  return [...new Set(found)];
}

function bindsAt(fs: FsResult, path: string): boolean {
  return fs.grants.paths.some(
    (grant) =>
      grant.access & fsMask('fs.make_sock') &&
      (grant.path === '/' || path === grant.path || path.startsWith(`${grant.path}/`)),
  );
}

function residualOf({ fs, scopes, filter, ruleset, row, held }: ReportInput): readonly string[] {
  const found: string[] = [...filter.residual, ...openedByAddress(held)];
  if (fs.restricted !== 0 && ruleset !== null && ruleset.handledFs !== 0) {
    found.push(
      'stat, chmod, chown, times and extended attributes, and the existence of files, are not restricted by Landlock',
    );
    found.push(
      'that files are opened or changed, and their names, can be watched (inotify) where the user may read',
    );
  }
  if (ruleset !== null) found.push(...sharedByUser(filter));
  if (row.abi > 0 && scopes.restricted && !scopes.refuseUnix) {
    found.push('abstract UNIX sockets can be bound by any name');
  }
  if (ruleset !== null && ruleset.paths.length > 0) {
    found.push(
      'rules hold for objects: what has another name inside a granted tree (a hard link, a bind mount) is granted there, whatever is said about its other names',
    );
  }
  return found;
}

/** What processes of one user share, whatever domains they are in. A filter cannot tell whose an identifier is. */
function sharedByUser({ spec, filter }: FilterResult): readonly string[] {
  const refused = new Set<string>(filter === null ? [] : spec.syscalls);
  const open = SYSTEM_V.filter((name) => !refused.has(name));
  return [
    ...(open.length > 0
      ? [
          `System V shared memory, queues and semaphores of other processes of the user can be reached, unless 'syscalls' in [process] refuses ${open.join(', ')}`,
        ]
      : []),
    ...(refused.has('mq_unlink')
      ? []
      : [
          "POSIX message queues of the user can be removed by name, unless 'syscalls' in [process] refuses mq_unlink",
        ]),
    'priority, scheduling and processor affinity of other processes of the user can be changed',
  ];
}

const SYSTEM_V = ['shmat', 'msgsnd', 'msgrcv', 'semop', 'semtimedop'] as const;
