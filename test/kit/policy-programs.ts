/**
 * Policy programs for tests: written in the assembler, put into object files, and run against real processes in a child
 * process, as any user.
 *
 * Owns the way there. What a program should answer is the tests' own.
 */

import { join } from 'node:path';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import {
  assemble,
  type MapDefinition,
  type ProgramHook,
  writeObject,
} from '../../packages/landward/src/programs/index.ts';
import { runChild } from './child.ts';
import { root } from './needs.ts';
import { reviveJson } from './supervised.ts';

/** An array of one number of 64 bits. */
export const NUMBERS: MapDefinition = {
  name: 'numbers',
  kind: 'array',
  keyBytes: 4,
  valueBytes: 8,
  entries: 256,
};
/** Objects that a loader names. */
export const OBJECTS: MapDefinition = {
  name: 'objects',
  kind: 'inode',
  keyBytes: 4,
  valueBytes: 8,
  entries: 256,
};

/** Adds 1 to a number of `numbers` (map 0). Keeps r6 to r9 and loses the others. */
export const count = (index: number) => `
  *(u32 *)(r10 - 4) = ${index}
  r1 = map[0] ll
  r2 = r10
  r2 += -4
  call 1
  if r0 == 0 goto counted${index}
  r1 = *(u64 *)(r0 + 0)
  r1 += 1
  *(u64 *)(r0 + 0) = r1
counted${index}:`;

/** The value of the object of `fs_*` in `objects` (map 1), as r0: 0 where it is not there. Expects the context in r6. */
export const inodeValue = (label: string) => `
  r1 = map[1] ll
  r2 = *(u64 *)(r6 + 8)
  call 1001
  if r0 == 0 goto ${label}
  r0 = *(u64 *)(r0 + 0)
${label}:`;

/** An object file of programs by hook; all may use the maps `numbers` (0) and `objects` (1). */
export function objectOf(texts: Readonly<Partial<Record<ProgramHook, string>>>): Uint8Array {
  const maps = [NUMBERS, OBJECTS];
  const programs = Object.entries(texts).map(([hook, text]) => ({
    name: `on_${hook}`,
    hook: hook as ProgramHook,
    code: assemble(
      text!,
      maps.map(({ name }) => name),
    ),
  }));
  return writeObject({ maps, programs });
}

/** One run. */
export interface ProgramRun {
  readonly policy?: object;
  readonly programs: readonly {
    readonly name: string;
    readonly object: Uint8Array;
    readonly inodes?: Readonly<Record<string, readonly string[] | Readonly<Record<string, number>>>>;
  }[];
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
}

export interface ProgramRunResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly events: readonly DenialEvent[];
  readonly notes: readonly string[];
  /** `numbers` of each file by its name: the values that are not zero, by index. */
  readonly numbers: Readonly<Record<string, Readonly<Record<number, number>>>>;
}

/** Everything is allowed by the rules, so that whatever is refused is refused by programs. */
export const OPEN_POLICY = {
  fs: { write: ['/'], exec: ['/'] },
  net: { connect: ['tcp:*', 'udp:*'], listen: ['tcp:*', 'udp:*'] },
  unix: { connect: ['/**', '@*'], listen: ['/**', '@*'] },
  process: { signal: 'any', ptrace: 'allow' },
  env: { pass: ['*'] },
  require: { degrade: ['self'] },
} as const;

/** Runs a command under programs, in a process of its own. */
export async function runPrograms(run: ProgramRun, how: ChildHow = {}): Promise<ProgramRunResult> {
  const [result] = await runsOfPrograms([run], how);
  return result!;
}

/** The process in which runs are started. */
export interface ChildHow {
  readonly uid?: number;
  readonly node?: string;
  readonly nodeFlags?: readonly string[];
}

/** Several runs, one after the other, from one process. */
export async function runsOfPrograms(
  runs: readonly ProgramRun[],
  { uid, node = process.execPath, nodeFlags = [] }: ChildHow = {},
): Promise<readonly ProgramRunResult[]> {
  const entry = join(root, 'test/kit/policy-programs-child.ts');
  const orders = runs.map((run) => ({ policy: OPEN_POLICY, ...run }));
  const input = JSON.stringify(orders, (_key, value) =>
    value instanceof Uint8Array ? { bytes: [...value] } : value,
  );
  const user =
    uid === undefined ? [] : ['setpriv', '--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'];
  const words = [...user, node, ...nodeFlags, entry];
  const child = await runChild(words[0]!, words.slice(1), { timeout: 90_000, input });
  const line = child.stdout.split('\n').find((text) => text.startsWith('['));
  if (line === undefined) throw new Error(`no result (${child.code} ${child.signal}): ${child.stderr}`);
  return JSON.parse(line, reviveJson) as readonly ProgramRunResult[];
}
