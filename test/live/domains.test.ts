/** What programs learn about domains, from inside: by prctl and lsm_get_self_attr, in user-space Landlock and under a policy. */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OPEN_FILTER } from '../../packages/landward/src/filter/spec.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { runChild } from '../kit/child.ts';
import { compiled } from '../kit/compiled.ts';
import { needs, root } from '../kit/needs.ts';
import { type Supervision, supervised } from '../kit/supervised.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const options = needs({ supervisor: true, tools: ['cc'] });
const asRoot = needs({ supervisor: true, tools: ['cc'], root: true });

const EPERM = -1;
const ENOENT = -2;
const ESRCH = -3;
const E2BIG = -7;
const EBADF = -9;
const EACCES = -13;
const EFAULT = -14;
const EINVAL = -22;
const ERANGE = -34;
const EOPNOTSUPP = -95;

const USER_LANDLOCK: Supervision = {
  layers: [],
  landlock: { abi: 11, errata: 15 },
  filter: OPEN_FILTER,
  groups: ['open', 'signal', 'ptrace', 'landlock', 'credential', 'guard', 'control'],
};

/** What a mode of the program saw, by name; of a name that was said more than once all of it. */
interface Seen {
  readonly events: readonly DenialEvent[];
  of(name: string): string;
  all(name: string): readonly string[];
  number(name: string): number;
}

async function saw(
  t: Ending,
  mode: readonly string[],
  what = USER_LANDLOCK,
  options: { readonly uid?: number } = {},
): Promise<Seen> {
  const program = compiled(t, 'domains', 'test/kit/domains.c');
  const result = await supervised(what, [program, ...mode], options);
  assert.deepEqual([result.killed, result.defects, result.stderr], [[], [], '']);
  assert.equal(result.status, 0, result.stdout);
  const lines = result.stdout.trimEnd().split('\n');
  const all = (name: string) =>
    lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  const of = (name: string) => {
    const [value, ...more] = all(name);
    assert.ok(value !== undefined && more.length === 0, `${name} in\n${result.stdout}`);
    return value;
  };
  return { events: result.events, of, all, number: (name) => Number(of(name)) };
}

test(
  'a thread that restricts itself three times makes three domains of its name [R-003-2]',
  options,
  async (t) => {
    const seen = await saw(t, ['names']);
    const tid = seen.of('tid');
    assert.equal(seen.number('none'), ENOENT, 'a thread without domain has none to open');
    assert.deepEqual([seen.of('n0'), seen.of('n1'), seen.of('n2')], [`${tid}.0`, `${tid}.1`, `${tid}.2`]);
    assert.equal(seen.of('theirs'), `${seen.of('kid')}.0`, 'another thread counts for itself');
    assert.equal(seen.number('same'), 0);
    assert.equal(seen.number('again'), 1);
    assert.equal(seen.of('after'), seen.of('theirs'), 'a descriptor pins what it means');
    assert.deepEqual(
      seen.all('layers layer'),
      [0, 1, 2].map((version) => `3 0 ${tid}.${version}`),
    );
  },
);

test(
  'the absolute identifier needs CAP_AUDIT_READ and is that of the denial, in hex [R-003-13, R-003-17, R-003-18, R-003-21]',
  asRoot,
  async (t) => {
    const seen = await saw(t, ['names']);
    const denial = seen.events.find(({ object }) => object.kind === 'path' && object.path === '/etc/passwd');
    assert.deepEqual(denial?.domain, { kind: 'user', id: seen.of('absolute') });
    assert.ok(BigInt(`0x${seen.of('absolute')}`) >= 2n ** 32n);
    const other = await saw(t, ['names'], USER_LANDLOCK, { uid: 1000 });
    assert.equal(BigInt.asIntN(64, BigInt(`0x${other.of('absolute')}`)), BigInt(EPERM));
    assert.equal(other.of('n2'), `${other.of('tid')}.2`, 'the relative one needs nothing');
  },
);

test('siblings that carry one layer are in the same domain [R-003-1, R-003-12]', asRoot, async (t) => {
  const seen = await saw(t, ['siblings']);
  const names = ['same', 'deeper', 'equal', 'distinct', 'ordered'];
  assert.deepEqual(
    names.map((name) => seen.number(name)),
    [1, 0, 1, 1, 1],
  );
});

test('a domain is opened by who may trace its process [R-003-11]', options, async (t) => {
  const seen = await saw(t, ['relations', `${process.pid}`]);
  const expected = {
    parent: EPERM,
    same: 1,
    child: 1,
    above: 1,
    sibling: EPERM,
    unrestricted: ENOENT,
    outsider: EPERM,
    nofd: EBADF,
    notpidfd: EBADF,
    flags: EINVAL,
    notdomain: EINVAL,
    badbuffer: EFAULT,
    badflags: EINVAL,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(seen.number(name), value, name);
});

test(
  'a process that is gone has no domain, and its descriptor keeps the one that was opened [R-003-7, R-003-12]',
  options,
  async (t) => {
    const seen = await saw(t, ['gone']);
    assert.equal(seen.number('zombie'), ESRCH);
    assert.equal(seen.number('signalled'), 0, 'asking about a process that has ended ends nothing');
    assert.equal(seen.number('reaped'), ESRCH);
    assert.equal(seen.of('held'), `${seen.of('kid')}.0`);
  },
);

test('a domain can be opened any number of times', options, async (t) => {
  assert.equal((await saw(t, ['many'])).number('failed'), 0);
});

test('a copy of a domain restricts as all of its layers do [R-003-14]', options, async (t) => {
  const directory = temporaryDirectory(t, 'domains');
  for (const name of ['a', 'b']) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'file'), '');
  }
  const seen = await saw(t, ['import', directory]);
  const expected = {
    grow: EPERM,
    before: 0,
    import: 0,
    inside: 0,
    part: EACCES,
    outside: EACCES,
    signal: EPERM,
    rounds: 7,
    full: E2BIG,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(seen.number(name), value, name);
  assert.equal(seen.all('layers layer').length, 2, 'a layer for each of the domain, made by who put them on');
});

test(
  'a descriptor of a domain outlives execve where it is not told to close [R-003-12]',
  options,
  async (t) => {
    const seen = await saw(t, ['exec']);
    assert.deepEqual(
      ['closes', 'stays', 'same'].map((name) => seen.number(name)),
      [1, 1, 1],
    );
  },
);

test(
  'lsm_get_self_attr has the name of the domain in the layout of the kernel [R-003-9]',
  options,
  async (t) => {
    const seen = await saw(t, ['attr']);
    assert.equal(seen.of('name'), `${seen.of('tid')}.0`);
    const expected = {
      flags: 0,
      lengths: 1,
      padded: 1,
      whole: 1,
      small: E2BIG,
      smallsize: 1,
      null: E2BIG,
      nullroom: 1,
      nullsize: 1,
      single: 1,
      // Module 100 is that of capabilities, which says nothing of itself.
      other: EOPNOTSUPP,
      othersize: 0,
      undefined: EINVAL,
      noflag: EINVAL,
      nosize: EINVAL,
      badsize: EFAULT,
      singlenull: EINVAL,
      badbuffer: EFAULT,
      zero: EINVAL,
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(seen.number(name), value, name);
    assert.ok(seen.number('count') >= 1);
  },
);

test(
  'a name is read in the PID namespace of the reader, and not above its maker’s [R-003-3, R-003-5]',
  asRoot,
  async (t) => {
    const seen = await saw(t, ['namespaces']);
    assert.match(seen.of('outer own'), /^[1-9]\d*\.0$/);
    assert.equal(seen.of('inner own'), '0.0');
    assert.equal(seen.of('inner attribute'), '0.0');
    assert.equal(seen.of('inner tid'), '1');
    assert.equal(seen.of('inner made'), '1.0', 'its own number, in its own namespace');
    assert.equal(seen.of('from above'), `${seen.of('kid')}.0`, 'the number that is seen from above');
    const hidden = await saw(t, ['hidden']);
    assert.match(hidden.of('above'), /^[1-9]\d*\.0$/, 'from above it is seen');
    assert.equal(hidden.number('number'), 1, 'the process itself is seen');
    assert.equal(hidden.number('sandboxed'), hidden.number('plain'));
    assert.equal(hidden.number('plain'), ENOENT);
  },
);

const policy = (more = '') => `
[fs]
read = ["/"]
exec = ["/"]
deny = ["/etc/passwd"]
${more}`;

test(
  'a run under a policy is a domain, called by its first process and its run [R-001-16, R-003-21]',
  asRoot,
  async (t) => {
    const program = compiled(t, 'domains', 'test/kit/domains.c');
    let started: { pid: number; run: string } | undefined;
    const { stdout, events, defects } = await supervised(
      { policy: policy() },
      [program, 'policy', `${process.pid}`],
      {
        started: (pid, run) => {
          started = { pid, run };
        },
      },
    );
    assert.deepEqual(defects, []);
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      'layers size 32',
      `layers short ${ERANGE}`,
      'layers flags 0',
      'layers layer 1 0 0.0',
      `own ${started!.pid}.0`,
      `absolute ${started!.run.replace(/^0+/, '')}`,
      'kid 1',
      `outsider ${EPERM}`,
      `ruleset ${EOPNOTSUPP}`,
      'present 1',
      `unknown ${EINVAL}`,
      `denied ${EACCES}`,
    ]);
    assert.equal(events.find(({ operation }) => operation === 'openat')?.run, started!.run);
  },
);

test('a thread learns whether any of its layers may change [R-001-16]', options, async (t) => {
  const plain = { kind: 'limit', name: 'plain', categories: [], rules: [] } as const;
  const layers = [plain, { ...plain, mutable: 'stricter' }, { ...plain, mutable: 'any' }] as const;
  const seen = await saw(t, ['policy'], { layers, groups: ['control'] });
  assert.deepEqual(seen.all('layers layer'), ['2 0 0.0', '2 1 0.1', '2 2 0.2']);
});

test('the library tells a program of its layers [R-001-16]', options, async () => {
  const source = join(root, 'packages/landward/src/launch/inside.ts');
  const program = `import { insideLandward, ownLayers } from ${JSON.stringify(source)};
    console.log(JSON.stringify([insideLandward(), ownLayers()]));`;
  const words = [process.execPath, '--input-type=module', '-e', program] as const;
  const plain = { kind: 'limit', name: 'plain', categories: [], rules: [] } as const;
  const layers = [plain, { ...plain, mutable: 'any' }] as const;
  const inside = await supervised({ layers, groups: ['control'] }, [...words]);
  const kinds = { kind: 'limit', name: null } as const;
  assert.deepEqual(JSON.parse(inside.stdout), [
    true,
    {
      layers: [
        { ...kinds, change: 'never' },
        { ...kinds, change: 'any' },
      ],
      grows: false,
      asks: false,
    },
  ]);
  const [command, ...rest] = words;
  assert.deepEqual(JSON.parse((await runChild(command, rest)).stdout), [false, null]);
});

test('without a supervisor nothing answers', options, async (t) => {
  const program = compiled(t, 'domains', 'test/kit/domains.c');
  const { stdout } = await runChild(program, ['policy']);
  assert.match(stdout, new RegExp(`^present ${EINVAL}$`, 'm'));
});

test('landward run --landlock=user answers as well', options, async (t) => {
  const program = compiled(t, 'domains', 'test/kit/domains.c');
  const landward = join(root, 'test/kit/landward.ts');
  const child = await runChild(process.execPath, [landward, 'run', '--landlock=user', '--', program, 'exec']);
  assert.match(child.stdout, /^same 1$/m, child.stderr);
});
