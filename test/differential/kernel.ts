/**
 * Runs cases on the running kernel: builds `executor.c` once, feeds it cases, and reads back an errno for each step.
 * Needs root (private mount and network namespaces) and a C compiler, or an executor that was built before.
 */

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { line, type Step } from './steps.ts';

const SOURCE = new URL('executor.c', import.meta.url).pathname;
const PARTS = ['executor-audit.h', 'executor-rare.h'].map((name) => new URL(name, import.meta.url).pathname);

/** Why the executor can't run here, or `null`. */
export function missing(): string | null {
  if (process.getuid?.() !== 0) return 'needs root for private mount and network namespaces';
  if (process.env.LANDWARD_EXECUTOR !== undefined) return null;
  return spawnSync('gcc', ['--version']).status === 0 ? null : 'needs gcc to build the executor';
}

/** The path of the built executor; it is named by the hash of its source and kept below node_modules. */
export function build(): string {
  const given = process.env.LANDWARD_EXECUTOR;
  if (given !== undefined) return given;
  const hash = createHash('sha256');
  for (const source of [SOURCE, ...PARTS]) hash.update(readFileSync(source));
  const digest = hash.digest('hex').slice(0, 16);
  const directory = new URL('../../node_modules/.cache/landward', import.meta.url).pathname;
  const built = join(directory, digest);
  if (existsSync(built)) return built;
  mkdirSync(directory, { recursive: true });
  const fresh = `${built}.${process.pid}`;
  const gcc = spawnSync('gcc', ['-O1', '-static', '-Wall', '-Wextra', '-o', fresh, SOURCE], {
    encoding: 'utf8',
  });
  if (gcc.status !== 0) throw new Error(`building the executor failed:\n${gcc.stderr}`);
  renameSync(fresh, built);
  return built;
}

/**
 * Runs cases, each in a world of its own.
 *
 * @returns an errno (0 for success) for each step of each case.
 */
export async function runOnKernel(
  cases: readonly (readonly Step[])[],
  executor = build(),
): Promise<number[][]> {
  const child = spawn(executor, [], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  child.stdin.end(cases.map((steps) => `${steps.map(line).join('\n')}\nrun\n`).join(''));
  const status = await closed;
  const lines = output.trimEnd().split('\n');
  if (status !== 0 || lines.length !== cases.length) {
    throw new Error(
      `the executor ended with status ${status} after ${lines.length} of ${cases.length} cases`,
    );
  }
  return lines.map((text) => text.split(' ').map(Number));
}
