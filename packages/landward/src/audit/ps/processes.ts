/**
 * The processes that this reader's /proc shows, as far as they tell of sandboxes: descent, owner, no_new_privs, seccomp, and
 * the mark of a supervised run. All of it is readable without privileges. Owns the reading; what it means is `sandboxes.ts`.
 */

import { readdirSync, readFileSync } from 'node:fs';

/** A process in the reader's view. */
export interface ProcessFact {
  /** Its number in the PID namespace of the reader's /proc. */
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  readonly comm: string;
  /** Its numbers in its own PID namespace and those between, outermost first; the first is `pid`. */
  readonly numbers: readonly number[];
  readonly noNewPrivs: boolean;
  readonly seccomp: { readonly mode: number; readonly filters: number };
  /** When it started, in clock ticks since boot. */
  readonly started: string;
  /** The id of the supervised run whose mark it bears; `null` for none. */
  readonly run: string | null;
}

/** What /proc showed. */
export interface Processes {
  readonly list: readonly ProcessFact[];
  /** Whether this /proc hides processes of others (`hidepid`). */
  readonly partial: boolean;
}

/** A mark is a multiple of this, and of 48 random bits; limits that people set are smaller, or none. */
const UNIT = 4096n;
const LEAST = 1n << 40n;

/** Reads all processes. Those that end meanwhile are left out. */
export function readProcesses(root = '/proc'): Processes {
  const list: ProcessFact[] = [];
  let partial = false;
  for (const name of readdirSync(root)) {
    if (!/^\d+$/.test(name)) continue;
    const fact = readProcess(root, name);
    if (fact === 'hidden') partial = true;
    else if (fact !== null) list.push(fact);
  }
  // With `hidepid=2` others are not even listed: not even the first process is.
  if (!list.some(({ pid }) => pid === 1)) partial = true;
  return { list, partial };
}

function readProcess(root: string, name: string): ProcessFact | 'hidden' | null {
  try {
    const status = readFileSync(`${root}/${name}/status`, 'latin1');
    const stat = readFileSync(`${root}/${name}/stat`, 'latin1');
    const limits = readFileSync(`${root}/${name}/limits`, 'latin1');
    return processOf(status, stat, limits);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EPERM' || code === 'EACCES' ? 'hidden' : null;
  }
}

/**
 * A process from its files in /proc.
 *
 * @returns `null` for one that has ended and waits for its parent
 */
export function processOf(status: string, stat: string, limits: string): ProcessFact | null {
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1] ?? '';
  const number = (name: string) => Number.parseInt(field(name), 10) || 0;
  if (/^[ZX]/.test(field('State'))) return null;
  const numbers = field('NSpid').split(/\s+/).filter(Boolean).map(Number);
  const pid = number('Pid');
  return {
    pid,
    parent: number('PPid'),
    uid: number('Uid'),
    comm: unescapeName(field('Name')),
    numbers: numbers.length === 0 ? [pid] : numbers,
    noNewPrivs: number('NoNewPrivs') === 1,
    seccomp: { mode: number('Seccomp'), filters: number('Seccomp_filters') },
    // The name may hold anything, so counting begins behind its last bracket.
    started: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '',
    run: markOf(limits),
  };
}

function markOf(limits: string): string | null {
  const [, soft, hard] = /^Max file locks\s+(\d+)\s+(\d+)\s/m.exec(limits) ?? [];
  if (hard === undefined || soft !== hard || BigInt(hard) % UNIT !== 0n || BigInt(hard) < LEAST) return null;
  return BigInt(hard).toString(16).padStart(16, '0');
}

/** Procfs writes a newline and a backslash in a name as `\n` and `\\`. Bytes become characters. */
function unescapeName(name: string): string {
  const bytes = name.replace(/\\(n|\\)/g, (_, char) => (char === 'n' ? '\n' : '\\'));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
