/**
 * Compiles and drives `timer.c`: interleaved starts of commands, one warm-up round, medians.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cache, root } from './places.ts';

export interface Timed {
  readonly name: string;
  readonly medianMs: number;
  /** Processor time of all threads, which a busy machine lengthens less. */
  readonly cpuMs: number;
  /** Peak memory of the largest process of the command, in MB. */
  readonly memoryMb: number;
}

/** Compiles a C file of the bench and returns the program's path. */
export function compileC(source: string, name: string): string {
  mkdirSync(cache, { recursive: true });
  const out = join(cache, name);
  const cc = spawnSync(
    'cc',
    ['-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', '-o', out, join(root, source)],
    { encoding: 'utf8' },
  );
  if (cc.status !== 0) throw new Error(`${source} does not compile\n${cc.stderr}`);
  return out;
}

/** The middle value; of an even count the upper of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Starts every command once a round. Fails when one fails: a start that did not happen costs nothing. */
export function timeStarts(
  commands: Readonly<Record<string, readonly string[]>>,
  rounds: number,
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): readonly Timed[] {
  const timer = compileC('bench/kit/timer.c', 'timer');
  const words = Object.entries(commands).flatMap(([name, command]) => ['::', name, ...command]);
  const run = (count: number) => {
    const child = spawnSync(timer, [String(count), ...words], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      ...options,
    });
    if (child.status !== 0) throw new Error(`timer: ${child.stderr}`);
    return child.stdout;
  };
  run(1);
  const samples = new Map<string, { ns: number[]; kb: number[]; us: number[] }>();
  for (const line of run(rounds).trim().split('\n')) {
    const [, name, ns, kb, us] = /^(.*) (\d+) (\d+) (\d+)$/.exec(line)!;
    const row = samples.get(name!) ?? { ns: [], kb: [], us: [] };
    row.ns.push(Number(ns));
    row.kb.push(Number(kb));
    row.us.push(Number(us));
    samples.set(name!, row);
  }
  return [...samples].map(([name, { ns, kb, us }]) => ({
    name,
    medianMs: median(ns) / 1e6,
    cpuMs: median(us) / 1e3,
    memoryMb: Math.max(...kb) / 1024,
  }));
}
