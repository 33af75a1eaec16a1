/**
 * What all threads of one run have in common, for as long as it holds: the identity, the root and the user namespace that the
 * run began with.
 *
 * Nothing here can be stale. Under a settled filter (`settled.ts`) a thread gets to another user namespace or root only by
 * calls that are refused or that tell of it before they run, and a run begins with all of its threads in one place. Under any
 * other filter nothing is kept.
 */

import type { TaskStatus } from '../target.ts';
import type { Surroundings } from './surroundings.ts';

export interface TargetsOptions {
  /** Whether targets are asked about when they change their identity. */
  readonly tellsIdentity: boolean;
  /** Whether root and user namespace stay what they are, until `changesRoot`. */
  readonly isSettled: boolean;
}

export class Targets {
  readonly #around: Surroundings;
  readonly #isSettled: boolean;
  /** Whether any target may be somebody else than this process. */
  #identitiesDiffer: boolean;
  #rootsDiffer = false;
  #sharesRoot: boolean | undefined;
  #sharesNamespace: boolean | undefined;

  constructor(around: Surroundings, { tellsIdentity, isSettled }: TargetsOptions) {
    this.#around = around;
    this.#isSettled = isSettled;
    this.#identitiesDiffer = !tellsIdentity || around.isMixed;
  }

  get memory() {
    return this.#around.memory;
  }

  get identity() {
    return this.#around.identity;
  }

  get ceiling(): number {
    return this.#around.ceiling;
  }

  /** Whether the root of all threads is this thread's; undefined where each has to be looked at. */
  get sharesRoot(): boolean | undefined {
    return this.#rootsDiffer ? undefined : this.#sharesRoot;
  }

  hasOwnRoot(tid: number): boolean {
    return this.#around.hasOwnRoot(tid);
  }

  /** Keeps what a thread's root was found to be, once it is certain that the thread was the run's. */
  foundRoot(isOwn: boolean): boolean {
    if (this.#isSettled) this.#sharesRoot = isOwn;
    return isOwn;
  }

  /**
   * Whether a thread may be somebody else; a user namespace of its own takes away what a privileged supervisor has. Undefined
   * where the thread has to be looked at.
   */
  get mayDiffer(): boolean | undefined {
    if (this.#identitiesDiffer) return true;
    if (!this.#around.isPrivileged) return false;
    return this.#sharesNamespace === undefined ? undefined : !this.#sharesNamespace;
  }

  hasOwnNamespace(tid: number): boolean {
    return this.#around.hasOwnNamespace(tid);
  }

  /** Keeps what a thread's user namespace was found to be, as `foundRoot`. @returns whether the thread may be somebody else */
  foundNamespace(isOwn: boolean): boolean {
    if (this.#isSettled) this.#sharesNamespace = isOwn;
    return !isOwn;
  }

  /** A status without the capabilities of another user namespace, which mean nothing here. */
  inOwnTerms(status: TaskStatus, tid: number): TaskStatus {
    if (status.capabilities === 0n) return status;
    const own = this.#sharesNamespace ?? this.#around.hasOwnNamespace(tid);
    return own ? status : { ...status, capabilities: 0n };
  }

  /** From now on every thread is looked at for every act. */
  changesIdentity(): void {
    this.#identitiesDiffer = true;
  }

  changesRoot(): void {
    this.#rootsDiffer = true;
  }
}
