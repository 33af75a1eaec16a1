/**
 * Random programs of a hook that the verifier accepts: they read every field in every size, write what may be written, ask the
 * hook's own helpers and compute with what comes back; and random contexts to show them.
 */

import fc from 'fast-check';
import { type Hook, type ProgramDomain, prepend } from '../../packages/landward/src/model/programs/index.ts';
import { assemble } from '../../packages/landward/src/programs/code/assemble.ts';
import type { Code } from '../../packages/landward/src/programs/code/instruction.ts';
import { CONTEXTS, type ContextLayout } from '../../packages/landward/src/programs/hooks/contexts.ts';

const CONTEXT = '*(u64 *)(r10 - 8)';
/** Where an object is kept meanwhile. */
const KEPT = '*(u64 *)(r10 - 16)';
const SET_AGAIN = 'r1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5';

const register = fc.integer({ min: 0, max: 9 });
const other = fc.constantFrom(0, 1, 3, 4, 5, 6, 7, 8, 9);

/** Lines that leave a number in every register. */
function pieces(hook: Hook): fc.Arbitrary<string> {
  const layout: ContextLayout = CONTEXTS[hook];
  const numbers = layout.fields.filter(({ type }) => type === 'number');
  const objects = layout.fields.filter(({ type }) => type !== 'number');
  const some: fc.Arbitrary<string>[] = [
    fc
      .tuple(fc.constantFrom('+', '-', '*', '&', '|', '^', '<<', '>>', '/', '%'), register, register)
      .map(([sign, a, b]) => `r${a} ${sign}= r${b}`),
    fc
      .tuple(register, fc.constantFrom('==', '!=', '<', 's>'), fc.integer({ min: -2, max: 9 }), register)
      .map(([a, sign, value, b]) => `if r${a} ${sign} ${value} goto +1\nr${b} += 7`),
    // A loop that ends with its budget or by itself.
    register.map((a) => `r${a} >>= 1\nif r${a} != 0 goto -2`),
  ];
  if (numbers.length > 0)
    some.push(
      fc
        .tuple(fc.constantFrom(...numbers), fc.constantFrom(8, 16, 32, 64), fc.nat(7), fc.boolean(), other)
        .map(([{ offset }, bits, part, signed, into]) => {
          const at = offset + Math.floor((part % (64 / bits)) * (bits / 8));
          const sign = signed && bits < 64 ? 's' : 'u';
          return `r2 = ${CONTEXT}\nr${into} = *(${sign}${bits} *)(r2 + ${at})\nr2 = 2`;
        }),
    );
  for (const { offset } of numbers.filter(({ writable }) => writable))
    some.push(other.map((from) => `r2 = ${CONTEXT}\n*(u64 *)(r2 + ${offset}) = r${from}\nr2 = 2`));
  if (objects.some(({ type }) => type === 'task')) {
    const pick = fc.constantFrom(...objects.map(({ offset }) => offset));
    const helper = hook === 'signal' ? 1002 : 1000;
    some.push(
      fc
        .tuple(pick, pick)
        .map(
          ([a, b]) =>
            `r3 = ${CONTEXT}\nr1 = *(u64 *)(r3 + ${a})\n${KEPT} = r1\nr2 = *(u64 *)(r3 + ${b})\nr1 = ${KEPT}\ncall ${helper}\n${SET_AGAIN}`,
        ),
    );
  }
  for (const { offset } of objects.filter(({ type }) => type === 'inode'))
    some.push(
      fc.constant(
        `r3 = ${CONTEXT}\nr2 = *(u64 *)(r3 + ${offset})\nr1 = map[1] ll\ncall 1001\nif r0 == 0 goto +1\nr0 = *(u64 *)(r0 + 0)\n${SET_AGAIN}`,
      ),
    );
  return fc.oneof(...some);
}

/** Programs of a hook with a hash map and, as the second, an inode map. */
export function hookProgram(hook: Hook): fc.Arbitrary<Code> {
  return fc.array(pieces(hook), { minLength: 1, maxLength: 25 }).map((lines) => {
    const begin = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((r) => `r${r} = ${r * 3 + 1}`);
    const end = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((r) => `*(u64 *)(r10 - ${32 + r * 8}) = r${r}`);
    const text = [`${CONTEXT} = r1`, ...begin, ...lines, ...end, 'r0 ^= r7', 'r0 &= 1', 'exit'];
    return assemble(text.join('\n'));
  });
}

const domains: readonly (ProgramDomain | null)[] = (() => {
  const grown = (from: ProgramDomain | null) => {
    let domain = from;
    for (const hook of ['ptrace', 'signal'] as const) {
      const next = prepend(domain, { hook, run: () => 0 });
      if (next.ok) domain = next.value;
    }
    return domain;
  };
  const trunk = grown(null);
  return [null, trunk, grown(trunk), grown(null)];
})();

/** What a hook shows. */
export function contextFor(hook: Hook): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  const layout: ContextLayout = CONTEXTS[hook];
  const byType = {
    number: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    task: fc.constantFrom(...domains).map((domain) => ({ domain })),
    inode: fc.constantFrom('known', 'unknown'),
  };
  return fc.record(Object.fromEntries(layout.fields.map(({ name, type }) => [name, byType[type]])));
}
