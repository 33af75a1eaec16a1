/**
 * How long a decision takes: a 16-layer domain, an object at depth 20, and 10 to 100,000 rules. Prints the median time
 * of one decision, and the bytes that decisions allocate.
 *
 * `npm run bench -- model`, or `node --expose-gc bench/model/decide.ts`; without the flag the allocation is not shown.
 */

import {
  addPathRule,
  type Credential,
  createRuleset,
  type Dentry,
  type Inode,
  linux,
  type Mount,
  pathAllows,
  restrictSelf,
  UNRESTRICTED,
} from '../../packages/landward/src/model/index.ts';
import { printMachine, printTable, ratio } from '../kit/print.ts';

const LAYERS = 16;
const DEPTH = 20;
const ROUNDS = 301;
const PER_ROUND = 2000;

const behaviour = linux(11);
const superblock = { noUser: false };
const inode = (type: Inode['type']): Inode => ({ type, superblock, private: false });

/** A tree with one deep branch, a domain whose rules lie beside it or also on each of its directories, and the branch's end. */
function scene(rules: number, everywhere: boolean) {
  const root: Dentry = { inode: inode('dir'), parent: null };
  const mount: Mount = { root, parent: null, mountpoint: null, internal: false };
  const branch = [root];
  for (let depth = 1; depth < DEPTH; depth++) branch.push({ inode: inode('dir'), parent: branch.at(-1)! });
  const object: Dentry = { inode: inode('reg'), parent: branch.at(-1)! };
  const beside = Array.from({ length: Math.max(rules / LAYERS, 1) }, () => ({
    inode: inode('dir'),
    parent: root,
  }));
  let credential: Credential = UNRESTRICTED;
  for (let layer = 0; layer < LAYERS; layer++) {
    const made = createRuleset(behaviour, { handledFs: 0x1ffff });
    if (!made.ok) throw new Error(`create_ruleset: ${made.errno}`);
    let ruleset = made.value;
    // The read right comes from the root in every layer, so that every walk goes all the way up.
    const above = everywhere ? branch.slice(1).map((one) => [one, 1] as const) : [];
    for (const [dentry, access] of [
      [root, 4] as const,
      ...above,
      ...beside.map((one) => [one, 0x1ffff] as const),
    ]) {
      const added = addPathRule(behaviour, ruleset, {
        access,
        parent: { kind: 'path', path: { mount, dentry } },
      });
      if (!added.ok) throw new Error(`add_rule: ${added.errno}`);
      ruleset = added.value;
    }
    const fd = { kind: 'ruleset', ruleset, read: true, write: true } as const;
    const restricted = restrictSelf(
      behaviour,
      { credential, noNewPrivs: true, sysAdmin: false },
      { fd, flags: 0 },
    );
    if (!restricted.ok) throw new Error(`restrict_self: ${restricted.errno}`);
    credential = restricted.value.caller.credential;
  }
  return { domain: credential.domain!, path: { mount, dentry: object } };
}

/** Median nanoseconds of a decision, and bytes allocated for each. */
function measure(
  rules: number,
  request: number,
  everywhere: boolean,
): { nanoseconds: number; bytes: number | null } {
  const { domain, path } = scene(rules, everywhere);
  let allowed = 0;
  const once = () => {
    for (let index = 0; index < PER_ROUND; index++)
      if (pathAllows(behaviour, domain, path, request)) allowed++;
  };
  for (let round = 0; round < 30; round++) once();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    once();
    times.push(((performance.now() - start) * 1e6) / PER_ROUND);
  }
  const gc = globalThis.gc;
  let bytes: number | null = null;
  if (gc !== undefined) {
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let round = 0; round < 50; round++) once();
    bytes = Math.max(0, process.memoryUsage().heapUsed - before) / (50 * PER_ROUND);
  }
  if (allowed !== 0 && allowed % PER_ROUND !== 0) throw new Error('the decision changed between rounds');
  times.sort((one, other) => one - other);
  return { nanoseconds: times[ROUNDS >> 1]!, bytes };
}

/** Prints one table; ratios are to the fewest rules, so that 1.00 means that rules cost nothing. */
export async function run(): Promise<void> {
  const kinds = [
    ['allowed', 4, false],
    ['denied', 2, false],
    ['allowed, rules of all layers on all ancestors', 4, true],
  ] as const;
  const rows: string[][] = [];
  for (const [name, request, everywhere] of kinds) {
    let fewest: number | undefined;
    for (const rules of [16, 1000, 10_000, 100_000]) {
      const { nanoseconds, bytes } = measure(rules, request, everywhere);
      fewest ??= nanoseconds;
      const heap = bytes === null ? '-' : bytes.toFixed(3);
      rows.push([`${name}, ${rules} rules`, nanoseconds.toFixed(0), ratio(nanoseconds, fewest), heap]);
    }
  }
  printTable(
    `One decision: ${LAYERS} layers, depth ${DEPTH}, median of ${ROUNDS} rounds of ${PER_ROUND}`,
    ['request', 'ns', 'ratio to 16 rules', 'bytes allocated'],
    rows,
  );
}

if (import.meta.main) {
  printMachine();
  await run();
}
