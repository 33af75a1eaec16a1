/** Programs at hooks: the hierarchy of lists, the run rule, and eight process topologies against Landlock's own rule. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
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
  type Helpers,
  MAX_PROGRAMS,
  PROGRAM_RETURN,
  type Program,
  type ProgramDomain,
  type ProgramFd,
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

test('eight topologies, three operations: programs and static Landlock agree', () => {
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

test('the helper tells relations by identity, with its return values', () => {
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

test('the enforcing call checks in order', () => {
  const program = scoping();
  const good: ProgramFd = { kind: 'program', type: 'landlock', program };
  const base = { sysAdmin: true, rule: 'privileged', noNewPrivs: false, flags: 0, pointer: good } as const;
  const cases: [Parameters<typeof prependCall>[1], number][] = [
    [base, 0],
    [{ ...base, sysAdmin: false, pointer: null }, 1],
    [{ ...base, sysAdmin: false, noNewPrivs: true }, 1],
    [{ ...base, sysAdmin: false, noNewPrivs: true, rule: 'unprivileged' }, 0],
    [{ ...base, sysAdmin: false, rule: 'unprivileged' }, 1],
    [{ ...base, pointer: null, flags: 1 }, 14],
    [{ ...base, pointer: 'unreadable', flags: 1 }, 22],
    [{ ...base, pointer: 'unreadable' }, 14],
    [{ ...base, pointer: { kind: 'closed' } }, 9],
    [{ ...base, pointer: { kind: 'other' } }, 22],
    [{ ...base, pointer: { ...good, type: 'other' } }, 22],
  ];
  for (const [call, errno] of cases) {
    const result = prependCall({ domain: null }, call);
    assert.equal(result.ok ? 0 : result.errno, errno);
  }
  const twice = prependCall({ domain: enforce(null, program) }, base);
  assert.ok(!twice.ok && twice.errno === 17);
});
