/** Loaded programs: on the model's hooks, with their maps, and what they answer when they go wrong. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type ProgramDomain,
  type ProgramTask,
  prepend,
  prependCall,
  ptraceAncestor,
  ptraceAttach,
  ptraceTraceme,
} from '../../packages/landward/src/model/programs/index.ts';
import {
  assemble,
  CONTEXTS,
  FS_TRIGGERS,
  FUEL,
  HELPERS,
  loadObject,
  loadProgram,
  MAP_UPDATE,
  Machine,
  type MapDefinition,
  ptraceProgram,
  readObject,
  triggerBits,
} from '../../packages/landward/src/programs/index.ts';
import { root } from '../kit/needs.ts';

const fixture = (name: string) =>
  new Uint8Array(readFileSync(join(root, `test/fixtures/programs/${name}.bpf.o`)));
const guard = () => {
  const [first] = loadObject(readObject(fixture('guard'))).programs;
  return ptraceProgram(first!.program as ReturnType<typeof loadProgram<'ptrace'>>);
};
function enforce(domain: ProgramDomain | null): ProgramDomain {
  const next = prepend(domain, guard());
  assert.ok(next.ok);
  return next.value;
}

test('eight topologies, three operations, with a program that clang compiled [R-002-30]', () => {
  for (const surrounding of [false, true])
    for (const inherited of [false, true])
      for (const parent of [false, true])
        for (const child of [false, true]) {
          const around = surrounding ? enforce(null) : null;
          const trunk = inherited ? enforce(around) : around;
          const p = { domain: parent ? enforce(trunk) : trunk };
          const c = { domain: child ? enforce(trunk) : trunk };
          const name = JSON.stringify({ surrounding, inherited, parent, child });
          assert.equal(ptraceAttach(p, c) === 0, !parent, `${name}: parent to child`);
          assert.equal(ptraceAttach(c, p) === 0, !child, `${name}: child to parent`);
          assert.equal(ptraceTraceme(c, p) === 0, !parent, `${name}: traceme`);
        }
});

test('the helper answers a program as it answers the model [R-002-20]', () => {
  const machine = new Machine([{ name: 'out', kind: 'array', keyBytes: 4, valueBytes: 8, entries: 1 }]);
  const ask = loadProgram(
    'ptrace',
    assemble(`
      r2 = *(u64 *)(r1 + 8)
      r1 = *(u64 *)(r1 + 0)
      call 1000
      r6 = r0
      *(u32 *)(r10 - 4) = 0
      r1 = map[0] ll
      r2 = r10
      r2 += -4
      call 1
      if r0 == 0 goto done
      *(u64 *)(r0 + 0) = r6
    done:
      r0 = 0
      exit`),
    machine,
  );
  const trunk = enforce(null);
  const tasks: readonly ProgramTask[] = [
    { domain: null },
    { domain: trunk },
    { domain: { lists: { ...trunk.lists } } },
    { domain: enforce(trunk) },
    { domain: enforce(enforce(trunk)) },
    { domain: enforce(null) },
  ];
  const seen = new Set<number>();
  const value = machine.maps[0]!.lookup(new Uint8Array(4));
  for (const tracer of tasks)
    for (const tracee of tasks) {
      assert.equal(ask.ask({ tracer, tracee }).allowed, true);
      const answer = Number(machine.view.getBigInt64(value, true));
      assert.equal(answer, ptraceAncestor(tracer, tracee));
      seen.add(answer);
    }
  assert.deepEqual(
    [...seen].sort((a, b) => a - b),
    [-22, -2, 0, 1],
  );
});

test('one loaded program is one entry of a list [R-002-23]', () => {
  const program = guard();
  const call = {
    sysAdmin: false,
    rule: 'unprivileged',
    noNewPrivs: true,
    flags: 0,
    pointer: { kind: 'program', type: 'landlock', program },
  } as const;
  const once = prependCall({ domain: null }, call);
  assert.ok(once.ok);
  const twice = prependCall({ domain: once.value }, call);
  assert.ok(!twice.ok && twice.errno === 17);
});

test('a budget that ran out denies, and the next run has it whole again [R-002-11]', () => {
  const domain = { domain: null };
  const forever = loadProgram('ptrace', assemble('again:\ngoto again'), new Machine([]));
  assert.deepEqual(forever.ask({ tracer: domain, tracee: domain }), {
    allowed: false,
    outcome: { end: 'fuel' },
    written: undefined,
    spent: FUEL,
  });
  const counting = (times: number) =>
    loadProgram(
      'ptrace',
      assemble(`r0 = 0\nr1 = ${times}\nagain:\nr1 += -1\nif r1 != 0 goto again\nexit`),
      new Machine([]),
    );
  const within = counting(FUEL / 2);
  for (let i = 0; i < 3; i++) assert.equal(within.ask({ tracer: domain, tracee: domain }).allowed, true);
  assert.equal(counting(FUEL / 2 + 2).ask({ tracer: domain, tracee: domain }).allowed, false);
  for (const fuel of [0, -1, 1.5, FUEL + 1, Number.NaN])
    assert.throws(
      () => loadProgram('ptrace', assemble('r0 = 0\nexit'), new Machine([]), fuel),
      /a budget of/,
    );
});

test('quotas by the identity of an object, counted in a map across programs [R-002-43]', () => {
  const { machine, programs } = loadObject(readObject(fixture('quota')));
  const limit = programs[0]!.program as ReturnType<typeof loadProgram<'fs_pick'>>;
  const [mine, other] = [{ inode: 1 }, { inode: 1 }];
  const eight = (value: number) => new Uint8Array(new BigUint64Array([BigInt(value)]).buffer);
  assert.equal(machine.maps[0]!.put(mine, eight(4), MAP_UPDATE.ANY), 0);
  const write = (inode: unknown) =>
    limit.ask({ cookie: 0n, inode, triggers: triggerBits('open', 'write') }).allowed;
  assert.equal(limit.ask({ cookie: 0n, inode: other, triggers: triggerBits('read') }).allowed, true);
  assert.deepEqual([write(other), write(mine), write(mine), write(mine)], [false, true, true, false]);
  assert.equal(machine.view.getBigUint64(machine.maps[1]!.lookup(Uint8Array.of(2, 0, 0, 0)), true), 6n);
  assert.equal(machine.maps[0]!.drop(mine), 0);
  assert.equal(write(mine), false);
});

test('the cookie goes from one step of a lookup to the next [R-002-42]', () => {
  const { programs } = loadObject(readObject(fixture('quota')));
  const walk = programs[1]!.program as ReturnType<typeof loadProgram<'fs_walk'>>;
  const first = walk.ask({ cookie: 0n, inode: 'a', lookup: 0n });
  assert.deepEqual([first.allowed, first.written], [true, 1n]);
  const second = walk.ask({ cookie: first.written!, inode: 'b', lookup: 0n });
  assert.deepEqual([second.allowed, second.written], [false, 2n]);
});

test('maps: errnos, limits, and slots that are used again', () => {
  const definition: MapDefinition = { name: 'h', kind: 'hash', keyBytes: 2, valueBytes: 3, entries: 2 };
  const machine = new Machine([definition, { ...definition, kind: 'array', keyBytes: 4 }]);
  const [hash, array] = machine.maps as [Machine['maps'][0], Machine['maps'][0]];
  const key = (n: number) => Uint8Array.of(n, 0);
  const index = (n: number) => Uint8Array.of(n, 0, 0, 0);
  const value = (n: number) => Uint8Array.of(n, n, n);
  const at = (address: number) => [...machine.bytes.subarray(address, address + 3)];
  assert.equal(hash.lookup(key(1)), 0);
  assert.equal(hash.update(key(1), value(1), MAP_UPDATE.EXIST), -2);
  assert.equal(hash.update(key(1), value(1), MAP_UPDATE.NO_EXIST), 0);
  assert.equal(hash.update(key(1), value(9), MAP_UPDATE.NO_EXIST), -17);
  assert.equal(hash.update(key(1), value(2), 3n), -22);
  assert.equal(hash.update(key(2), value(2), MAP_UPDATE.ANY), 0);
  assert.equal(hash.update(key(3), value(3), MAP_UPDATE.ANY), -7);
  assert.deepEqual(at(hash.lookup(key(1))), [1, 1, 1]);
  assert.equal(hash.delete(key(1)), 0);
  assert.equal(hash.delete(key(1)), -2);
  assert.equal(hash.update(key(3), value(3), MAP_UPDATE.ANY), 0);
  assert.deepEqual(at(hash.lookup(key(3))), [3, 3, 3]);
  assert.deepEqual([hash.size, array.size], [2, 2]);
  assert.equal(array.lookup(index(2)), 0);
  assert.deepEqual(at(array.lookup(index(1))), [0, 0, 0]);
  assert.equal(array.update(index(1), value(5), MAP_UPDATE.EXIST), 0);
  assert.deepEqual(at(array.lookup(index(1))), [5, 5, 5]);
  assert.equal(array.update(index(1), value(5), MAP_UPDATE.NO_EXIST), -17);
  assert.equal(array.update(index(2), value(5), MAP_UPDATE.ANY), -7);
  assert.equal(array.delete(index(1)), -22);
  for (const wrong of [
    { keyBytes: 0 },
    { keyBytes: 513 },
    { valueBytes: 4097 },
    { entries: 65537 },
    { entries: 0.5 },
  ])
    assert.throws(() => new Machine([{ ...definition, ...wrong }]), /is .* not 1 to/);
  assert.throws(() => new Machine([{ ...definition, kind: 'array' }]), /have 4 bytes, not 2/);
  assert.throws(
    () => new Machine([{ ...definition, valueBytes: 4096, entries: 65536 }]),
    /bytes of values, more than/,
  );
});

test('the page lists every helper, field and limit, and says what each may tell [R-002-12, R-002-21]', () => {
  const page = readFileSync(join(root, 'docs/programs.md'), 'utf8');
  for (const [name, { number }] of Object.entries(HELPERS))
    assert.match(page, new RegExp(`\\| ${number} \\| \`${name}`));
  for (const [hook, { fields }] of Object.entries(CONTEXTS)) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${hook}\` |`));
    assert.ok(row !== undefined, hook);
    for (const { name, offset } of fields)
      assert.ok(row.includes(`\`${name}\` at ${offset}`), `${hook} ${name}`);
  }
  for (const trigger of FS_TRIGGERS) assert.ok(page.includes(trigger), trigger);
  const source = readFileSync(join(root, 'test/fixtures/programs/guard.c'), 'utf8');
  assert.ok(page.includes(source.trim()), 'the example is the source that is compiled here');
  const header = readFileSync(join(root, 'test/fixtures/programs/landlock-programs.h'), 'utf8');
  assert.ok(page.includes(header.trim()), 'and so is the header');
});
