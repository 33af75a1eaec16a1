/**
 * Ending everything that a program started: its process group, and its descendants as /proc shows them.
 *
 * Owns the search and the order of signals. What it cannot reach is a process that left the group and whose parent
 * ended before the search (it then belongs to init); a cgroup closes that, and for the command line a subreaper does.
 */

import { readdirSync, readFileSync } from 'node:fs';

/** The children of a process, of all its threads. */
export function childrenOf(pid: number): number[] {
  const children: number[] = [];
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  for (const thread of threads) {
    try {
      const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim();
      if (text !== '') children.push(...text.split(' ').map(Number));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The thread is gone, or this kernel has no such file (then the whole of /proc is searched).
      if (code === 'ENOENT' && thread === String(pid)) return scan(pid);
    }
  }
  return children;
}

function scan(parent: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    return Number.isInteger(pid) && parentOf(pid) === parent ? [pid] : [];
  });
}

function parentOf(pid: number): number | undefined {
  const parent = statOf(pid)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

/** A process that cannot be confused with a later one of the same number. */
interface Known {
  readonly pid: number;
  readonly begun: string;
}

/**
 * A program and all that it started. Must be told to end before the program's exit is taken, so that its number is its own.
 */
export class Tree {
  readonly #pid: number;
  readonly #group: boolean;
  readonly #cgroup: { kill(): boolean } | undefined;
  readonly #except: number | undefined;
  readonly #seen = new Map<number, Known>();

  /**
   * @param pid the program's process
   * @param group whether it leads a process group of its own
   * @param cgroup the cgroup that holds it, where there is one
   * @param except a child that does not belong to it
   */
  constructor(pid: number, group: boolean, cgroup?: { kill(): boolean }, except?: number) {
    this.#pid = pid;
    this.#group = group;
    this.#cgroup = cgroup;
    this.#except = except;
  }

  /** Asks all processes to end, and remembers them: a child whose parent obeys first is not found by descent any more. */
  end(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL') {
      this.kill();
      return;
    }
    this.#note();
    if (this.#group) send(-this.#pid, signal);
    else send(this.#pid, signal);
    for (const { pid } of this.#alive()) if (groupOf(pid) !== this.#pid || !this.#group) send(pid, signal);
  }

  /** Ends all processes at once. They are stopped first, so that none can start another one unseen. */
  kill(): void {
    if (this.#cgroup?.kill()) return;
    send(this.#pid, 'SIGSTOP');
    // Bounded, since a process that the kernel does not stop at once may go on starting others.
    for (let round = 0; round < 64 && this.#note(); round++)
      for (const { pid } of this.#alive()) send(pid, 'SIGSTOP');
    if (this.#group) send(-this.#pid, 'SIGKILL');
    send(this.#pid, 'SIGKILL');
    for (const { pid } of this.#alive()) send(pid, 'SIGKILL');
  }

  /** Looks for descendants, of those that were found before too; whether there was a new one. */
  #note(): boolean {
    const looked = new Set<number>();
    const open = [this.#pid, ...this.#alive().map(({ pid }) => pid)];
    let found = false;
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (looked.has(next)) continue;
      looked.add(next);
      for (const pid of childrenOf(next)) {
        if (pid === this.#except) continue;
        open.push(pid);
        const begun = beginOf(pid);
        if (begun === undefined || this.#seen.get(pid)?.begun === begun) continue;
        this.#seen.set(pid, { pid, begun });
        found = true;
      }
    }
    return found;
  }

  /** Stops every process that is not stopped yet, and says which: so that none inside can wake another. */
  freeze(): readonly number[] {
    const frozen: number[] = [];
    for (let round = 0; round < 64; round++) {
      this.#note();
      const running = this.#alive().filter(
        ({ pid }) => !isStopped(pid) && !isZombie(pid) && !frozen.includes(pid),
      );
      if (running.length === 0) break;
      for (const { pid } of running) {
        frozen.push(pid);
        send(pid, 'SIGSTOP');
      }
    }
    return frozen;
  }

  #alive(): Known[] {
    return [...this.#seen.values()].filter(({ pid, begun }) => beginOf(pid) === begun);
  }
}

function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** When a process began, in ticks since boot. */
function beginOf(pid: number): string | undefined {
  return statOf(pid)?.[19];
}

/** The process group of a process; NaN when it is gone. */
export function groupOf(pid: number): number {
  return Number(statOf(pid)?.[2]);
}

/** Whether a process is stopped by a signal. */
export function isStopped(pid: number): boolean {
  return statOf(pid)?.[0] === 'T';
}

/** Whether a process has ended and waits for its parent. */
export function isZombie(pid: number): boolean {
  return statOf(pid)?.[0] === 'Z';
}

/** Sends a signal to a process (or, negative, a group) that may be gone. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone meanwhile. Nothing here can become another user's: no_new_privs takes the effect of set-id bits.
  }
}
