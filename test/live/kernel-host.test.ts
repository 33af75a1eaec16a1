/** The host as the kernel room sees it: paths, descriptors, processes and terminals of the running system. */

import assert from 'node:assert/strict';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import fc from 'fast-check';
import { ARCH, attempt, call } from '../../packages/landward/src/kernel/call.ts';
import { Fd } from '../../packages/landward/src/kernel/fd.ts';
import { lookAt, openPaths } from '../../packages/landward/src/kernel/files.ts';
import { host, statPaths } from '../../packages/landward/src/kernel/host.ts';
import {
  addPaths,
  addPorts,
  createRuleset,
  landlockStatus,
} from '../../packages/landward/src/kernel/landlock.ts';
import { readLimit } from '../../packages/landward/src/kernel/process.ts';
import { seccompAvailable } from '../../packages/landward/src/kernel/seccomp.ts';
import {
  foregroundGroup,
  isTerminal,
  openTerminal,
  setWindowSize,
  windowSize,
} from '../../packages/landward/src/kernel/tty.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { abiRow, LAST_ABI } from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { runScript } from '../kit/child.ts';
import { landlockAbi, needs } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

function descriptors(): readonly string[] {
  return readdirSync('/proc/self/fd').map((fd) => {
    try {
      return `${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`;
    } catch {
      return ''; // that of the listing itself
    }
  });
}

/** A tree with one object of each kind, links to them, and what leads nowhere. */
async function tree(t: TestContext): Promise<readonly string[]> {
  const folder = temporaryDirectory(t);
  const at = (...parts: string[]) => join(folder, ...parts);
  mkdirSync(at('directory/inner'), { recursive: true });
  writeFileSync(at('file'), 'x');
  linkSync(at('file'), at('second-name'));
  writeFileSync(at('directory/ünïcode \n name'), '');
  symlinkSync('file', at('link'));
  symlinkSync('directory', at('link-to-directory'));
  symlinkSync('nowhere', at('dangling'));
  symlinkSync('loop', at('loop'));
  call('make a fifo', 'mknodat', -100, new TextEncoder().encode(`${at('fifo')}\0`), 0o010644, 0);
  const server = createServer().listen(at('socket'));
  await new Promise((go) => server.once('listening', go));
  t.after(() => void server.close());
  const inside = [
    'directory',
    'directory/inner',
    'file',
    'second-name',
    'directory/ünïcode \n name',
    'link',
    'link-to-directory',
    'link-to-directory/inner',
    'dangling',
    'loop',
    'loop/x',
    'fifo',
    'socket',
    'missing',
    'missing/below',
    'file/below',
    `${'x'.repeat(300)}`,
    `${'deep/'.repeat(200)}end`,
  ];
  const outside = ['/', '/dev/null', '/proc/self', '/proc/self/exe', '/dev/stdin', '/bin/sh', '/tmp', '/sys'];
  return [...inside.map((path) => at(path)), ...outside, `/${'y'.repeat(5000)}`];
}

const TYPES = {
  file: 'isFile',
  directory: 'isDirectory',
  char: 'isCharacterDevice',
  block: 'isBlockDevice',
  fifo: 'isFIFO',
  socket: 'isSocket',
} as const;

test('paths are what the file system says, whatever lies at them', async (t) => {
  const paths = await tree(t);
  const before = descriptors();
  for (const [index, fact] of statPaths(paths).entries()) {
    const path = paths[index]!;
    const stat = existing(path);
    // A pipe or socket behind /dev/stdin has no path: nothing that a rule could name.
    if (stat === undefined) {
      assert.equal(fact, null, path);
      continue;
    }
    assert(fact !== null, path);
    assert.deepEqual([fact.dev, fact.ino, fact.nlink], [stat.dev, stat.ino, Number(stat.nlink)], path);
    assert.equal(fact.real, realpathSync.native(path));
    assert(stat[TYPES[fact.type]](), path);
  }
  assert.deepEqual(descriptors(), before);
});

function existing(path: string) {
  try {
    return statSync(realpathSync.native(path), { bigint: true });
  } catch {
    return undefined;
  }
}

test('many paths are many answers, in order', async (t) => {
  const paths = await tree(t);
  const single = paths.map((path) => statPaths([path])[0]!);
  const property = fc.property(fc.array(fc.nat(paths.length - 1), { maxLength: 900 }), (picks) => {
    const facts = statPaths(picks.map((pick) => paths[pick]!));
    assert.deepEqual(
      facts,
      picks.map((pick) => single[pick]!),
    );
  });
  fc.assert(property, { seed: 5, numRuns: 20 });
  assert.deepEqual(statPaths([]), []);
  assert.throws(() => statPaths(['/etc\0/shadow']), TypeError);
});

test('symbolic links are refused where that is asked, wherever they are in the path', async (t) => {
  const folder = temporaryDirectory(t);
  mkdirSync(join(folder, 'directory'));
  symlinkSync('directory', join(folder, 'link'));
  writeFileSync(join(folder, 'directory/file'), '');
  const paths = ['directory/file', 'link/file', 'link', 'link/'].map((path) => join(folder, path));
  const errnos = lookAt(paths, { symlinks: false }).map((looked) =>
    looked.fact === undefined ? looked.errno : 0,
  );
  assert.deepEqual(errnos, [0, ERRNO.ELOOP, ERRNO.ELOOP, ERRNO.ELOOP]);
  const [direct, ...followed] = lookAt(paths);
  assert.equal(followed[0]!.fact!.ino, direct!.fact!.ino);
});

test('an opened path stays the object that it was', (t) => {
  const folder = temporaryDirectory(t);
  const [path, moved] = [join(folder, 'file'), join(folder, 'moved')];
  writeFileSync(path, 'x');
  const [opened] = openPaths([path]);
  assert(opened?.fact !== undefined);
  using fd = opened.fd;
  renameSync(path, moved);
  writeFileSync(path, 'another');
  assert.equal(readlinkSync(`/proc/self/fd/${fd.number}`), moved);
  assert.equal(opened.fact.ino, statSync(moved, { bigint: true }).ino);
  assert.equal(attempt('fcntl', fd.number, 1, 0), 1, 'close-on-exec');
  assert.equal(attempt('read', fd.number, new Uint8Array(1), 1), -ERRNO.EBADF, 'only a name');
});

test('opening too many paths closes those that were opened', async () => {
  const child = await runScript(`
    import { readdirSync } from 'node:fs';
    import { attempt } from './packages/landward/src/kernel/call.ts';
    import { openPaths } from './packages/landward/src/kernel/files.ts';
    openPaths(['/']).forEach(({ fd }) => fd.close());
    const before = readdirSync('/proc/self/fd').length;
    attempt('prlimit64', 0, 7, new BigUint64Array([400n, 400n]), null);
    let refusal;
    try { openPaths(Array.from({ length: 600 }, () => '/')); } catch (error) { refusal = error; }
    const after = readdirSync('/proc/self/fd').length;
    console.log(refusal.syscall, refusal.errno, after - before);`);
  assert.equal(child.stdout, 'openat2 24 0\n', child.stderr);
});

test('a descriptor is closed once, and not after it was given away', () => {
  const made = () => call('make a memfd', 'memfd_create', new TextEncoder().encode('x\0'), 1);
  const number = made();
  {
    using fd = new Fd(number);
    assert.equal(fd.number, number);
    fd.close();
    assert.equal(fd.number, -1);
    // The number is taken anew; leaving the block must not close it.
    assert.equal(made(), number);
  }
  assert.equal(attempt('fcntl', number, 1, 0), 1);
  {
    using fd = new Fd(number);
    assert.equal(fd.release(), number);
  }
  assert.equal(attempt('close', number), 0);
});

test('what the kernel says of its Landlock is what the tests ask for elsewhere', () => {
  const status = landlockStatus();
  assert.equal(status.abi, landlockAbi());
  assert.equal(status.state === 'available', status.abi > 0);
  const facts = host();
  assert.deepEqual([facts.abi, facts.errata, facts.landlock], [status.abi, status.errata, status.state]);
  assert.equal(facts.arch, ARCH);
  assert.equal(facts.uid, process.getuid?.());
  assert.equal(facts.seccomp, seccompAvailable());
});

test('a missing, disabled or refused Landlock is told apart', async () => {
  // A filter in a child answers as such kernels do.
  const cases = [
    ['ENOSYS', 'absent'],
    ['EOPNOTSUPP', 'disabled'],
    ['EPERM', 'refused'],
    ['EACCES', 'refused'],
  ] as const;
  for (const [errname, state] of cases) {
    const child = await runScript(`
      import { landlockStatus } from './packages/landward/src/kernel/landlock.ts';
      import { setNoNewPrivs } from './packages/landward/src/kernel/process.ts';
      import { installFilter } from './packages/landward/src/kernel/seccomp.ts';
      // Loads the number of the call; landlock_create_ruleset gets the errno, everything else is allowed.
      const program = new Uint8Array(32);
      const view = new DataView(program.buffer);
      const put = (index, code, jt, jf, k) => {
        view.setUint16(index * 8, code, true);
        view.setUint8(index * 8 + 2, jt);
        view.setUint8(index * 8 + 3, jf);
        view.setUint32(index * 8 + 4, k, true);
      };
      put(0, 0x20, 0, 0, 0);
      put(1, 0x15, 0, 1, 444);
      put(2, 0x06, 0, 0, 0x50000 | ${ERRNO[errname]});
      put(3, 0x06, 0, 0, 0x7fff0000);
      setNoNewPrivs();
      installFilter(program);
      console.log(JSON.stringify(landlockStatus()));`);
    assert.deepEqual(JSON.parse(child.stdout), { state, abi: 0, errata: 0, errname }, child.stderr);
  }
});

test('a filter that the kernel refuses is an error, and installs nothing', async () => {
  const child = await runScript(`
    import { readFileSync } from 'node:fs';
    import { setNoNewPrivs } from './packages/landward/src/kernel/process.ts';
    import { installFilter } from './packages/landward/src/kernel/seccomp.ts';
    setNoNewPrivs();
    try { installFilter(new Uint8Array(8)); } catch (error) { console.log(error.message); }
    console.log(/Seccomp:\\s*(\\d)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);`);
  assert.equal(child.stdout, 'install the system call filter: seccomp failed with EINVAL\n0\n', child.stderr);
});

test('every ruleset that this kernel knows can be made and filled', needs({ abi: 1 }), (t) => {
  const row = abiRow(landlockAbi());
  assert(row.abi <= LAST_ABI);
  const folder = temporaryDirectory(t);
  using ruleset = createRuleset({ fs: row.fs, net: row.net, scoped: row.scoped });
  const opened = openPaths([folder, '/dev/null']);
  const rules = opened.map(({ fd }, index) => ({
    fd: fd!.number,
    access: index === 0 ? row.fs : fsMask('fs.read_file'),
    name: String(index),
  }));
  addPaths(ruleset, rules);
  if (row.net !== 0)
    addPorts(
      ruleset,
      Array.from({ length: 1000 }, (_, port) => ({ port, access: 1 })),
    );
  const wrong = { ...rules[1]!, access: fsMask('fs.read_dir'), name: '/dev/null' };
  assert.throws(() => addPaths(ruleset, [rules[0]!, wrong]), {
    message: 'add the rule for /dev/null: landlock_add_rule failed with EINVAL',
    syscall: 'landlock_add_rule',
    errno: ERRNO.EINVAL,
  });
  for (const { fd } of opened) fd?.close();
});

test('a limit is read with both its values', async () => {
  const child = await runScript(`
    import { attempt } from './packages/landward/src/kernel/call.ts';
    import { readLimit } from './packages/landward/src/kernel/process.ts';
    attempt('prlimit64', 0, 4, new BigUint64Array([5n, 2n ** 40n]), null);
    console.log(readLimit(4), readLimit(4, process.pid));`);
  assert.equal(
    child.stdout,
    '{ soft: 5n, hard: 1099511627776n } { soft: 5n, hard: 1099511627776n }\n',
    child.stderr,
  );
  assert(readLimit(7).soft > 0n);
});

test('a terminal is told from everything else, and has a size', () => {
  const { manager, terminal } = openTerminal();
  using first = manager;
  using second = terminal;
  assert.equal(isTerminal(second.number), true);
  setWindowSize(first.number, { rows: 50, columns: 132 });
  assert.deepEqual(windowSize(second.number), { rows: 50, columns: 132 });
  assert.equal(foregroundGroup(second.number), null, 'it is the terminal of no session');
  assert.equal(attempt('fcntl', second.number, 1, 0), 1);
  using nothing = openPaths(['/dev/null'])[0]!.fd!;
  assert.equal(isTerminal(nothing.number), false);
  assert.equal(windowSize(nothing.number), null);
  // What is written on one side arrives on the other.
  assert.equal(attempt('write', second.number, new TextEncoder().encode('hello'), 5), 5);
  const got = new Uint8Array(16);
  assert.equal(attempt('read', first.number, got, 16), 5);
});
