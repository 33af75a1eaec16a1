/**
 * Rulesets that a program chooses when a process executes another: what was proposed in 2026 to join programs with static
 * layers. A map holds rulesets, a program at exec takes one out, restricts the new program with it, and gives it back.
 *
 * Owns the map and the two functions, on values. Nothing here runs on real processes.
 */

import { RESTRICT_SELF } from '../../uapi/landlock.ts';
import type { Behaviour } from '../landlock/behaviour.ts';
import type { RulesetFd } from '../landlock/calls.ts';
import { restrictSelf, type Thread } from '../landlock/restrict.ts';
import { type Result, refused } from '../landlock/result.ts';

/** A ruleset in a program's hands: opaque, and to be given back. */
export interface HeldRuleset {
  readonly fd: RulesetFd & { readonly kind: 'ruleset' };
}

/** A map from numbers to rulesets. User space puts descriptors in and gets nothing out. */
export class RulesetMap {
  readonly #entries: (RulesetFd & { readonly kind: 'ruleset' })[] = [];
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  /** The loader's update: BPF_ANY (0) only. @returns 0, or EINVAL, E2BIG, EBADF, EBADFD */
  update(key: number, fd: RulesetFd, flags: number): number {
    if (flags !== 0) return refused('EINVAL').errno;
    if (!Number.isInteger(key) || key < 0 || key >= this.#size) return refused('E2BIG').errno;
    if (fd.kind === 'closed') return refused('EBADF').errno;
    if (fd.kind !== 'ruleset') return refused('EBADFD').errno;
    this.#entries[key] = fd;
    return 0;
  }

  /** What user space gets for a lookup: EOPNOTSUPP, since a policy is not to be read back. */
  userLookup(): number {
    return refused('EOPNOTSUPP').errno;
  }

  /** The ruleset of a key; `null` where there is none. */
  at(key: number): (RulesetFd & { readonly kind: 'ruleset' }) | null {
    return this.#entries[key] ?? null;
  }
}

/** What a program at exec may do. */
export interface ExecHelpers {
  /** Takes a ruleset out of a map; it has to be given back. */
  take(map: RulesetMap, key: number): HeldRuleset | null;
  put(ruleset: HeldRuleset): void;
  /**
   * Restricts the program that is about to run; the one that runs until then is not.
   *
   * @returns 0 or a negative errno
   */
  restrict(ruleset: HeldRuleset, flags: number): number;
}

/** A program at exec; `file` is whatever its loader marks executables with. */
export type ExecProgram = (file: ProgramFileMark, helpers: ExecHelpers) => number;
export type ProgramFileMark = bigint;

const EXEC_FLAGS = RESTRICT_SELF.NO_NEW_PRIVS;

/**
 * Executes a program through a program at exec.
 *
 * @param behaviour the kernel's Landlock, `null` where there is none
 * @returns the thread as the new program runs, or the errno: EPERM where the program denies, EINVAL where it kept a ruleset,
 *   which a verifier would have refused
 */
export function execute(
  behaviour: Behaviour | null,
  thread: Thread,
  file: ProgramFileMark,
  program: ExecProgram,
): Result<Thread> {
  const held = new Set<HeldRuleset>();
  let next = thread;
  const answer = program(file, {
    take(map, key) {
      const fd = map.at(key);
      if (fd === null) return null;
      const taken = { fd };
      held.add(taken);
      return taken;
    },
    put: (ruleset) => void held.delete(ruleset),
    restrict(ruleset, flags) {
      if (!held.has(ruleset)) return -refused('EINVAL').errno;
      if (behaviour === null) return -refused('EOPNOTSUPP').errno;
      if ((flags & ~EXEC_FLAGS) !== 0) return -refused('EINVAL').errno;
      // Such programs are loaded by who may administer the system: what a process restricts itself with needs no_new_privs.
      const caller = {
        ...next,
        sysAdmin: true,
        noNewPrivs: next.noNewPrivs || (flags & RESTRICT_SELF.NO_NEW_PRIVS) !== 0,
      };
      const restricted = restrictSelf(behaviour, caller, { fd: ruleset.fd, flags: 0 });
      if (!restricted.ok) return -restricted.errno;
      next = { ...restricted.value.caller, sysAdmin: thread.sysAdmin };
      return 0;
    },
  });
  if (held.size > 0) return refused('EINVAL');
  return answer === 0 ? { ok: true, value: next } : refused('EPERM');
}
