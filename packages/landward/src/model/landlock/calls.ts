/**
 * The three system calls as a program makes them: arguments in memory, descriptors by number, flags. Checks in the
 * kernel's order and hands over to `ruleset.ts`, where the values are judged.
 *
 * Memory and descriptors are given by the caller; nothing here reads a process.
 */

import { ADD_RULE, CREATE_RULESET, RULE_TYPE } from '../../uapi/landlock.ts';
import { type Behaviour, rung } from './behaviour.ts';
import { done, type Result, refused } from './result.ts';
import { addPathRule, addPortRule, createRuleset, type ParentFd, type Ruleset } from './ruleset.ts';

/** What a pointer argument leads to: `null` for NULL, else the readable bytes (reading past them is EFAULT). */
export type Memory = Uint8Array | null;

/** What a ruleset descriptor refers to. */
export type RulesetFd =
  | { readonly kind: 'closed' }
  | { readonly kind: 'other' }
  | { readonly kind: 'ruleset'; readonly ruleset: Ruleset; readonly read: boolean; readonly write: boolean };

/** A new ruleset, or the answer to a question (`CREATE_RULESET.VERSION`, `CREATE_RULESET.ERRATA`). */
export type Created =
  | { readonly kind: 'ruleset'; readonly ruleset: Ruleset }
  | { readonly kind: 'answer'; readonly value: number };

const MIN_ATTR = 8;

/**
 * `landlock_create_ruleset(attr, size, flags)`.
 *
 * @param call `size` in bytes, as the program gave it.
 * @returns what was created, or EOPNOTSUPP, EINVAL, EFAULT, E2BIG or ENOMSG.
 */
export function createRulesetCall(
  behaviour: Behaviour,
  call: { readonly attr: Memory; readonly size: number; readonly flags: number },
  id: bigint | null = null,
): Result<Created> {
  const row = rung(behaviour);
  if (row.abi === 0) return refused('EOPNOTSUPP');
  if (call.flags !== 0) {
    if (call.attr !== null || call.size !== 0) return refused('EINVAL');
    const known = row.createFlags | (behaviour.knobs.tellsErrata ? CREATE_RULESET.ERRATA : 0);
    if ((call.flags & ~known) !== 0) return refused('EINVAL');
    if (call.flags === CREATE_RULESET.VERSION) return done({ kind: 'answer', value: behaviour.abi });
    if (call.flags === CREATE_RULESET.ERRATA) return done({ kind: 'answer', value: behaviour.errata });
    return refused('EINVAL');
  }
  if (call.attr === null) return refused('EFAULT');
  if (call.size < MIN_ATTR) return refused('EINVAL');
  if (call.size > behaviour.knobs.pageSize) return refused('E2BIG');
  for (let at = row.attrSize; at < call.size; at++) {
    if (at >= call.attr.length) return refused('EFAULT');
    if (call.attr[at] !== 0) return refused('E2BIG');
  }
  const known = Math.min(call.size, row.attrSize);
  if (call.attr.length < known) return refused('EFAULT');
  const struct = new Uint8Array(48);
  struct.set(call.attr.subarray(0, known));
  const view = new DataView(struct.buffer);
  const created = createRuleset(
    behaviour,
    {
      handledFs: view.getBigUint64(0, true),
      handledNet: view.getBigUint64(8, true),
      scoped: view.getBigUint64(16, true),
      quietFs: view.getBigUint64(24, true),
      quietNet: view.getBigUint64(32, true),
      quietScoped: view.getBigUint64(40, true),
    },
    id,
  );
  return created.ok ? done({ kind: 'ruleset', ruleset: created.value }) : created;
}

/**
 * `landlock_add_rule(ruleset_fd, rule_type, rule_attr, flags)`.
 *
 * @param parent what a descriptor number in the rule refers to.
 * @returns the larger ruleset, or EOPNOTSUPP, EINVAL, EBADF, EBADFD, EPERM, EFAULT or ENOMSG.
 */
export function addRuleCall(
  behaviour: Behaviour,
  call: { readonly fd: RulesetFd; readonly type: number; readonly attr: Memory; readonly flags: number },
  parent: (fd: number) => ParentFd,
): Result<Ruleset> {
  const row = rung(behaviour);
  if (row.abi === 0) return refused('EOPNOTSUPP');
  if ((call.flags & ~(ADD_RULE.QUIET & row.addRuleFlags)) !== 0) return refused('EINVAL');
  const held = heldRuleset(call.fd, 'write');
  if (!held.ok) return held;
  if (call.type !== RULE_TYPE.PATH_BENEATH && !(call.type === RULE_TYPE.NET_PORT && row.net !== 0))
    return refused('EINVAL');
  const size = call.type === RULE_TYPE.PATH_BENEATH ? 12 : 16;
  if (call.attr === null || call.attr.length < size) return refused('EFAULT');
  const view = new DataView(call.attr.buffer, call.attr.byteOffset, size);
  const access = view.getBigUint64(0, true);
  return call.type === RULE_TYPE.PATH_BENEATH
    ? addPathRule(behaviour, held.value, {
        access,
        parent: parent(view.getInt32(8, true)),
        flags: call.flags,
      })
    : addPortRule(behaviour, held.value, { access, port: view.getBigUint64(8, true), flags: call.flags });
}

/** The ruleset behind a descriptor: EBADF where it is closed, EBADFD where it is something else, EPERM without the mode. */
export function heldRuleset(fd: RulesetFd, mode: 'read' | 'write'): Result<Ruleset> {
  if (fd.kind === 'closed') return refused('EBADF');
  if (fd.kind === 'other') return refused('EBADFD');
  return fd[mode] ? done(fd.ruleset) : refused('EPERM');
}
