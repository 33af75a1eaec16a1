/**
 * How long a question to policy programs takes: an ordinary one, and the longest that we know of a program and of a list, which
 * is what a stranger's program can cost a call.
 *
 * `npm run bench -- programs`, or `node bench/programs/programs.ts`.
 */

import {
  deniedBy,
  MAX_PROGRAMS,
  type Program,
  prepend,
} from '../../packages/landward/src/model/programs/index.ts';
import {
  assemble,
  type Budget,
  FUEL,
  loadProgram,
  Machine,
  type MapDefinition,
  modelProgram,
} from '../../packages/landward/src/programs/index.ts';
import { verify } from '../../packages/landward/src/programs/verify/verify.ts';
import { interpreted } from '../../packages/landward/src/programs/wasm/compile.ts';
import { printMachine, printTable } from '../kit/print.ts';

const BIG: MapDefinition = { name: 'm', kind: 'hash', keyBytes: 512, valueBytes: 4096, entries: 64 };
const context = { cookie: 0n, inode: 'x', triggers: 1n };

const ALLOW = 'r0 = 0\nexit';
const SPIN = 'again:\ngoto again';
const UPDATES = `
  r6 = map[0] ll
  ${Array.from({ length: 64 }, (_, at) => `*(u64 *)(r10 - ${8 * (at + 1)}) = 7`).join('\n')}
again:
  r1 = r6
  r2 = r10
  r2 += -512
  call 1
  if r0 == 0 goto make
  r3 = r0
  r1 = r6
  r2 = r10
  r2 += -512
  r4 = 0
  call 2
  goto again
make:
  r0 = 1
  exit`;

function machine(): Machine {
  const made = new Machine([BIG]);
  const key = new Uint8Array(new BigUint64Array(64).fill(7n).buffer);
  made.maps[0]!.update(key, new Uint8Array(BIG.valueBytes), 0n);
  return made;
}

/** The longest of some rounds and the median, milliseconds. */
function timed(rounds: number, act: () => void): { readonly median: number; readonly longest: number } {
  const times = Array.from({ length: rounds }, () => {
    const since = performance.now();
    act();
    return performance.now() - since;
  }).sort((a, b) => a - b);
  return { median: times[rounds >> 1]!, longest: times[rounds - 1]! };
}

/** Measures and prints. */
export async function run(): Promise<void> {
  const rows = (
    [
      ['a program that allows', ALLOW, 2001],
      ['an empty loop until its budget is spent', SPIN, 101],
      ['the dearest helper until its budget is spent', UPDATES, 51],
    ] as const
  ).map(([name, text, rounds]) => {
    const program = loadProgram('fs_pick', assemble(text), machine());
    const { median, longest } = timed(rounds, () => void program.ask(context));
    return [name, median.toFixed(4), longest.toFixed(4)];
  });
  const own = machine();
  const slow = interpreted(verify('fs_pick', assemble(UPDATES), [BIG]), own);
  const interpretedTime = timed(5, () => void slow(FUEL));
  rows.push(['the same, interpreted', interpretedTime.median.toFixed(4), interpretedTime.longest.toFixed(4)]);
  const budget: Budget = { left: 0 };
  let domain = null;
  for (let at = 0; at < MAX_PROGRAMS; at++) {
    const loaded = modelProgram(loadProgram('fs_pick', assemble(UPDATES), machine()), { budget });
    const next = prepend(domain, loaded as Program);
    if (!next.ok) throw new Error(`the list is full at ${at}`);
    domain = next.value;
  }
  const list = timed(21, () => {
    budget.left = 2 * FUEL;
    deniedBy(domain, 'fs_pick', () => ({ ...context }));
  });
  rows.push([
    `${MAX_PROGRAMS} of it in a list, with one budget`,
    list.median.toFixed(4),
    list.longest.toFixed(4),
  ]);
  printTable('a question, milliseconds', ['', 'median', 'longest'], rows);
}

if (import.meta.main) {
  printMachine();
  await run();
}
