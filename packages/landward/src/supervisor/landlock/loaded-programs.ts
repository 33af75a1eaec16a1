/**
 * The policy programs that the programs of a run have loaded by themselves, each behind a descriptor.
 *
 * Owns how many there may be. A descriptor means something in its own run only; what is enforced with one is `prepend.ts`.
 */

import type { Program } from '../../model/programs/index.ts';
import { type Budget, FUEL } from '../../programs/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { refuse } from '../call.ts';
import { Handles } from '../handles.ts';
import { RunTags } from '../programs/inodes.ts';

/** Loads of one run, refused ones included: verifying takes time of the deciding thread, and nobody tells of a close. */
const MAX_LOADS = 256;
/** What all programs may take for one call together, in instructions. */
const DECISION_FUEL = 2 * FUEL;
/** Milliseconds of the deciding thread, which may serve other runs as well, that one run may take for verifying. */
const MAX_TIME = 5000;
/** Bytes of memory (contexts, stacks, maps) of all that one run has loaded. */
const MAX_MEMORY = 1 << 26;

export class LoadedPrograms implements Disposable {
  readonly #handles = new Handles<Program>();
  /** What all programs that are asked one question may take together. */
  readonly budget: Budget = { left: 0 };
  /** Nothing: no hook of threads looks at files. */
  readonly tags = new RunTags();
  #call: bigint | null = null;
  #loads = 0;
  #time = 0;
  #memory = 0;

  /** Gives a call its budget: once, however often it is asked about. A long list takes no longer than a short one. */
  ask(call: bigint): void {
    if (call === this.#call) return;
    this.#call = call;
    this.budget.left = DECISION_FUEL;
  }

  /**
   * Counts a load before it begins.
   *
   * @throws {Refused} ENOMEM where the run has had all of its loads
   */
  begin(): void {
    if (this.#loads >= MAX_LOADS) refuse(ERRNO.ENOMEM);
    this.#loads++;
  }

  /**
   * Does the part of a load that takes time, on the clock of the run.
   *
   * @throws {Refused} ENOMEM where loads that came before have taken it all
   */
  timed<T>(act: () => T): T {
    if (this.#time >= MAX_TIME) refuse(ERRNO.ENOMEM);
    const start = performance.now();
    try {
      return act();
    } finally {
      this.#time += performance.now() - start;
    }
  }

  /**
   * Counts memory that a load is about to take.
   *
   * @throws {Refused} ENOMEM where that is more than the run may have
   */
  take(bytes: number): void {
    if (this.#memory + bytes > MAX_MEMORY) refuse(ERRNO.ENOMEM);
    this.#memory += bytes;
  }

  /** Gives back what was taken for a while, or for a load that has failed. */
  giveBack(bytes: number): void {
    this.#memory -= bytes;
  }

  /** A descriptor for a program, the caller's; or `-errno`. */
  make(program: Program): number {
    return this.#handles.make(program);
  }

  /** The program that a descriptor of this process stands for; `null` where it is something else. */
  find(fd: number): Program | null {
    return this.#handles.find(fd);
  }

  [Symbol.dispose](): void {
    this.#handles[Symbol.dispose]();
  }
}
