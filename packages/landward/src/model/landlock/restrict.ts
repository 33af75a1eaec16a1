/**
 * `landlock_restrict_self`: from a thread and a ruleset to the thread's new credential, with every errno in the order of
 * the modelled kernel, the log flags, no_new_privs, and the synchronisation of all threads.
 */

import { RESTRICT_SELF } from '../../uapi/landlock.ts';
import { type Behaviour, rung } from './behaviour.ts';
import { heldRuleset, type RulesetFd } from './calls.ts';
import { type Credential, stack } from './domain.ts';
import { done, type Result, refused } from './result.ts';

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
