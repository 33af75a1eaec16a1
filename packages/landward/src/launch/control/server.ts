/**
 * The owner's way into a run: a socket in the registry, on which whoever may trace this process can ask about the run and
 * change what may be changed.
 *
 * Owns the socket, and how many are heard at once. A connection is `conversation.ts`; what a request does is the handler's.
 */

import { rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { attempt } from '../../kernel/call.ts';
import type { Fd } from '../../kernel/fd.ts';
import { watchPidfd } from '../../kernel/process.ts';
import { acceptOn, listenIn } from '../../kernel/unix-listener.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { Conversation, type Handle } from './conversation.ts';

/** Connections at once; another one is closed unheard. */
const MOST = 16;
/** How long nothing is taken when descriptors have run out, milliseconds. */
const PAUSE_MS = 500;

export class ControlServer implements Disposable {
  readonly #path: string;
  readonly #run: string;
  readonly #listener: Fd;
  readonly #handle: Handle;
  readonly #open = new Set<Disposable>();
  #watch: ReturnType<typeof watchPidfd> | undefined;
  #pause: NodeJS.Timeout | undefined;

  /**
   * @param path of the socket, which must not exist
   * @param run the run's id
   * @throws {KernelError} where there can be no such socket
   */
  constructor(path: string, run: string, handle: Handle) {
    this.#path = path;
    this.#run = run;
    this.#handle = handle;
    this.#listener = listenIn(dirname(path), basename(path));
    this.#await();
  }

  #await(): void {
    this.#watch = watchPidfd(this.#listener.number, () => this.#accept());
    this.#watch.ref(false);
  }

  #accept(): void {
    if (this.#listener.number < 0) return;
    const fd = acceptOn(this.#listener.number);
    if (fd >= 0) {
      if (this.#open.size >= MOST) attempt('close', fd);
      else this.#talk(fd);
    } else if (fd !== -ERRNO.EAGAIN && fd !== -ERRNO.ECONNABORTED && fd !== -ERRNO.EINTR) {
      this.#pause = setTimeout(() => this.#await(), PAUSE_MS);
      this.#pause.unref();
      return;
    }
    this.#await();
  }

  #talk(fd: number): void {
    const conversation: Conversation = new Conversation(fd, this.#run, this.#handle, () => {
      this.#open.delete(conversation);
    });
    this.#open.add(conversation);
    conversation.begin();
  }

  [Symbol.dispose](): void {
    if (this.#listener.number < 0) return;
    clearTimeout(this.#pause);
    this.#watch?.stop();
    // Only then is the number free for something else.
    this.#listener.close();
    for (const one of [...this.#open]) one[Symbol.dispose]();
    rmSync(this.#path, { force: true });
  }
}
