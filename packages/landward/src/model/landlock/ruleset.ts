/**
 * Rulesets: `landlock_create_ruleset` and `landlock_add_rule` on values, with every errno in the kernel's order.
 * A ruleset is immutable; adding a rule gives a new one that shares the old one's rules, in constant time.
 *
 * Reading a call's arguments from memory is `calls.ts`. Making a domain of a ruleset is `restrict.ts`.
 */

import { ADD_RULE } from '../../uapi/landlock.ts';
import { ACCESS_FILE } from '../../uapi/masks.ts';
import { type Behaviour, rung } from './behaviour.ts';
import { done, type Result, refused } from './result.ts';
import type { Inode, Path } from './world.ts';

/** The fields of `struct landlock_ruleset_attr`; absent ones are zero. Bits of any width are accepted as bigint. */
export interface RulesetAttr {
  readonly handledFs?: number | bigint;
  readonly handledNet?: number | bigint;
  readonly scoped?: number | bigint;
  readonly quietFs?: number | bigint;
  readonly quietNet?: number | bigint;
  readonly quietScoped?: number | bigint;
}

/** A rule, and the ones added before it. */
export type RuleList =
  | {
      readonly kind: 'path';
      readonly inode: Inode;
      readonly access: number;
      readonly quiet: boolean;
      readonly before: RuleList | null;
    }
  | {
      readonly kind: 'port';
      readonly port: number;
      readonly access: number;
      readonly quiet: boolean;
      readonly before: RuleList | null;
    };

export interface Ruleset {
  readonly handledFs: number;
  readonly handledNet: number;
  readonly scoped: number;
  readonly quietFs: number;
  readonly quietNet: number;
  readonly quietScoped: number;
  readonly rules: RuleList | null;
  /** How many rules were added: the version that tracepoints print. */
  readonly version: number;
  /** Set where this Linux numbers rulesets. */
  readonly id: bigint | null;
}

/** What the descriptor in a path rule refers to. */
export type ParentFd =
  | { readonly kind: 'closed' }
  | { readonly kind: 'ruleset' }
  | { readonly kind: 'path'; readonly path: Path };

/**
 * Makes a ruleset.
 *
 * @param attr the fields; those that the ABI does not know must be zero (`E2BIG`, as for a longer struct).
 * @param id the identifier for the ruleset, where the kernel numbers them.
 * @returns the empty ruleset, or EOPNOTSUPP, E2BIG, EINVAL or ENOMSG.
 */
export function createRuleset(
  behaviour: Behaviour,
  attr: RulesetAttr,
  id: bigint | null = null,
): Result<Ruleset> {
  const row = rung(behaviour);
  if (row.abi === 0) return refused('EOPNOTSUPP');
  const given = [
    attr.handledFs,
    attr.handledNet,
    attr.scoped,
    attr.quietFs,
    attr.quietNet,
    attr.quietScoped,
  ].map((field) => BigInt(field ?? 0));
  if (given.some((field, index) => (index + 1) * 8 > row.attrSize && field !== 0n)) return refused('E2BIG');
  const [fs, net, scoped, quietFs, quietNet, quietScoped] = given as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  if (unknown(fs, row.fs) || unknown(net, row.net) || unknown(scoped, row.scoped)) return refused('EINVAL');
  if ((quietFs & ~fs) !== 0n || (quietNet & ~net) !== 0n || (quietScoped & ~scoped) !== 0n)
    return refused('EINVAL');
  if (fs === 0n && net === 0n && scoped === 0n) return refused('ENOMSG');
  return done({
    handledFs: Number(fs),
    handledNet: Number(net),
    scoped: Number(scoped),
    quietFs: Number(quietFs),
    quietNet: Number(quietNet),
    quietScoped: Number(quietScoped),
    rules: null,
    version: 0,
    id: behaviour.knobs.rulesetIds ? id : null,
  });
}

/**
 * Adds a rule for an inode and everything below it.
 *
 * @returns the larger ruleset, or EINVAL, ENOMSG, EBADF or EBADFD.
 */
export function addPathRule(
  behaviour: Behaviour,
  ruleset: Ruleset,
  rule: { readonly access: number | bigint; readonly parent: ParentFd; readonly flags?: number },
): Result<Ruleset> {
  const flags = rule.flags ?? 0;
  if ((flags & ~rung(behaviour).addRuleFlags) !== 0) return refused('EINVAL');
  const access = BigInt(rule.access);
  if (access === 0n && flags === 0) return refused('ENOMSG');
  if (unknown(access, ruleset.handledFs)) return refused('EINVAL');
  const quiet = (flags & ADD_RULE.QUIET) !== 0;
  if (quiet && ruleset.quietFs === 0) return refused('EINVAL');
  if (rule.parent.kind === 'closed') return refused('EBADF');
  if (rule.parent.kind === 'ruleset') return refused('EBADFD');
  const { mount, dentry } = rule.parent.path;
  const inode = dentry.inode;
  if (mount.internal || inode === null || inode.superblock.noUser || inode.private) return refused('EBADFD');
  if (inode.type !== 'dir' && unknown(access, ACCESS_FILE)) return refused('EINVAL');
  return done({
    ...ruleset,
    version: ruleset.version + 1,
    rules: { kind: 'path', inode, access: Number(access), quiet, before: ruleset.rules },
  });
}

/**
 * Adds a rule for a port.
 *
 * @param rule `port` in host order.
 * @returns the larger ruleset, or EINVAL or ENOMSG.
 */
export function addPortRule(
  behaviour: Behaviour,
  ruleset: Ruleset,
  rule: { readonly access: number | bigint; readonly port: number | bigint; readonly flags?: number },
): Result<Ruleset> {
  const flags = rule.flags ?? 0;
  if ((flags & ~rung(behaviour).addRuleFlags) !== 0) return refused('EINVAL');
  const access = BigInt(rule.access);
  if (access === 0n && flags === 0) return refused('ENOMSG');
  if (unknown(access, ruleset.handledNet)) return refused('EINVAL');
  const quiet = (flags & ADD_RULE.QUIET) !== 0;
  if (quiet && ruleset.quietNet === 0) return refused('EINVAL');
  const port = BigInt(rule.port);
  if (port < 0n || port > 0xffffn) return refused('EINVAL');
  return done({
    ...ruleset,
    version: ruleset.version + 1,
    rules: { kind: 'port', port: Number(port), access: Number(access), quiet, before: ruleset.rules },
  });
}

function unknown(bits: bigint, known: number): boolean {
  return (bits & ~BigInt(known)) !== 0n;
}
