/** Programs at hooks: the hierarchy of lists, the run rule, and eight process topologies against Landlock's own rule. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import {
  type Credential,
  createRuleset,
  linux,
  ptrace,
  restrictSelf,
  UNRESTRICTED,
} from '../../packages/landward/src/model/landlock/index.ts';
import {
  growsFrom,
  type Helpers,
  MAX_PROGRAMS,
  PROGRAM_RETURN,
  type PrependCall,
  type Program,
  type ProgramDomain,
  type ProgramNode,
  prepend,
  prependCall,
  ptraceAncestor,
  ptraceAttach,
  ptraceTraceme,
  runHook,
} from '../../packages/landward/src/model/programs/index.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';

const { ALLOW, DENY } = PROGRAM_RETURN;

/** The program of the ptrace tests: denies unless the tracee is in the same domain or a nested one. */
function scoping(): Program<'ptrace'> {
  return {
    hook: 'ptrace',
    run: ({ tracer, tracee }, helpers: Helpers) => {
      const relation = helpers.ptraceAncestor(tracer, tracee);
      return relation === 0 || relation === 1 ? ALLOW : DENY;
    },
  };
}
const answering = (value: number): Program<'ptrace'> => ({ hook: 'ptrace', run: () => value });
function enforce(domain: ProgramDomain | null, program: Program = scoping()): ProgramDomain {
  const next = prepend(domain, program);
  assert.ok(next.ok);
  return next.value;
}
function landlock(credential: Credential): Credential {
  const ruleset = createRuleset(linux(7), { handledFs: fsMask('fs.make_block') });
  assert.ok(ruleset.ok);
  const fd = { kind: 'ruleset', ruleset: ruleset.value, read: true, write: true } as const;
  const result = restrictSelf(linux(7), { credential, noNewPrivs: true, sysAdmin: false }, { fd, flags: 0 });
  assert.ok(result.ok);
  return result.value.caller.credential;
}

// Which of parent and child restricts itself after the fork, and whether both inherit a domain from before.
const TOPOLOGIES = [
  { name: 'no domain', inherited: false, parent: false, child: false, down: true, up: true },
  { name: 'child', inherited: false, parent: false, child: true, down: true, up: false },
  { name: 'parent', inherited: false, parent: true, child: false, down: false, up: true },
  { name: 'both', inherited: false, parent: true, child: true, down: false, up: false },
  { name: 'inherited', inherited: true, parent: false, child: false, down: true, up: true },
  { name: 'inherited, child', inherited: true, parent: false, child: true, down: true, up: false },
  { name: 'inherited, parent', inherited: true, parent: true, child: false, down: false, up: true },
  { name: 'inherited, both', inherited: true, parent: true, child: true, down: false, up: false },
];

test('eight topologies, three operations: programs and static Landlock agree [R-002-29, R-002-30]', () => {
  for (const surrounding of [false, true]) {
    for (const { name, inherited, parent, child, down, up } of TOPOLOGIES) {
      const around = surrounding ? enforce(null, answering(ALLOW)) : null;
      const trunk = inherited ? enforce(around) : around;
      const p = { domain: parent ? enforce(trunk) : trunk };
      const c = { domain: child ? enforce(trunk) : trunk };
      assert.equal(ptraceAttach(p, c) === 0, down, `${name}: parent to child`);
      assert.equal(ptraceAttach(c, p) === 0, up, `${name}: child to parent`);
      assert.equal(ptraceTraceme(c, p) === 0, down, `${name}: traceme`);

      const stem = surrounding ? landlock(UNRESTRICTED) : UNRESTRICTED;
      const base = inherited ? landlock(stem) : stem;
      const statically = {
        parent: { process: {}, credential: parent ? landlock(base) : base },
        child: { process: {}, credential: child ? landlock(base) : base },
      };
      assert.equal(ptrace(linux(7), statically.parent.credential, statically.child).allowed, down, name);
      assert.equal(ptrace(linux(7), statically.child.credential, statically.parent).allowed, up, name);
    }
  }
});

test('the helper tells relations by identity, with its return values [R-002-20]', () => {
  const trunk = enforce(null);
  const below = enforce(trunk);
  const same = { domain: { lists: { ...trunk.lists } } };
  assert.equal(ptraceAncestor(null, { domain: trunk }), -14);
  assert.equal(ptraceAncestor({ domain: trunk }, null), -14);
  assert.equal(ptraceAncestor({ domain: null }, { domain: trunk }), -22);
  assert.equal(ptraceAncestor({ domain: trunk }, { domain: null }), -22);
  assert.equal(ptraceAncestor({ domain: trunk }, same), 0);
  assert.equal(ptraceAncestor({ domain: trunk }, { domain: below }), 1);
  assert.equal(ptraceAncestor({ domain: below }, { domain: trunk }), -2);
  assert.equal(ptraceAncestor({ domain: enforce(null) }, { domain: trunk }), -2);
});

test('any program that denies is enough, whatever the order; all of them run', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(ALLOW, DENY, 2, -1), { maxLength: 8 }), (answers) => {
      let ran = 0;
      const domain = answers.reduce<ProgramDomain | null>((before, answer) => {
        const program: Program<'ptrace'> = {
          hook: 'ptrace',
          run: () => {
            ran++;
            return answer;
          },
        };
        return enforce(before, program);
      }, null);
      const task = { domain };
      assert.equal(
        runHook(domain, 'ptrace', { tracer: task, tracee: task }),
        answers.some((answer) => answer !== ALLOW) ? 1 : 0,
      );
      assert.equal(ran, answers.length);
    }),
    { seed: 41, numRuns: 500 },
  );
});

test('newest first, each program once, a bounded list, and an old domain never changes', () => {
  const order: number[] = [];
  const noting = (mark: number): Program<'ptrace'> => ({
    hook: 'ptrace',
    run: () => {
      order.push(mark);
      return ALLOW;
    },
  });
  const [one, two] = [noting(1), noting(2)];
  const first = enforce(null, one);
  const second = enforce(first, two);
  runHook(second, 'ptrace', { tracer: { domain: second }, tracee: { domain: second } });
  assert.deepEqual(order, [2, 1]);
  assert.equal(first.lists.ptrace!.previous, null);
  assert.equal(second.lists.ptrace!.previous, first.lists.ptrace);
  const again = prepend(second, one);
  assert.ok(!again.ok && again.errno === 17);
  let full: ProgramDomain | null = null;
  for (let count = 0; count < MAX_PROGRAMS; count++) full = enforce(full);
  const over = prepend(full, scoping());
  assert.ok(!over.ok && over.errno === 7);
});

test('the relation agrees with a plain comparison of whole lists', () => {
  const plans = fc.record({
    shared: fc.nat({ max: 3 }),
    left: fc.nat({ max: 3 }),
    right: fc.nat({ max: 3 }),
  });
  const nodes = (domain: ProgramDomain | null) => {
    const list: ProgramNode[] = [];
    for (let node = domain?.lists.ptrace ?? null; node !== null; node = node.previous) list.unshift(node);
    return list;
  };
  const grow = (start: ProgramDomain | null, count: number) =>
    Array.from({ length: count }).reduce<ProgramDomain | null>((before) => enforce(before), start);
  fc.assert(
    fc.property(plans, ({ shared, left, right }) => {
      const trunk = grow(null, shared);
      const [p, c] = [grow(trunk, left), grow(trunk, right)];
      const [older, list] = [nodes(p), nodes(c)];
      const prefix = older.every((node, index) => list[index] === node);
      const expected =
        older.length === 0 || list.length === 0 ? -22 : !prefix ? -2 : older.length === list.length ? 0 : 1;
      assert.equal(ptraceAncestor({ domain: p }, { domain: c }), expected);
    }),
    { seed: 42, numRuns: 300 },
  );
});

test('the enforcing call checks in order: of two faults the earlier one counts [R-002-23, R-002-32]', () => {
  const program = scoping();
  const good = { kind: 'program', type: 'landlock', program } as const;
  const base = { sysAdmin: true, rule: 'privileged', noNewPrivs: false, flags: 0, pointer: good } as const;
  type Fault = readonly [errno: number, change: Partial<PrependCall>];
  // Faults of one argument exclude each other: the pointer has one of them.
  const faults: readonly (readonly Fault[])[] = [
    [[1, { sysAdmin: false }]],
    [[14, { pointer: null }]],
    [[22, { flags: 1 }]],
    [
      [14, { pointer: 'unreadable' }],
      [9, { pointer: { kind: 'closed' } }],
      [22, { pointer: { kind: 'other' } }],
      [22, { pointer: { ...good, type: 'other' } }],
      [17, {}],
    ],
  ];
  const listed = { domain: enforce(null, program) };
  const errnoOf = (call: PrependCall, task = listed) => {
    const result = prependCall(task, call);
    return result.ok ? 0 : result.errno;
  };
  assert.equal(errnoOf(base, { domain: null as never }), 0);
  let pairs = 0;
  for (const [first, group] of faults.entries())
    for (const [errno, change] of group) {
      assert.equal(errnoOf({ ...base, ...change }), errno);
      for (const [, later] of faults.slice(first + 1).flat()) {
        // The earlier fault is laid over the later one: where both are about the pointer, it is the pointer.
        assert.equal(errnoOf({ ...base, ...later, ...change }), errno, JSON.stringify([change, later]));
        pairs++;
      }
    }
  assert.equal(pairs, 18);
});

test('who may enforce: CAP_SYS_ADMIN in the rule of 2019, no_new_privs in the one for everybody [R-002-3, R-002-24]', () => {
  const pointer = { kind: 'program', type: 'landlock', program: scoping() } as const;
  const allowed = (rule: PrependCall['rule'], sysAdmin: boolean, noNewPrivs: boolean) =>
    prependCall({ domain: null }, { rule, sysAdmin, noNewPrivs, flags: 0, pointer }).ok;
  for (const noNewPrivs of [false, true]) {
    assert.equal(allowed('privileged', true, noNewPrivs), true);
    assert.equal(allowed('privileged', false, noNewPrivs), false);
    assert.equal(allowed('unprivileged', true, noNewPrivs), true);
    assert.equal(allowed('unprivileged', false, noNewPrivs), noNewPrivs);
  }
});

test('lists share their tails, an old one never changes, and what one took on the other has not [R-002-25, R-002-26]', () => {
  const trunk = enforce(null);
  const before = structuredClone({ keys: Object.keys(trunk.lists), previous: trunk.lists.ptrace!.previous });
  const [left, right] = [enforce(trunk), enforce(trunk)];
  assert.equal(left.lists.ptrace!.previous, trunk.lists.ptrace);
  assert.equal(right.lists.ptrace!.previous, trunk.lists.ptrace);
  assert.deepEqual({ keys: Object.keys(trunk.lists), previous: trunk.lists.ptrace!.previous }, before);
  assert.equal(growsFrom(left, trunk), true);
  assert.equal(growsFrom(left, null), true);
  assert.equal(growsFrom(trunk, left), false);
  assert.equal(growsFrom(left, right), false);
  assert.equal(growsFrom(null, trunk), false);
  const other = enforce(trunk, { hook: 'signal', run: () => 0 } as Program);
  assert.equal(growsFrom(other, trunk), true);
  assert.equal(growsFrom(enforce(other), other), true);
  assert.equal(growsFrom(left, other), false);
});

test('a list of a hundred thousand is walked and freed without a stack [R-002-25]', async () => {
  const LONG = 100_000;
  let ran = 0;
  const counting = (): Program<'ptrace'> => ({
    hook: 'ptrace',
    run: () => {
      ran++;
      return ALLOW;
    },
  });
  let list: ProgramNode | null = { program: counting(), previous: null };
  const oldest: ProgramDomain = { lists: { ptrace: list } };
  for (let count = 1; count < LONG; count++) list = { program: counting(), previous: list };
  let domain: ProgramDomain | null = { lists: { ptrace: list } };
  assert.equal(runHook(domain, 'ptrace', { tracer: { domain }, tracee: { domain } }), 0);
  assert.equal(ran, LONG);
  assert.equal(ptraceAncestor({ domain: oldest }, { domain }), 1);
  assert.equal(growsFrom(domain, oldest), true);
  const over = prepend(domain, counting());
  assert.ok(!over.ok && over.errno === 7);
  const [young, old] = [new WeakRef(list), new WeakRef(oldest.lists.ptrace!)];
  [domain, list] = [null, null];
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 10 && young.deref() !== undefined; round++) {
    await setImmediate();
    collect();
  }
  assert.equal(young.deref(), undefined, 'what nobody has is freed');
  assert.notEqual(old.deref(), undefined, 'what somebody has stays');
  assert.equal(runHook(oldest, 'ptrace', { tracer: { domain: oldest }, tracee: { domain: oldest } }), 0);
});
