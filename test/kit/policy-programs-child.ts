/** The process in which `runPrograms` starts a command: reads the order, writes the result as one line of JSON. */

import { readFileSync } from 'node:fs';
import { type MapContent, type RunError, spawn } from '../../packages/landward/src/index.ts';
import type { ProgramRun, ProgramRunResult } from './policy-programs.ts';
import { reviveJson } from './supervised.ts';

const orders = JSON.parse(readFileSync(0, 'utf8'), reviveJson) as readonly Required<ProgramRun>[];
const results: ProgramRunResult[] = [];
for (const order of orders) results.push(await run(order));
console.log(
  JSON.stringify(results, (_key, value) => (typeof value === 'bigint' ? { bigint: `${value}` } : value)),
);

async function run({ argv, policy, programs, cwd }: Required<ProgramRun>): Promise<ProgramRunResult> {
  const [command, ...args] = argv;
  // A run that failed has all of its result; one that did not start is an error of the test.
  const result = await spawn(command, args, {
    policy: policy as never,
    programs,
    ...(cwd === undefined ? {} : { cwd }),
  }).catch((error: RunError) => {
    if (!error.started) throw error;
    return error;
  });
  const { denials } = result;
  const supervised = typeof denials === 'object' && 'events' in denials ? denials : null;
  return {
    status: result.exitCode,
    stdout: result.stdout ?? '',
    stderr: result.stderr ?? '',
    events: supervised?.events ?? [],
    notes: supervised?.notes ?? [],
    numbers: Object.fromEntries(result.maps.map(({ program, maps }) => [program, numbersOf(maps)])),
  };
}

function numbersOf(maps: readonly MapContent[]): Readonly<Record<number, number>> {
  const entries = maps.find(({ name }) => name === 'numbers')?.entries ?? [];
  return Object.fromEntries(
    entries.map(({ key, value }) => [
      new DataView(key.buffer).getUint32(0, true),
      Number(new DataView(value.buffer).getBigUint64(0, true)),
    ]),
  );
}
