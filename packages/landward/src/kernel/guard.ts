/**
 * The guard of this process: a static executable that ends marked programs when this process dies, however it dies. It is
 * told which marks are alive; with an orderly end it leaves alone.
 *
 * Owns the process and what it is told. What a mark is, and putting it on programs, is the supervisor's business. To be
 * started where nothing is restricted: a Landlock domain would keep it from killing.
 */

import { LandwardError } from '../errors.ts';
import { F, O } from '../uapi/open.ts';
import { ARCH, attempt, call, spawnImage } from './call.ts';
import { Fd } from './fd.ts';
import { ImageBuilder } from './image.ts';
import { nativeFile } from './native.ts';
import { openPidfd, waitPidfd, watchPidfd } from './process.ts';

const ORDER = { ADD: 1n, DROP: 2n, KILL: 3n, QUIT: 4n } as const;
const ORDER_BYTES = 16;
/** As many marks as the guard can hold. */
const MARKS = 4096;

/**
 * A running guard.
 *
 * @example
 * using guard = Guard.start(() => { throw new Error('the guard has died'); });
 * guard.add(mark); // before the first process bears it
 */
export class Guard {
  readonly pid: number;
  readonly #orders: Fd;
  readonly #marks = new Set<bigint>();
  #ended = false;

  private constructor(pid: number, pidfd: Fd, orders: Fd, died: () => void) {
    this.pid = pid;
    this.#orders = orders;
    watchPidfd(pidfd.number, () => {
      waitPidfd(pidfd.number);
      pidfd.close();
      orders.close();
      if (!this.#ended) died();
    }).ref(false);
  }

  /**
   * Starts the guard of this process.
   *
   * @param died called when the guard has ended without being told: marked programs are unguarded then
   * @throws {LandwardError} NATIVE_MISSING without the executable
   * @throws {KernelError} where it cannot be started
   */
  static start(died: () => void): Guard {
    const file = nativeFile('guard');
    if (file === undefined)
      throw new LandwardError('NATIVE_MISSING', `Landward has no guard for ${process.arch}`);
    using self = openPidfd(process.pid);
    const ends = new Int32Array(2);
    call('make a pipe', 'pipe2', ends, O[ARCH].CLOEXEC);
    using read = new Fd(ends[0]!);
    const write = new Fd(ends[1]!);
    const build = new ImageBuilder(ARCH);
    for (const fd of [self.number, read.number])
      build.step('fcntl', [fd, F.SETFD, 0], `hand descriptor ${fd} to the guard`);
    const words = ['landward-guard', String(self.number), String(read.number)];
    build.step(
      'execve',
      [build.string(file), build.strings(words), build.strings([])],
      `execute ${JSON.stringify(file)}`,
    );
    try {
      const { pid, pidfd } = spawnImage(build.build());
      return new Guard(pid, new Fd(pidfd), write, died);
    } catch (error) {
      write.close();
      throw error;
    }
  }

  /**
   * From now on the processes with this mark die with this process. To be called before the first one bears it.
   *
   * @throws {RangeError} when 4096 marks are alive
   */
  add(mark: bigint): void {
    if (this.#marks.size >= MARKS) throw new RangeError(`More than ${MARKS} supervised programs at once`);
    this.#marks.add(mark);
    this.#tell(ORDER.ADD, mark);
  }

  /** No process bears the mark any more. */
  drop(mark: bigint): void {
    if (this.#marks.delete(mark)) this.#tell(ORDER.DROP, mark);
  }

  /** Ends every process with the mark. Returns at once; that none is left is seen by other means. */
  kill(mark: bigint): void {
    this.#tell(ORDER.KILL, mark);
  }

  /** Lets the guard end without ending anybody. */
  close(): void {
    if (this.#ended) return;
    this.#tell(ORDER.QUIT, 0n);
    this.#ended = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #tell(kind: bigint, mark: bigint): void {
    const order = new BigUint64Array([kind, mark]);
    // A guard that has died is told of by `died`.
    if (this.#orders.number >= 0) attempt('write', this.#orders.number, order, ORDER_BYTES);
  }
}
