/**
 * `landlock_restrict_self`: from a thread and a ruleset to the thread's new credential, with every errno in the order of
 * the modelled kernel, the log flags, no_new_privs, and the synchronisation of all threads.
 */

import { RESTRICT_SELF } from '../../uapi/landlock.ts';
import { type Behaviour, rung } from './behaviour.ts';
import { heldRuleset, type RulesetFd } from './calls.ts';
import { type Credential, stack } from './domain.ts';
import { done, type Result, refused } from './result.ts';
import type { Ruleset } from './ruleset.ts';

/** A thread as far as this call looks at it. */
export interface Thread {
  readonly credential: Credential;
  readonly noNewPrivs: boolean;
  /** CAP_SYS_ADMIN in the thread's current user namespace. */
  readonly sysAdmin: boolean;
}

export interface Restriction {
  /** What the ruleset descriptor refers to, or -1 for "no ruleset". */
  readonly fd: RulesetFd | -1;
  readonly flags: number;
  /** The identifier that the new domain gets, where the kernel numbers domains. */
  readonly id?: bigint | null;
}

/** What the call makes of a process: the caller first, then the other threads. */
export interface Restricted {
  readonly caller: Thread;
  readonly siblings: readonly Thread[];
}

/**
 * Restricts a thread, or with TSYNC all threads of its process.
 *
 * @returns the threads after the call, or EOPNOTSUPP, EPERM, EINVAL, EBADF, EBADFD or E2BIG; after a refusal all threads
 *   are as they were.
 */
export function restrictSelf(
  behaviour: Behaviour,
  caller: Thread,
  restriction: Restriction,
  siblings: readonly Thread[] = [],
): Result<Restricted> {
  const row = rung(behaviour);
  if (row.abi === 0) return refused('EOPNOTSUPP');
  const { flags } = restriction;
  const setsNoNewPrivs = (flags & RESTRICT_SELF.NO_NEW_PRIVS) !== 0;
  const unknownFlags = (flags & ~row.restrictFlags) !== 0;
  const unprivileged = !caller.noNewPrivs && !caller.sysAdmin;
  if (behaviour.knobs.privilegeFirst && unprivileged) return refused('EPERM');
  if (unknownFlags) return refused('EINVAL');
  if (unprivileged && !setsNoNewPrivs) return refused('EPERM');

  const next = nextCredential(behaviour, caller.credential, restriction);
  if (!next.ok) return next;
  const noNewPrivs = caller.noNewPrivs || setsNoNewPrivs;
  const thread = { ...caller, credential: next.value, noNewPrivs };
  const everyone = (flags & RESTRICT_SELF.TSYNC) !== 0;
  return done({
    caller: thread,
    siblings: everyone
      ? siblings.map((sibling) => ({
          ...sibling,
          credential: next.value,
          noNewPrivs: sibling.noNewPrivs || noNewPrivs,
        }))
      : siblings,
  });
}

/** A copy of a domain as somebody puts it on: what each of its layers was made of, and the identifiers that the new layers get. */
export interface Import {
  /** Oldest first, at least one. */
  readonly rulesets: readonly Ruleset[];
  readonly flags: number;
  /** One for each ruleset, increasing. */
  readonly ids: readonly (bigint | null)[];
}

/**
 * Restricts a thread as another domain does: each of its layers becomes a new layer of the thread's own, so that what both
 * allow is left. One ruleset could not say what several layers intersect to.
 *
 * @returns the thread after all of it, and the new layers; or the first refusal of `restrictSelf`, after which nothing has
 *   changed (E2BIG where there is no room for all layers).
 */
export function restrictAs(
  behaviour: Behaviour,
  caller: Thread,
  { rulesets, flags, ids }: Import,
): Result<Restricted> {
  let thread = caller;
  for (const [index, ruleset] of rulesets.entries()) {
    // What the caller mutes holds for later layers only, and those of this call are one.
    const last = index === rulesets.length - 1;
    const restricted = restrictSelf(behaviour, thread, {
      fd: { kind: 'ruleset', ruleset, read: true, write: false },
      flags: last ? flags : flags & ~RESTRICT_SELF.LOG_SUBDOMAINS_OFF,
      id: ids[index] ?? null,
    });
    if (!restricted.ok) return restricted;
    thread = restricted.value.caller;
  }
  return done({ caller: thread, siblings: [] });
}

function nextCredential(
  behaviour: Behaviour,
  before: Credential,
  { fd, flags, id }: Restriction,
): Result<Credential> {
  const muteSubdomains = (flags & RESTRICT_SELF.LOG_SUBDOMAINS_OFF) !== 0;
  const subdomainsMuted = before.subdomainsMuted || muteSubdomains;
  if (fd === -1) {
    const onlyMutes = (flags & ~RESTRICT_SELF.TSYNC) === RESTRICT_SELF.LOG_SUBDOMAINS_OFF;
    return onlyMutes ? done({ ...before, subdomainsMuted }) : refused('EBADF');
  }
  const held = heldRuleset(fd, 'read');
  if (!held.ok) return held;
  const depth = before.domain?.layers.length ?? 0;
  if (depth >= rung(behaviour).maxLayers) return refused('E2BIG');
  const sameExec = (flags & RESTRICT_SELF.LOG_SAME_EXEC_OFF) === 0;
  const newExec = (flags & RESTRICT_SELF.LOG_NEW_EXEC_ON) !== 0;
  // What the caller muted before holds for this layer; what this call mutes holds for later ones.
  const disabled = before.subdomainsMuted || (!sameExec && !newExec);
  const domain = stack(before.domain, held.value, { id: id ?? null, log: { sameExec, newExec, disabled } });
  return done({ domain, sameExec: before.sameExec | (1 << depth), subdomainsMuted });
}
