/**
 * What the supervisor holds of a policy: which gaps it closes, and which calls it must be asked about for that.
 *
 * Owns the choice. The kernel's part of such a plan grants all that may be granted anywhere, so that the supervisor only
 * ever narrows; that widening is `compile-widen.ts`.
 */

import type { NotifyGroup } from '../filter/notify.ts';
import { spokenMask } from '../model/rules/rights.ts';
import type { Category, PathRule, Rule, RuleLayer } from '../model/rules.ts';
import { fsMask } from '../uapi/masks.ts';
import { ANSWERED } from './compile-ask.ts';
import type { GapList } from './compile-gaps.ts';
import type { Feature } from './features.ts';
import type { Gap, Host, SupervisorPlan } from './plan.ts';
import type { Policy } from './policy.ts';

const NET: readonly NotifyGroup[] = ['connect', 'bind', 'send'];

/** What closing a gap asks about, besides what the rule's rights do. */
const CLOSES = {
  'fs.truncate': ['open', 'truncate', 'opened'],
  'fs.ioctl_dev': ['open', 'opened'],
  'fs.deny': [],
  'fs.hide': [],
  'fs.glob': [],
  'fs.metadata': [],
  'fs.create': [],
  'fs.exact': [],
  'net.tcp': NET,
  'net.udp': NET,
  'net.host': NET,
  'net.deny': NET,
  'net.subject': [...NET, 'socket'],
  'net.aim': [...NET, 'socket'],
  'net.lock': [...NET, 'socket'],
  'net.revalidate': [...NET, 'socket', 'use'],
  'unix.connect': NET,
  // Binding too: which names are the program's own is known by it.
  'scope.abstract_unix_socket': NET,
  'scope.signal': ['signal'],
  self: ['open', 'create', 'remove', 'refer', 'truncate', 'metadata'],
} as const satisfies Partial<Record<Feature, readonly NotifyGroup[]>>;

/** The features that the supervisor can hold. */
export const SUPERVISED: ReadonlySet<Feature> = new Set(Object.keys(CLOSES) as Feature[]);

/** Asked about in every supervised plan: what could blind the supervisor, changes of identity, and what programs ask it. */
const ALWAYS: readonly NotifyGroup[] = ['guard', 'credential', 'control'];

/** The groups in which rights on paths are used. */
const BY_RIGHT: readonly (readonly [mask: number, groups: readonly NotifyGroup[]])[] = [
  [fsMask('fs.read_file', 'fs.write_file', 'fs.read_dir', 'fs.truncate', 'fs.make_reg'), ['open']],
  [fsMask('fs.execute'), ['execute']],
  [
    fsMask('fs.make_dir', 'fs.make_char', 'fs.make_block', 'fs.make_fifo', 'fs.make_sym', 'fs.make_reg'),
    ['create'],
  ],
  [fsMask('fs.make_sock'), ['create', 'bind']],
  [fsMask('fs.remove_file', 'fs.remove_dir'), ['remove']],
  [fsMask('fs.truncate'), ['truncate']],
  [fsMask('fs.resolve_unix'), ['connect', 'send']],
];

/** Everything that a path is given to. */
export const PATHS: readonly NotifyGroup[] = [
  'open',
  'create',
  'remove',
  'refer',
  'truncate',
  'find',
  'list',
  'metadata',
  'execute',
  'connect',
  'bind',
  'send',
];

/**
 * The features that the supervisor should hold because this kernel cannot; `null` where the kernel holds the policy,
 * where a person accepted what it does not hold, or where no supervisor could help.
 *
 * @param answers whether somebody answers rules that ask
 */
export function supervisedFeatures(
  policy: Policy,
  host: Host,
  gaps: readonly Gap[],
  answers = false,
): ReadonlySet<Feature> | null {
  const held = answers ? new Set([...SUPERVISED, ...ANSWERED]) : SUPERVISED;
  const wanted = gaps.some(
    ({ feature, rule, accepted, open }) =>
      !accepted && open !== true && held.has(feature) && rule?.enforce !== 'kernel',
  );
  // A ring of io_uring runs calls that nobody is asked about. The host is asked last, since its answer costs something.
  if (!wanted || policy.process.ioUring === 'allow' || !host.seccomp) return null;
  return host.supervisor ? held : null;
}

/**
 * The supervisor's part of a plan.
 *
 * @param layers the layers whose rules the supervisor will ask
 */
export function supervisorPlan(layers: readonly RuleLayer[], gaps: GapList): SupervisorPlan | null {
  const { held } = gaps;
  if (held.length === 0) return null;
  const groups = new Set<NotifyGroup>(ALWAYS);
  for (const { feature, rule } of held) {
    for (const group of (CLOSES as Partial<Record<Feature, readonly NotifyGroup[]>>)[feature] ?? [])
      groups.add(group);
    if (rule !== undefined) for (const group of ruleGroups(rule)) groups.add(group);
  }
  // Names are learned from what name servers answer, over UDP or TCP.
  if (namesOf(layers).length > 0) for (const group of [...NET, 'receive'] as const) groups.add(group);
  return {
    closes: [...new Set(held.map(({ feature }) => feature))],
    groups: ordered(groups),
    names: namesOf(layers),
    mode: 'enforce',
  };
}

/** The groups in which a rule that the supervisor holds can matter. */
function ruleGroups(rule: Rule): readonly NotifyGroup[] {
  switch (rule.kind) {
    case 'net':
      return NET;
    case 'unix':
      // A socket's path can be moved and linked like any other.
      return [...NET, ...(rule.target.kind === 'path' ? (['refer'] as const) : [])];
    case 'scope':
      return [];
    case 'path':
      return rule.verdict === 'hide' ? PATHS : pathGroups(rule);
  }
}

function pathGroups(rule: PathRule): NotifyGroup[] {
  const mask = spokenMask(rule);
  // Whatever may be moved can come to be called otherwise.
  const groups: NotifyGroup[] = ['refer'];
  for (const [bits, some] of BY_RIGHT) if (mask & bits) groups.push(...some);
  if (rule.rights.includes('meta.stat')) groups.push('find');
  if (rule.rights.includes('meta.list')) groups.push('list');
  if (rule.rights.length === 0 || rule.rights.includes('meta.write')) groups.push('metadata');
  if (splitsOpened(mask)) groups.push('opened');
  return groups;
}

/** Whether a rule tells writing apart from what an open file allows later. */
function splitsOpened(mask: number): boolean {
  const write = (mask & fsMask('fs.write_file')) !== 0;
  return (
    write !== ((mask & fsMask('fs.truncate')) !== 0) || write !== ((mask & fsMask('fs.ioctl_dev')) !== 0)
  );
}

/** Host names that rules speak of; a wildcard without its star. */
export function namesOf(layers: readonly RuleLayer[]): readonly string[] {
  const names = layers.flatMap(({ rules }) =>
    rules.flatMap((rule) => (rule.kind === 'net' && rule.host.kind === 'name' ? [rule.host.name] : [])),
  );
  return [...new Set(names)].sort();
}

/** What an observer must be asked about to see every denial that the policy's layers can give. */
export function observedGroups(layers: readonly RuleLayer[]): readonly NotifyGroup[] {
  const listed = new Set(layers.flatMap(({ categories }) => categories));
  const groups = new Set<NotifyGroup>(ALWAYS);
  if (listed.has('fs')) for (const group of FILES) groups.add(group);
  if (listed.has('net') || listed.has('unix')) for (const group of NET) groups.add(group);
  if (listed.has('process')) groups.add('signal');
  for (const { sockets } of layers) for (const group of controlGroups(sockets)) groups.add(group);
  for (const { rules } of layers)
    for (const rule of rules)
      for (const group of ruleGroups(rule)) if (rule.verdict !== 'allow') groups.add(group);
  return ordered(groups);
}

/** What an observer is asked about for what a layer says about sockets. */
function controlGroups(sockets: RuleLayer['sockets']): readonly NotifyGroup[] {
  if (sockets === undefined) return [];
  return [...NET, 'socket', ...(sockets.revalidate === undefined ? [] : (['use'] as const))];
}

/** All that can be asked about parts of the system, where what will be asked is not known yet. */
export function askedGroups(categories: readonly Category[]): readonly NotifyGroup[] {
  return ordered(new Set([...ALWAYS, ...categories.flatMap((category) => ASKED[category])]));
}

const ASKED = {
  fs: [...PATHS, 'opened'],
  net: [...NET, 'receive', 'socket'],
  unix: [...NET, 'refer'],
  process: ['signal', 'ptrace'],
} as const satisfies Record<Category, readonly NotifyGroup[]>;

const FILES: readonly NotifyGroup[] = ['open', 'create', 'remove', 'refer', 'truncate', 'execute'];

function ordered(groups: ReadonlySet<NotifyGroup>): readonly NotifyGroup[] {
  return [...groups].sort();
}
