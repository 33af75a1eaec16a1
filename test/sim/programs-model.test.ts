/** The hooks of programs in the model: lookups with cookies and tags, lists that readers share, and what no program can see. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRuleset, linux, UNRESTRICTED } from '../../packages/landward/src/model/landlock/index.ts';
import {
  deniedBy,
  type ExecProgram,
  execute,
  FS_TRIGGERS,
  type FsTrigger,
  getFile,
  type Hook,
  MAX_PROGRAMS,
  type Program,
  type ProgramDomain,
  pickFile,
  prepend,
  RulesetMap,
  runHook,
  startLookup,
  type Tags,
  triggerBits,
  triggersOf,
  walkFile,
} from '../../packages/landward/src/model/programs/index.ts';
import { POLICY_SCHEMA } from '../../packages/landward/src/policy/schema.ts';
import {
  assemble,
  CONTEXTS,
  HELPERS,
  loadObject,
  loadProgram,
  Machine,
  modelProgram,
  readObject,
  writeObject,
} from '../../packages/landward/src/programs/index.ts';
import { FS_RIGHTS } from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';

function domainOf(...programs: readonly Program[]): ProgramDomain {
  let domain: ProgramDomain | null = null;
  for (const program of programs) {
    const next = prepend(domain, program);
    assert.ok(next.ok);
    domain = next.value;
  }
  return domain!;
}

class TestTags implements Tags {
  readonly #tags = new Map<object, Map<unknown, bigint>>();
  get(chain: object, inode: unknown) {
    return this.#tags.get(chain)?.get(inode);
  }
  set(chain: object, inode: unknown, tag: bigint) {
    const tags = this.#tags.get(chain) ?? new Map();
    this.#tags.set(chain, tags);
    if (tag === 0n) tags.delete(inode);
    else tags.set(inode, tag);
  }
}

/** A chain that counts steps, and denies a pick that is deeper than `most`; `tagged` keeps the depth on what is opened. */
function depth(most: bigint, tagged = false): readonly Program[] {
  const chain = {};
  const walk: Program<'fs_walk'> = {
    hook: 'fs_walk',
    chain,
    run(context) {
      context.cookie += context.lookup === 0n ? 1n : context.lookup === 2n ? -1n : 0n;
      return 0;
    },
  };
  const pick: Program<'fs_pick'> = { hook: 'fs_pick', chain, run: ({ cookie }) => (cookie > most ? 1 : 0) };
  const get: Program<'fs_get'> = {
    hook: 'fs_get',
    chain,
    run(context) {
      context.tag = context.cookie;
      return 0;
    },
  };
  return (tagged ? [walk, pick, get] : [walk, pick]) as readonly Program[];
}

/** A path from a directory: walks each, picks the last, and gets it. */
function reach(domain: ProgramDomain, tags: Tags, from: string, names: readonly string[]): boolean {
  const lookup = startLookup(domain, from, tags);
  let at = from;
  for (const name of names) {
    const kind = name === '..' ? 'DOTDOT' : name === '.' ? 'DOT' : 'NAME';
    if (walkFile(domain, lookup, at, kind) !== null) return false;
    at = name === '..' ? at.replace(/\/[^/]*$/, '') : name === '.' ? at : `${at}/${name}`;
  }
  if (pickFile(domain, lookup, at, triggerBits('open')) !== null) return false;
  return getFile(domain, lookup, at, tags) === null;
}

test('a lookup carries one number, and a limit of depth is made of it [R-002-42]', () => {
  for (const [most, reached] of [
    [9n, [true, true, true]],
    [1n, [true, false, false]],
    [2n, [true, true, false]],
  ] as const) {
    const domain = domainOf(...depth(most));
    const tags = new TestTags();
    const ways = [['a'], ['a', 'b'], ['a', 'b', 'c']];
    assert.deepEqual(
      ways.map((names) => reach(domain, tags, '', names)),
      reached,
    );
    assert.equal(reach(domain, tags, '', ['a', '.', '..', 'b']), true, 'what leads back counts back');
  }
});

test('a tag is where a later lookup begins, per chain; without one it begins at nothing [R-002-44]', () => {
  for (const tagged of [true, false]) {
    const domain = domainOf(...depth(2n, tagged));
    const tags = new TestTags();
    assert.equal(reach(domain, tags, '', ['a', 'b']), true);
    assert.equal(reach(domain, tags, '/a/b', ['c']), !tagged, 'the way until there counts where it was kept');
    assert.equal(reach(domain, tags, '/other', ['x', 'y']), true);
  }
  // Two chains do not see each other's numbers.
  const domain = domainOf(...depth(1n, true), ...depth(3n));
  const tags = new TestTags();
  assert.equal(reach(domain, tags, '', ['a']), true);
  assert.equal(reach(domain, tags, '/a', ['b']), false, 'the first chain has kept its way');
});

test('nothing is tagged where anybody denies [R-002-44]', () => {
  const deny: Program<'fs_get'> = { hook: 'fs_get', run: () => 1 };
  const chained = depth(9n, true);
  const tags = new TestTags();
  assert.equal(reach(domainOf(...chained, deny as Program), tags, '', ['a', 'b']), false);
  assert.equal(tags.get(chained[0]!.chain!, '/a/b'), undefined);
  assert.equal(reach(domainOf(...chained), tags, '', ['a', 'b']), true);
  assert.equal(tags.get(chained[0]!.chain!, '/a/b'), 2n);
});

test('a pick program may name its triggers, in its section too, and is asked about no other [R-002-45]', () => {
  const seen: bigint[] = [];
  const only = (triggers: bigint): Program<'fs_pick'> => ({
    hook: 'fs_pick',
    triggers,
    run(context) {
      seen.push(context.triggers);
      return 1;
    },
  });
  const domain = domainOf(only(triggerBits('write', 'unlink')) as Program);
  const pick = (...names: readonly FsTrigger[]) =>
    pickFile(domain, startLookup(domain, 'x', new TestTags()), 'x', triggerBits(...names));
  assert.equal(pick('open', 'read'), null);
  assert.notEqual(pick('open', 'write'), null);
  assert.deepEqual(seen, [triggerBits('open', 'write')]);
  const object = (name: string) => {
    const code = assemble('r0 = 1\nexit');
    return loadObject(readObject(writeObject({ programs: [{ name, hook: 'fs_pick', code }] }))).programs[0]!;
  };
  assert.equal(object('guard').triggers, undefined, 'a name is no trigger');
  assert.equal(object('write').triggers, triggerBits('write'));
});

test('a list is read as it was when its reading began, whatever is put in front meanwhile [R-002-28, R-002-27]', () => {
  const asked: string[] = [];
  let domain: ProgramDomain | null = null;
  const program = (name: string, then?: () => void): Program => ({
    hook: 'ptrace',
    run() {
      asked.push(name);
      then?.();
      return 0;
    },
  });
  domain = domainOf(
    program('oldest'),
    program('newest', () => {
      const next = prepend(domain, program('late'));
      assert.ok(next.ok);
      domain = next.value;
    }),
  );
  const before = domain;
  const context = { tracer: { domain }, tracee: { domain } };
  assert.equal(runHook(domain, 'ptrace', context), 0);
  assert.deepEqual(asked, ['newest', 'oldest'], 'newest first, and the late one not at all');
  assert.notEqual(domain, before);
  asked.length = 0;
  assert.equal(runHook(domain, 'ptrace', context), 0);
  assert.deepEqual(asked, ['late', 'newest', 'oldest']);
  asked.length = 0;
  assert.equal(runHook(before, 'ptrace', context), 0);
  assert.deepEqual(asked, ['newest', 'oldest'], 'the old list is as it was');
});

test('each hook holds 64 programs, and not one more [R-002-34]', () => {
  for (const hook of Object.keys(CONTEXTS) as Hook[]) {
    const make = (): Program => ({ hook, run: () => 0 });
    const full = domainOf(...Array.from({ length: MAX_PROGRAMS }, make));
    const more = prepend(full, make());
    assert.ok(!more.ok && more.errno === 7, hook);
    const again = prepend(full, full.lists[hook]!.program);
    assert.ok(!again.ok && again.errno === 17, 'a program stands in a list once');
    assert.equal(
      deniedBy(full, hook, () => ({}) as never),
      null,
    );
  }
});

/** Functions of Linux that say who runs, when, or something at random. */
const IDENTITY = { time: 5, random: 7, cpu: 8, pid: 14, uid: 15, comm: 16, task: 35, cgroup: 80, boot: 125 };
const NUMBERS = /^(cookie|lookup|triggers|tag|operation|family|protocol|port|high|low|signal)$/;

test('no program can tell who the subject is, nor what time it is [R-002-12, R-002-36]', () => {
  for (const [hook, { fields, helpers }] of Object.entries(CONTEXTS)) {
    for (const [name, number] of Object.entries(IDENTITY))
      assert.throws(
        () => loadProgram(hook as Hook, assemble(`call ${number}\nr0 = 0\nexit`), new Machine([])),
        new RegExp(`there is no helper ${number}`),
        `${hook} ${name}`,
      );
    // Objects are opaque, numbers are about what is done: each is named here, so that a new one has to be argued for.
    for (const { name, type } of fields) assert.ok(type !== 'number' || NUMBERS.test(name), name);
    for (const helper of helpers) assert.ok(Object.hasOwn(HELPERS, helper));
  }
  const keys = JSON.stringify(POLICY_SCHEMA);
  for (const word of ['"uid"', '"gid"', '"pid"', '"comm"', '"user"']) assert.ok(!keys.includes(word), word);
});

test('a hook shows the same kinds of things to every program, whatever the system call [R-002-22]', () => {
  for (const [hook, { bytes, fields }] of Object.entries(CONTEXTS)) {
    assert.equal(bytes, 8 * fields.length, hook);
    assert.deepEqual(
      fields.map(({ offset }) => offset),
      fields.map((_, index) => 8 * index),
    );
  }
  // Rights are about objects; each has one trigger, whichever call needs it.
  for (const right of Object.keys(FS_RIGHTS) as (keyof typeof FS_RIGHTS)[]) {
    const [trigger, ...more] = triggersOf([right]);
    assert.ok(FS_TRIGGERS.includes(trigger!) && more.length === 0, right);
  }
  assert.equal(FS_TRIGGERS.length, 24);
});

test('programs that were loaded answer in lists with what they wrote [R-002-42]', () => {
  const chain = {};
  const load = (hook: 'fs_walk' | 'fs_pick', text: string) =>
    modelProgram(loadProgram(hook, assemble(text), new Machine([])), { chain, name: hook }) as Program;
  const domain = domainOf(
    load('fs_walk', 'r2 = *(u64 *)(r1 + 0)\nr2 += 2\n*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit'),
    load('fs_pick', 'r2 = *(u64 *)(r1 + 0)\nr0 = 0\nif r2 == 4 goto done\nr0 = 1\ndone:\nexit'),
  );
  const lookup = startLookup(domain, 'root', new TestTags());
  assert.notEqual(pickFile(domain, lookup, 'x', 1n), null);
  walkFile(domain, lookup, 'a', 'NAME');
  walkFile(domain, lookup, 'b', 'NAME');
  assert.equal(pickFile(domain, lookup, 'x', 1n), null);
  assert.deepEqual([...lookup.cookies], [[chain, 4n]]);
});

test('a program at exec chooses the ruleset of what is executed [R-002-51]', () => {
  const ruleset = (right: 'fs.write_file' | 'fs.execute') => {
    const made = createRuleset(linux(7), { handledFs: fsMask(right) });
    assert.ok(made.ok);
    return { kind: 'ruleset', ruleset: made.value, read: true, write: true } as const;
  };
  const map = new RulesetMap(2);
  assert.equal(map.update(0, ruleset('fs.write_file'), 0), 0);
  assert.equal(map.update(1, ruleset('fs.execute'), 0), 0);
  const wrong = [
    map.update(2, ruleset('fs.execute'), 0),
    map.update(0, { kind: 'closed' }, 0),
    map.update(0, { kind: 'other' }, 0),
    map.update(0, ruleset('fs.execute'), 1),
  ];
  assert.deepEqual(wrong, [7, 9, 77, 22]);
  assert.equal(map.userLookup(), 95);
  const choose: ExecProgram = (file, helpers) => {
    const taken = helpers.take(map, Number(file));
    if (taken === null) return 0;
    const result = helpers.restrict(taken, 16);
    helpers.put(taken);
    return result === 0 ? 0 : 1;
  };
  const thread = { credential: UNRESTRICTED, noNewPrivs: false, sysAdmin: false };
  const run = (file: bigint) => execute(linux(7), thread, file, choose);
  const [writes, executes, free] = [run(0n), run(1n), run(5n)];
  assert.ok(writes.ok && executes.ok && free.ok);
  assert.equal(free.value.credential.domain, null, 'a file that is in no map runs as before');
  assert.equal(writes.value.credential.domain?.handledFs, fsMask('fs.write_file'));
  assert.equal(executes.value.credential.domain?.handledFs, fsMask('fs.execute'));
  assert.equal(writes.value.noNewPrivs, true);
  const absent = execute(null, thread, 0n, choose);
  assert.ok(!absent.ok && absent.errno === 1, 'without Landlock the program hears EOPNOTSUPP, and denies');
  const leak = execute(linux(7), thread, 0n, (_, helpers) => (helpers.take(map, 0) === null ? 1 : 0));
  assert.ok(!leak.ok && leak.errno === 22, 'a ruleset that is not given back');
});
