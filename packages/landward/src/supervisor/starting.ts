/**
 * The start of a target from the deciding thread: a child of this thread's domain, which tells its listener before it
 * executes anything and waits until that is taken.
 *
 * Owns the hand-over. The start itself is a job of another thread, so that its execve can be answered like any other call.
 * What the child does until then is laid out in its image.
 */

import { attempt } from '../kernel/call.ts';
import type { Image } from '../kernel/image.ts';
import type { Inbox, JobEnd } from '../kernel/inbox.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { Patience, StartOrder } from './messages.ts';

const NOT_TOLD = -1;

/** How a start went: the process, or the step that was refused (-1 where it is no step of the image). */
export type StartEnd =
  | { readonly pid: number; readonly pidfd: number; readonly errno?: undefined }
  | { readonly step: number; readonly errno: number };

/** One start. */
export class Starting {
  readonly run: string;
  readonly patience: Patience | undefined;
  /** The number of its job, or `-errno`. */
  readonly job: number;
  readonly #inbox: Inbox;
  readonly #image: Image;
  readonly #told: number;
  readonly #go: StartOrder['go'];
  #taken = false;
  #pid = 0;
  #refused = 0;

  constructor(inbox: Inbox, { run, image, told, go, patience }: StartOrder) {
    this.run = run;
    this.patience = patience;
    this.#inbox = inbox;
    this.#image = { arch: 'x86_64', bytes: image, steps: [], data: 0 };
    this.#told = told;
    this.#go = go;
    // Its thread stays, since the death of a parent is told by threads.
    this.job = inbox.submit(this.#image, { spawn: true, keep: true });
    if (this.job < 0) this.#close();
  }

  /**
   * Takes the listener once the child has told it.
   *
   * @returns the listener, the caller's; `undefined` as long as there is none, or where it could not be taken
   */
  take(): number | undefined {
    if (this.#taken || !this.#inbox.peek(this.job, this.#image)) return undefined;
    const view = new DataView(this.#image.bytes.buffer);
    const [pid, number] = [view.getInt32(this.#told, true), view.getInt32(this.#told + 4, true)];
    if (number === NOT_TOLD) return undefined;
    this.#taken = true;
    this.#pid = pid;
    const pidfd = attempt('pidfd_open', pid, 0);
    const listener = pidfd < 0 ? pidfd : attempt('pidfd_getfd', pidfd, number, 0);
    if (pidfd >= 0) attempt('close', pidfd);
    if (listener >= 0) return listener;
    this.#refused = -listener;
    this.#close();
    return undefined;
  }

  /** The child, once its listener was taken. */
  get pid(): number {
    return this.#pid;
  }

  /** Lets the child execute its program. */
  go(): void {
    attempt('write', this.#go.write, new Int32Array([0]), 4);
    this.#close();
  }

  /** Gives up: the child ends. */
  abandon(errno: number): void {
    this.#refused = errno;
    this.#close();
  }

  /** What came of it, from the end of its job. */
  end({ step, errno, pid, pidfd }: JobEnd): StartEnd {
    this.#inbox.forget(this.job);
    this.#close();
    if (errno === 0) return { pid, pidfd };
    return this.#refused === 0 ? { step, errno } : { step: -1, errno: this.#refused || ERRNO.EIO };
  }

  #closed = false;

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    attempt('close', this.#go.read);
    attempt('close', this.#go.write);
  }
}
