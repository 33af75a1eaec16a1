/**
 * Runs programs of the kernel's self-tests and reads what they report (TAP, as the kernel's harness writes it).
 *
 * Owns processes and parsing. What a result should be is `conformance-compare.ts`.
 */

import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** The programs in the order of the table. */
export const PROGRAMS = [
  'base_test',
  'fs_test',
  'net_test',
  'ptrace_test',
  'scoped_test',
  'scoped_signal_test',
  'scoped_abstract_unix_test',
  'tsync_test',
  'audit_test',
] as const;

/** What the tests make in their working directory. */
const LEFTOVERS = ['tmp', 'sock'];

export type Outcome = 'pass' | 'fail' | 'skip';

/** What one program reported. */
export interface ProgramResult {
  readonly program: string;
  readonly cases: ReadonlyMap<string, Outcome>;
  /** How many cases it said that it has; more than `cases` where it died. */
  readonly planned: number;
  readonly milliseconds: number;
  readonly output: string;
}

/** Reads TAP: the plan, and each case by its name. */
export function readTap(output: string): {
  readonly planned: number;
  readonly cases: Map<string, Outcome>;
} {
  const cases = new Map<string, Outcome>();
  let planned = 0;
  for (const line of output.split('\n')) {
    const plan = /^1\.\.(\d+)/.exec(line);
    if (plan !== null) planned = Number(plan[1]);
    const row = /^(not )?ok \d+ (.+?)(?: # (SKIP|XFAIL)\b.*)?$/.exec(line);
    if (row === null) continue;
    const [, not, name, mark] = row;
    cases.set(name!.trim(), not !== undefined ? 'fail' : mark === 'SKIP' ? 'skip' : 'pass');
  }
  return { planned, cases };
}

/** How to run. */
export interface RunOptions {
  /** The words before the program. */
  readonly prefix: readonly string[];
  /** More words after it, such as `-t case`. */
  readonly args?: readonly string[];
  readonly timeoutMs: number;
}

/**
 * Runs one program to its end.
 *
 * @returns `null` where the suite has no such program
 */
export function runProgram(
  directory: string,
  program: string,
  options: RunOptions,
): Promise<ProgramResult | null> {
  if (!existsSync(join(directory, program))) return Promise.resolve(null);
  // What a program that was ended has left there makes all of its next cases fail.
  for (const left of LEFTOVERS) rmSync(join(directory, left), { recursive: true, force: true });
  const since = performance.now();
  const [command, ...args] = [...options.prefix, `./${program}`, ...(options.args ?? [])];
  const child = spawn(command!, args, {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const timer = setTimeout(() => {
    chunks.push(Buffer.from(`\n# ended after ${options.timeoutMs} ms\n`));
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, options.timeoutMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      const output = Buffer.concat(chunks).toString('utf8');
      resolve({ program, ...readTap(output), milliseconds: performance.now() - since, output });
    });
  });
}
