/**
 * Policy programs in whatever engine this Node has: prints what a list of programs answered, with the maps that they left,
 * and in which engine. Run by versions of Node and with flags that the tests themselves do not run under.
 */

import {
  assemble,
  loadObject,
  loadProgram,
  Machine,
  type MapDefinition,
  readObject,
  triggerBits,
} from '../../packages/landward/src/programs/index.ts';

const [guardFile] = process.argv.slice(2);
const numbers: MapDefinition = { name: 'n', kind: 'array', keyBytes: 4, valueBytes: 8, entries: 4 };
const TEXTS = [
  'r0 = 0\nexit',
  'r0 = 1\nexit',
  'again:\ngoto again',
  `r6 = r1
   *(u32 *)(r10 - 4) = 1
   r1 = map[0] ll
   r2 = r10
   r2 += -4
   call 1
   if r0 == 0 goto no
   r1 = *(u64 *)(r6 + 16)
   r1 *= 0x10001
   r1 s>>= 3
   lock *(u64 *)(r0 + 0) += r1
   no:
   r0 = *(u64 *)(r6 + 16)
   r0 &= 1
   exit`,
];
const answers = TEXTS.map((text) => {
  const machine = new Machine([numbers]);
  const program = loadProgram('fs_pick', assemble(text), machine);
  const outcomes = [triggerBits('write'), triggerBits('append', 'write')].map((triggers) => {
    const { allowed, outcome } = program.ask({ cookie: 3n, inode: 'x', triggers });
    return `${allowed} ${outcome.end}`;
  });
  return { outcomes, memory: [...machine.maps[0]!.entries()].map(({ value }) => [...value]) };
});
const { programs } = loadObject(readObject(new Uint8Array(Buffer.from(guardFile!, 'base64'))));
const domain = { lists: {} };
const guard = programs[0]!.program.ask({ tracer: { domain }, tracee: { domain: null } } as never).allowed;
console.log(
  JSON.stringify({ engine: typeof (globalThis as { WebAssembly?: unknown }).WebAssembly, answers, guard }),
);
