/** Policy programs that programs load and enforce themselves, on real processes under user-space Landlock. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Hook } from '../../packages/landward/src/model/programs/index.ts';
import { assemble, type MapDefinition, writeObject } from '../../packages/landward/src/programs/index.ts';
import { Refused } from '../../packages/landward/src/supervisor/call.ts';
import { LoadedPrograms } from '../../packages/landward/src/supervisor/landlock/loaded-programs.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { runChild } from '../kit/child.ts';
import { compiled } from '../kit/compiled.ts';
import { fixtureProgram } from '../kit/fixture-program.ts';
import { needs, root, unmet } from '../kit/needs.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const supervised = needs({ supervisor: true, tools: ['cc'] });
let built: string | undefined;
/** The program of most tests, compiled once. */
const calls = () => {
  built ??= fixtureProgram('program-calls');
  return built;
};
let builtAccesses: string | undefined;
const accesses = () => {
  builtAccesses ??= fixtureProgram('program-accesses');
  return builtAccesses;
};
const landward = join(root, 'test/kit/landward.ts');
const clang = ['clang', 'clang-14', 'clang-19'].find((name) => spawnSync(name, ['--version']).status === 0);

const GUARD = `
  r2 = *(u64 *)(r1 + 8)
  r1 = *(u64 *)(r1 + 0)
  call 1000
  if r0 == 0 goto allow
  if r0 == 1 goto allow
  r0 = 1
  exit
allow:
  r0 = 0
  exit`;

/** Sixteen megabytes of values, which is as much as one object may have. */
const LARGE: readonly MapDefinition[] = [
  { name: 'large', kind: 'array', keyBytes: 4, valueBytes: 256, entries: 65536 },
];

/** Writes an object with one assembled program, that every user can read. */
function object(
  folder: string,
  name: string,
  text: string,
  hook: Hook = 'ptrace',
  maps: readonly MapDefinition[] = [],
): string {
  const file = join(folder, `${name}.bpf.o`);
  writeFileSync(file, writeObject({ maps, programs: [{ name, hook, code: assemble(text) }] }));
  chmodSync(file, 0o644);
  return file;
}

/** A folder that every user can reach. */
function folderOf(t: Ending): string {
  const folder = temporaryDirectory(t, 'programs');
  chmodSync(folder, 0o755);
  return folder;
}

/** Runs a command with user-space Landlock and gives what it printed. */
async function inside(
  command: readonly string[],
  { words = [], as = [] }: { readonly words?: readonly string[]; readonly as?: readonly string[] } = {},
) {
  const all = [...as, process.execPath, landward, 'run', '--landlock=user', ...words, '--', ...command];
  return runChild(all[0]!, all.slice(1), { timeout: 120_000 });
}

/** The same, as names and errnos. */
async function told(command: readonly string[], how: Parameters<typeof inside>[1] = {}) {
  const { stdout, stderr } = await inside(command, how);
  const lines = stdout.trim().split('\n');
  assert.ok(stdout !== '', stderr);
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(' ')), Number(line.split(' ')[1])]),
  );
}

const yama = () => {
  const file = '/proc/sys/kernel/yama/ptrace_scope';
  return existsSync(file) && readFileSync(file, 'utf8').trim() !== '0';
};

/** Down and up for the bits of parent and child: who took a domain of its own may not be looked into by the others. */
const EXPECTED = Array.from({ length: 16 }, (_, bits) => {
  const [surrounding, inherited, parent, child] = [8, 4, 2, 1].map((bit) => ((bits & bit) === 0 ? 0 : 1));
  const of = (way: string, denied: number | undefined) =>
    `${surrounding} ${inherited} ${parent} ${child} ${way} ${denied === 1 ? ERRNO.EPERM : 0}`;
  return [of('down', parent), of('up', child), of('traceme', parent)];
}).flat();

const matrix = yama() ? { skip: 'needs Yama to be off' } : supervised;

test(
  'eight topologies, three ways, with and without a domain around: an assembled program gives the table of Landlock [R-002-20, R-002-29, R-002-30]',
  matrix,
  async (t) => {
    const folder = folderOf(t);
    const program = compiled(t, 'ptrace-matrix', 'test/fixtures/ptrace-matrix.c');
    const lines = async (...args: readonly string[]) => {
      const { stdout, stderr } = await inside([program, ...args]);
      assert.equal(stderr, '');
      return stdout.trim().split('\n');
    };
    const [allow, guard] = [object(folder, 'allow', 'r0 = 0\nexit'), object(folder, 'guard', GUARD)];
    assert.deepEqual(await lines(allow, guard), EXPECTED);
    assert.deepEqual(await lines(), EXPECTED, 'Landlock itself, answered by the model');
    // What denies in no case would give no table, and what denies in all another one.
    assert.ok((await lines(allow, allow)).every((line) => line.endsWith(' 0')));
  },
);

test(
  "the kernel's own Landlock gives the same table [R-002-30]",
  yama() ? matrix : needs({ abi: 1, tools: ['cc'] }),
  async (t) => {
    const program = compiled(t, 'ptrace-matrix', 'test/fixtures/ptrace-matrix.c');
    const { stdout, stderr } = await runChild(program, []);
    assert.deepEqual(stdout.trim().split('\n'), EXPECTED, stderr);
  },
);

test(
  'the same table with a program in restricted C, compiled by clang [R-002-30]',
  clang === undefined ? { skip: 'needs clang' } : matrix,
  async (t) => {
    const folder = folderOf(t);
    const guard = join(folder, 'guard.bpf.o');
    const source = join(root, 'test/fixtures/programs/guard.c');
    const built = spawnSync(clang!, ['-O2', '-g', '-target', 'bpf', '-c', source, '-o', guard]);
    assert.equal(built.status, 0, built.stderr.toString());
    const program = compiled(t, 'ptrace-matrix', 'test/fixtures/ptrace-matrix.c');
    const { stdout, stderr } = await inside([program, object(folder, 'allow', 'r0 = 0\nexit'), guard]);
    assert.deepEqual(stdout.trim().split('\n'), EXPECTED, stderr);
  },
);

test(
  'refusals of loading and of enforcing, of two faults the earlier one [R-002-15, R-002-23, R-002-32]',
  supervised,
  async (t) => {
    const folder = folderOf(t);
    const program = calls();
    const seen = await told([program, 'errors', object(folder, 'guard', GUARD), folder]);
    assert.deepEqual(seen, {
      null: ERRNO.EFAULT,
      'null-flags': ERRNO.EFAULT,
      flags: ERRNO.EINVAL,
      'high-flags': ERRNO.EINVAL,
      'flags-unreadable': ERRNO.EINVAL,
      'flags-closed': ERRNO.EINVAL,
      unreadable: ERRNO.EFAULT,
      'half-readable': ERRNO.EFAULT,
      closed: ERRNO.EBADF,
      negative: ERRNO.EBADF,
      pipe: ERRNO.EINVAL,
      file: ERRNO.EINVAL,
      place: ERRNO.EBADF,
      ruleset: ERRNO.EINVAL,
      first: 0,
      again: ERRNO.EEXIST,
      'again-flags': ERRNO.EINVAL,
      another: 0,
      duplicate: ERRNO.EEXIST,
      'restrict-by-program': ERRNO.EBADFD,
      read: ERRNO.EINVAL,
      cloexec: 0,
      'action-available': 0,
      'no-operation': ERRNO.EINVAL,
      'load-flags': ERRNO.EINVAL,
      'load-flags-closed': ERRNO.EINVAL,
      'load-closed': ERRNO.EBADF,
      'load-number': ERRNO.EINVAL,
      'load-pipe': ERRNO.EINVAL,
      'load-place': ERRNO.EBADF,
      'load-directory': ERRNO.EINVAL,
      'load-program': ERRNO.EINVAL,
      'load-write-only': ERRNO.EBADF,
      'load-large': ERRNO.E2BIG,
      'load-zeros': ERRNO.EINVAL,
    });
  },
);

test(
  'a program that is refused has an errno, and the person its reason with the instruction [R-002-15, R-002-17]',
  supervised,
  async (t) => {
    const folder = folderOf(t);
    const program = calls();
    const refused = async (file: string, errno: number, reason: RegExp) => {
      const { stdout, stderr } = await inside([program, 'load', file, '0']);
      assert.equal(stdout, `load ${errno}\n`);
      assert.match(stderr, reason);
    };
    await refused(
      object(folder, 'adds', 'r1 = *(u64 *)(r1 + 0)\nr1 += 1\nr0 = 0\nexit'),
      ERRNO.EACCES,
      /a policy program was not loaded: instruction 1 \(r1 \+= 1\): no arithmetic on a task/,
    );
    await refused(
      object(folder, 'picks', 'r0 = 0\nexit', 'fs_pick'),
      ERRNO.EINVAL,
      /programs of fs_pick cannot be enforced from inside a run, only those of ptrace, signal, net/,
    );
    // A hook that does not exist, in an object that is otherwise whole.
    const unknown = join(folder, 'unknown.bpf.o');
    const bytes = readFileSync(object(folder, 'plain', 'r0 = 0\nexit'));
    bytes.write('landlock/\x1b[7mce', bytes.indexOf('landlock/ptrace'), 'latin1');
    writeFileSync(unknown, bytes);
    await refused(unknown, ERRNO.EINVAL, /there is no hook \\x1b\[7mce/);
  },
);

test(
  'whoever is not privileged gives up new privileges first; by the other rule, privilege counts alone [R-002-3, R-002-23, R-002-24]',
  (() => {
    const reason = unmet({ supervisor: true, root: true, tools: ['cc', 'setpriv'] });
    return reason === undefined ? {} : { skip: reason };
  })(),
  async (t) => {
    const folder = folderOf(t);
    const program = compiled(t, 'program-calls', 'test/fixtures/program-calls.c');
    const command = [program, 'privilege', object(folder, 'guard', GUARD)];
    const as = ['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups'];
    const { EPERM, EFAULT, EEXIST } = ERRNO;
    assert.deepEqual(
      await told(command, { as }),
      { load: 0, null: EPERM, before: EPERM, 'null-after': EFAULT, after: 0 },
      'unprivileged',
    );
    assert.deepEqual(
      await told(command),
      { load: 0, null: EFAULT, before: 0, 'null-after': EFAULT, after: EEXIST },
      'privileged, by the rule for everybody',
    );
    const words = ['--program-rule=privileged'];
    assert.deepEqual(
      await told(command, { words }),
      { load: 0, null: EFAULT, before: 0, 'null-after': EFAULT, after: EEXIST },
      'privileged, by the rule for the privileged',
    );
    assert.deepEqual(
      await told(command, { words, as }),
      { load: EPERM, null: EPERM, before: EPERM, 'null-after': EPERM, after: EPERM },
      'no_new_privs is no privilege',
    );
    const { code, stderr } = await inside(['true'], { words: ['--program-rule=anybody'] });
    assert.equal(code, 125);
    assert.match(stderr, /There is no rule anybody for policy programs/);
  },
);

test('a seccomp filter may allow the enforcing call alone [R-002-7]', supervised, async (t) => {
  const program = calls();
  const seen = await told([program, 'filter', object(folderOf(t), 'deny', 'r0 = 1\nexit')]);
  assert.deepEqual(seen, { load: 121, enforce: 0, again: ERRNO.EEXIST, outside: 0 });
});

test(
  'a service hands a program to others, who enforce it, and is not bound by it itself [R-002-8]',
  supervised,
  async (t) => {
    const program = calls();
    const seen = await told([program, 'service', object(folderOf(t), 'deny', 'r0 = 1\nexit')]);
    assert.deepEqual(seen, {
      before: 0,
      enforce: 0,
      after: ERRNO.EPERM,
      service: 0,
      'service-enforce': 0,
      'service-after': ERRNO.EPERM,
    });
  },
);

test('what one run has loaded means nothing in another [R-002-8]', supervised, async (t) => {
  const folder = folderOf(t);
  const program = calls();
  const socket = join(folder, 'socket');
  const give = [
    landward,
    'run',
    '--landlock=user',
    '--',
    program,
    'give',
    socket,
    object(folder, 'guard', GUARD),
  ];
  const child: ChildProcess = spawn(process.execPath, give, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<string>((done) => {
    let text = '';
    child.stdout!.on('data', (piece) => {
      text += piece;
    });
    child.on('close', () => done(text));
  });
  t.after(() => void child.kill('SIGKILL'));
  while (!existsSync(socket) && child.exitCode === null) await new Promise((done) => setTimeout(done, 50));
  assert.deepEqual(await told([program, 'take', socket]), { foreign: ERRNO.EINVAL });
  assert.equal(await ended, 'listening 0\nown 0\n');
});

test(
  'only the calling thread is bound, and what it makes and executes [R-002-25, R-002-26]',
  supervised,
  async (t) => {
    const folder = folderOf(t);
    const program = calls();
    const [deny, guard] = [object(folder, 'deny', 'r0 = 1\nexit'), object(folder, 'guard', GUARD)];
    const { stdout } = await inside([program, 'threads', deny, guard]);
    assert.deepEqual(stdout.trim().split('\n'), [
      'thread-before 0',
      'thread-enforce 0',
      'thread-after 1',
      'forked 1',
      'executed 1',
      'main 0',
      'executed 0',
      'main-guard 0',
      `thread-again ${ERRNO.EEXIST}`,
      'thread-guard 0',
    ]);
  },
);

test(
  'who asks to be traced is asked about by the thread that made it [R-002-26, R-002-29]',
  supervised,
  async (t) => {
    const seen = await told([calls(), 'parent', object(folderOf(t), 'deny', 'r0 = 1\nexit')]);
    assert.deepEqual(seen, { enforce: 0, traceme: ERRNO.EPERM });
  },
);

test('a process goes on as the thread that executed [R-002-26]', supervised, async (t) => {
  const nosignal = object(folderOf(t), 'nosignal', 'r0 = 1\nexit', 'signal');
  assert.deepEqual(await told(['sh', '-c', '"$0" takeover "$1"; exit 0', calls(), nosignal]), {
    enforce: 0,
    first: ERRNO.EPERM,
    executed: 0,
  });
});

test('every way of looking into a process is asked about, with EPERM [R-002-29]', supervised, async (t) => {
  const program = accesses();
  const seen = await told([program, 'accesses', object(folderOf(t), 'guard', GUARD)]);
  const { EPERM, EACCES } = ERRNO;
  const expected: Record<string, number> = { enforce: 0, child: 0 };
  for (const way of ['attach', 'read', 'write', 'compare', 'take']) expected[`held-${way}`] = EPERM;
  // procfs says so with an errno of its own.
  for (const way of ['mem', 'root', 'place', 'link', 'enter']) {
    expected[`held-${way}`] = EACCES;
    expected[`free-${way}`] = 0;
  }
  for (const way of ['self', 'own-mem']) expected[`held-${way}`] = 0;
  for (const way of ['attach', 'read', 'write', 'compare', 'take', 'self', 'own-mem'])
    expected[`free-${way}`] = 0;
  for (const way of ['robust-list', 'pages', 'namespaces']) expected[`held-${way}`] = EPERM;
  expected['held-measure'] = EACCES;
  expected['free-robust-list'] = 0;
  // Whether these work without a program is the machine's (NUMA, perf_event_paranoid, privileges).
  for (const way of ['pages', 'measure', 'namespaces'])
    expected[`free-${way}`] = seen[`free-${way}`] ?? assert.fail();
  for (const when of ['free', 'held']) expected[`${when}-own-pages`] = seen['free-pages']!;
  assert.deepEqual(seen, expected);
});

test(
  'programs of signals and of the network bind as well, but not the threads of one process',
  supervised,
  async (t) => {
    const folder = folderOf(t);
    const program = accesses();
    const [nosignal, nonet] = [
      object(folder, 'nosignal', 'r0 = 1\nexit', 'signal'),
      object(folder, 'nonet', 'r0 = 1\nexit', 'net'),
    ];
    const { EPERM } = ERRNO;
    assert.deepEqual(await told([program, 'hooks', nosignal, nonet]), {
      'free-signal': 0,
      nosignal: 0,
      signal: EPERM,
      group: 0,
      // Nobody, itself, and of a group itself; by F_SETOWN and by its two names as ioctl.
      ...Object.fromEntries(
        [0, 1, 2].flatMap((way) => [
          [`owner-${way}-self`, 1],
          [`owner-${way}-other`, 0],
          [`owner-${way}-group`, 1],
        ]),
      ),
      'owner-of-file': ERRNO.ENOTTY,
      'owner-unreadable': ERRNO.EFAULT,
      thread: 0,
      'set-ids': 0,
      nonet: 0,
      bind: EPERM,
      listen: EPERM,
      connect: EPERM,
      send: EPERM,
      'unix-bind': EPERM,
      'unix-connect': EPERM,
      'unix-send': EPERM,
    });
  },
);

test('the time that one run may take of the deciding thread for loads is bounded', supervised, (t) => {
  let clock = 0;
  t.mock.method(performance, 'now', () => clock);
  const takes = (milliseconds: number) => () => {
    clock += milliseconds;
  };
  using loaded = new LoadedPrograms();
  loaded.timed(takes(4999));
  assert.throws(() =>
    loaded.timed(() => {
      takes(2)();
      throw new Error('a refused program counts as well');
    }),
  );
  assert.throws(
    () => loaded.timed(takes(0)),
    (error: unknown) => error instanceof Refused && error.errno === ERRNO.ENOMEM,
  );
});

test('loads are bounded, and the marks of ended threads are used again [R-002-25]', supervised, async (t) => {
  const folder = folderOf(t);
  const program = calls();
  const guard = object(folder, 'guard', GUARD);
  assert.deepEqual(await told([program, 'many', guard, '300']), { loaded: 256, next: ERRNO.ENOMEM });
  assert.deepEqual(
    await told([calls(), 'many', object(folder, 'maps', 'r0 = 0\nexit', 'ptrace', LARGE), '300']),
    { loaded: 3, next: ERRNO.ENOMEM },
    'memory',
  );
  // There are 1023 marks.
  assert.deepEqual(await told([program, 'generations', guard, '1100']), { failed: 0, own: 0 });
});

test(
  'the recommended order: no_new_privs, load, enforce, close, execute [R-002-35]',
  supervised,
  async (t) => {
    const folder = folderOf(t);
    mkdirSync(join(folder, 'empty'));
    const program = calls();
    const guard = object(folder, 'guard', GUARD);
    const script = 'ls /proc/self/fd | wc -l; grep NoNewPrivs /proc/self/status; exec "$0" trace $PPID';
    const { stdout, stderr } = await inside([program, 'order', guard, 'sh', '-c', script, program]);
    // 0, 1, 2 and that of ls.
    assert.match(stdout, /^4\nNoNewPrivs:\t1\nexecuted 1\n$/, stderr);
  },
);
