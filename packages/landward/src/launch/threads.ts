/**
 * The threads of this process as /proc tells about them, through files opened beforehand: a restricted process may not
 * be able to open them any more, but what is open stays readable.
 */

import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';

/** What is read back of one thread. */
export interface ThreadState {
  readonly tid: number;
  readonly name: string;
  readonly noNewPrivs: boolean;
  /** How many seccomp filters bind it. */
  readonly filters: number;
}

/** Keeps the status files of all threads open. */
export class ThreadWitness implements Disposable {
  readonly #files = new Map<number, number>();

  constructor() {
    for (const tid of readdirSync('/proc/self/task')) {
      try {
        this.#files.set(Number(tid), openSync(`/proc/self/task/${tid}/status`, 'r'));
      } catch {
        // The thread ended between the listing and the opening.
      }
    }
  }

  /** The state of every thread that was there and still is. */
  read(): ThreadState[] {
    return [...this.#files].flatMap(([tid, fd]) => {
      const text = statusText(fd);
      if (text === undefined) return [];
      const value = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1];
      return [
        {
          tid,
          name: value('Name') ?? '',
          noNewPrivs: value('NoNewPrivs') === '1',
          filters: Number(value('Seccomp_filters') ?? (value('Seccomp') === '2' ? 1 : 0)),
        },
      ];
    });
  }

  [Symbol.dispose](): void {
    for (const fd of this.#files.values()) closeSync(fd);
    this.#files.clear();
  }
}

function statusText(fd: number): string | undefined {
  const buffer = Buffer.alloc(8192);
  try {
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
  } catch {
    return undefined;
  }
}

/** The name of a thread, for messages. */
export function threadName(tid: number): string {
  try {
    return readFileSync(`/proc/self/task/${tid}/comm`, 'utf8').trim();
  } catch {
    return 'ended';
  }
}
