/**
 * Programs that have been allowed to start, until it is seen what did start. A program that the policy would not have let
 * start ends the run.
 *
 * Owns the looking, while any start is open. Only the policy of the plan is asked again: it needs no call to answer.
 */

import { readdirSync } from 'node:fs';
import { ARCH } from '../../kernel/call.ts';
import { decideIndexed, type RuleIndex } from '../../model/decide-rules.ts';
import { isNormal } from '../../model/paths.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT_FDCWD } from '../../uapi/open.ts';
import { syscallNumber } from '../../uapi/syscalls.ts';
import type { Call } from '../call.ts';
import { Refused, refuse } from '../call.ts';
import type { Place } from '../place.ts';
import type { Run } from '../run.ts';
import { type Mapping, mappingAt } from '../target/mapping.ts';
import { readProc } from '../target/proc.ts';
import { drop, encodePath, lookAtEntry, openPlace } from './look.ts';
import { describe } from './place-of.ts';

const KEY = Symbol('started programs');
const TICK_MS = 1;
/** A start that has not happened by then has failed, or is the same program again, unless a thread is still at it. */
const OPEN_MS = 10_000;
/** How often a start is looked at that takes longer: a lease or the scheduler can hold it up for as long as a program likes. */
const LATE_MS = 20;
const STARTS = new Set((['execve', 'execveat'] as const).map((name) => `${syscallNumber(ARCH, name)}`));
/** How long a program may be in no state to be looked at, as it is for a moment while it starts. */
const UNKNOWN_MS = 50;
/** The auxiliary vector's entry for where the loader was put. */
const AT_BASE = 7n;

interface Start {
  /** What was decided on, where only that may run: the caller has a Landlock domain of its own. */
  readonly decided: ReadonlySet<string> | null;
  /** The rules that allowed it: those that bind later are for later starts. */
  readonly index: RuleIndex;
  /** The program before, as device and inode. */
  readonly before: string;
  readonly since: number;
  /** Not looked at before then. */
  next: number;
  /** Since when the program cannot be looked at. */
  unknownSince?: number;
}

/** What a process runs: a program, nothing any more, or something that must not be looked at. */
type Running = { readonly identity: string; readonly place: Place } | 'over' | 'unknown';

/** Starts of a run that are still open, by process. */
export class Starts implements Disposable {
  readonly #run: Run;
  readonly #open = new Map<number, Start>();
  #ticks: Disposable | undefined;

  constructor(run: Run) {
    this.#run = run;
  }

  /**
   * Expects that the calling process becomes another program.
   *
   * @param decided programs by device and inode, where no other may start; `null` where the rules tell
   * @throws {Refused} EACCES where it cannot be looked at
   */
  expect(call: Call, decided: ReadonlySet<string> | null): void {
    if (this.#run.plan.supervisor.mode === 'observe') return;
    const { pid } = call.target.status();
    const program = this.#program(pid);
    // Who calls has a program, whatever its first thread looks like.
    const running = typeof program === 'string' ? refuse(ERRNO.EACCES) : program;
    // A start before this one may not have been looked at yet.
    const earlier = this.#open.get(pid);
    if (earlier !== undefined) this.#isSettled(pid, earlier, Date.now());
    const { index } = this.#run;
    this.#open.set(pid, { decided, index, before: running.identity, since: Date.now(), next: 0 });
    this.#ticks ??= this.#run.every(TICK_MS, () => this.look());
  }

  /** Looks at every open start. */
  look(): void {
    const now = Date.now();
    for (const [pid, start] of this.#open)
      if (now >= start.next && this.#isSettled(pid, start, now)) this.#open.delete(pid);
    if (this.#open.size > 0) return;
    this.#ticks?.[Symbol.dispose]();
    this.#ticks = undefined;
  }

  #isSettled(pid: number, start: Start, now: number): boolean {
    const program = this.#program(pid);
    if (program === 'over') return true;
    if (program === 'unknown') {
      start.unknownSince ??= now;
      if (now - start.unknownSince < UNKNOWN_MS) return false;
      this.#end(pid, 'a program that cannot be looked at');
      return true;
    }
    if (program.identity === start.before) {
      if (now - start.since < OPEN_MS) return false;
      start.next = now + LATE_MS;
      return !mayBeStarting(pid);
    }
    if (start.decided !== null && !start.decided.has(program.identity)) this.#end(pid, program.place.path);
    else if (!this.#mayRun(program.place, start.index)) this.#end(pid, program.place.path);
    else if (!this.#mayRunThrough(pid, start.index)) this.#end(pid, 'its loader');
    return true;
  }

  #end(pid: number, what: string): void {
    this.#run.kill(`process ${pid} started ${what}, which is not what was asked for and is not allowed`);
  }

  #program(pid: number): Running {
    const fd = openProgram(pid);
    if (fd < 0) return fd === -ERRNO.ENOENT || fd === -ERRNO.ESRCH ? 'over' : 'unknown';
    try {
      const place = describe(fd);
      return { identity: `${place.dev}:${place.ino}`, place };
    } catch (error) {
      if (error instanceof Refused) return 'unknown';
      throw error;
    } finally {
      drop(fd);
    }
  }

  #mayRun(place: Place, index: RuleIndex): boolean {
    // Without rules nothing is to be found out, also of programs whose path says nothing here.
    if (place.exempt || index.layers.length === 0) return true;
    return isNormal(place.path) && this.#allows(index, place.path);
  }

  /** Whether the loader that the kernel has put into a new program may be run. */
  #mayRunThrough(pid: number, index: RuleIndex): boolean {
    const base = loaderBase(pid);
    if (base === 0n) return true;
    const loader = mappingAt(pid, base);
    // Where it lies now says what it is only while it is still there.
    return loader === null || !isNormal(loader.path) || isGone(loader) || this.#allows(index, loader.path);
  }

  #allows(index: RuleIndex, path: string): boolean {
    const rights = ['fs.execute', 'fs.read_file'] as const;
    const { errno, verdict } = decideIndexed(index, { kind: 'path', path, rights });
    // A person has allowed the very objects that were decided on, and no others.
    return errno === 0 || (verdict === 'ask' && this.#run.plan.supervisor.answers === true);
  }

  [Symbol.dispose](): void {
    this.#ticks?.[Symbol.dispose]();
    this.#open.clear();
  }
}

/** The starts of a run. */
export function startsOf(run: Run): Starts {
  return run.state(KEY, () => new Starts(run));
}

/** Opens what a process runs. Its first thread may have ended, and then has no program while the others have. */
function openProgram(pid: number): number {
  const open = (path: string) => openPlace(AT_FDCWD, encodePath(`/proc/${path}/exe`), 0, 0);
  const first = open(`${pid}`);
  if (first !== -ERRNO.ENOENT && first !== -ERRNO.ESRCH) return first;
  for (const tid of threadsOf(pid)) {
    const fd = open(`${pid}/task/${tid}`);
    if (fd !== -ERRNO.ENOENT && fd !== -ERRNO.ESRCH) return fd;
  }
  // A thread that starts a program takes the place of the first one.
  return open(`${pid}`);
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Whether a thread is still in the call, or cannot be asked because it wants to run. */
function mayBeStarting(pid: number): boolean {
  return threadsOf(pid).some((tid) => {
    const bytes = readProc(`/proc/${pid}/task/${tid}/syscall`, 256);
    const [word = ''] = bytes === null ? [] : Buffer.from(bytes).toString('latin1').split(/\s/);
    return word === 'running' || STARTS.has(word);
  });
}

function loaderBase(pid: number): bigint {
  const bytes = readProc(`/proc/${pid}/auxv`);
  if (bytes === null) return 0n;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 16 <= bytes.length; at += 16)
    if (view.getBigUint64(at, true) === AT_BASE) return view.getBigUint64(at + 8, true);
  return 0n;
}

function isGone({ path, ino }: Mapping): boolean {
  const fact = lookAtEntry(AT_FDCWD, encodePath(path));
  return typeof fact === 'number' || fact.ino !== ino;
}
