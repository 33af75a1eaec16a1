/**
 * Changes under policies that the kernel cannot hold: what is denied or hidden below something allowed is neither made,
 * removed, moved, freed by a move, nor changed, and what is next to it works.
 */

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { NotifyGroup } from '../../packages/landward/src/filter/notify.ts';
import type { PathRule } from '../../packages/landward/src/model/rules.ts';
import { FS_RIGHTS, type FsRight } from '../../packages/landward/src/uapi/landlock.ts';
import { needs } from '../kit/needs.ts';
import { layer, path } from '../kit/rules.ts';
import { type SupervisedOptions, supervised } from '../kit/supervised.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const ALL = Object.keys(FS_RIGHTS) as FsRight[];
const READ = ['fs.read_file', 'fs.read_dir', 'fs.execute'] as const;
const GROUPS: readonly NotifyGroup[] = [
  'open',
  'create',
  'remove',
  'refer',
  'truncate',
  'opened',
  'metadata',
  'mount',
];

const PRELUDE = `
import array, ctypes, errno, fcntl, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    got = libc.syscall(number, *args)
    if got < 0: raise OSError(ctypes.get_errno(), 'call')
    return got
def tell(name, act):
    try: act(); print(name, 'ok')
    except OSError as error: print(name, errno.errorcode[error.errno])
def write(name): os.close(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600))
`;

interface World {
  readonly top: string;
  readonly run: (text: string, options?: SupervisedOptions) => Promise<readonly string[]>;
  readonly denied: string[];
}

function world(t: Ending, rules: (top: string) => readonly PathRule[], groups = GROUPS): World {
  const top = temporaryDirectory(t, 'policy');
  chmodSync(top, 0o755);
  const denied: string[] = [];
  const run = async (text: string, options: SupervisedOptions = {}) => {
    const all = [
      path('allow', '/', READ),
      path('allow', '/dev', ALL),
      path('allow', top, ALL),
      ...rules(top),
    ];
    const result = await supervised(
      { layers: [layer(all, 'grant', ['fs'])], groups, filter: { namespaces: 'allow' } },
      ['python3', '-c', `${PRELUDE}${text}`],
      { cwd: top, ...options },
    );
    assert.deepEqual(result.defects, []);
    assert.equal(result.stderr, '');
    denied.push(...result.events.map(({ operation, effect }) => `${operation} ${effect}`));
    return result.stdout.trim().split('\n');
  };
  return { top, run, denied };
}

const skip = needs({ abi: 5, root: true, tools: ['python3'] });

test('a denied name is not made, removed, moved, replaced, linked or freed by a move', skip, async (t) => {
  const { top, run } = world(t, () => [path('deny', '/**/.env', [])]);
  mkdirSync(join(top, 'project/inner'), { recursive: true });
  mkdirSync(join(top, 'plain'));
  for (const name of ['.env', 'project/.env', 'project/inner/.env', 'file', 'plain/file'])
    writeFileSync(join(top, name), name);
  const lines = await run(`
tell('mkdir', lambda: os.mkdir('plain/.env'))
tell('mknod', lambda: os.mknod('plain/.env'))
tell('symlink', lambda: os.symlink('x', 'plain/.env'))
tell('unlink', lambda: os.unlink('.env'))
tell('rename away', lambda: os.rename('.env', 'env'))
tell('rename over', lambda: os.rename('file', '.env'))
tell('exchange', lambda: call(316, -100, b'file', -100, b'.env', 2))
tell('exchange back', lambda: call(316, -100, b'.env', -100, b'file', 2))
tell('link', lambda: os.link('.env', 'env'))
tell('link to', lambda: os.link('file', 'plain/.env'))
tell('through a link', lambda: (os.symlink('.env', 'alias'), call(265, -100, b'alias', -100, b'env', 0x400)))
tell('truncate', lambda: os.truncate('alias', 0))
tell('chmod', lambda: os.chmod('alias', 0o666))
tell('chown', lambda: os.chown('.env', 1, 1))
tell('utime', lambda: os.utime('project/inner/.env', (1, 1)))
tell('setxattr', lambda: os.setxattr('.env', 'user.x', b'y'))
tell('move tree', lambda: os.rename('project', 'moved'))
tell('move back', lambda: os.rename('moved', 'project'))
tell('rename file', lambda: os.rename('file', 'other'))
tell('rmdir', lambda: os.rmdir('plain'))
`);
  assert.deepEqual(lines, [
    ...['mkdir', 'mknod', 'symlink', 'unlink', 'rename away', 'rename over', 'exchange', 'exchange back'].map(
      (name) => `${name} EACCES`,
    ),
    ...['link', 'link to', 'through a link', 'truncate', 'chmod', 'chown', 'utime', 'setxattr'].map(
      (name) => `${name} ${name === 'link' || name === 'through a link' ? 'EXDEV' : 'EACCES'}`,
    ),
    'move tree ok',
    'move back ok',
    'rename file ok',
    'rmdir ENOTEMPTY',
  ]);
  assert.equal(readFileSync(join(top, '.env'), 'utf8'), '.env');
  assert.equal(existsSync(join(top, 'env')), false);
  assert.equal(statSync(join(top, '.env')).uid, 0);
});

test('a directory is not moved where what is denied below it would be free', skip, async (t) => {
  const { top, run } = world(t, (at) => [path('deny', join(at, 'home/secrets'), [])]);
  mkdirSync(join(top, 'home/secrets'), { recursive: true });
  mkdirSync(join(top, 'other'));
  writeFileSync(join(top, 'home/secrets/key'), 'key');
  const lines = await run(`
tell('parent', lambda: os.rename('home', 'house'))
tell('itself', lambda: os.rename('home/secrets', 'other/secrets'))
tell('below', lambda: os.rename('home/secrets/key', 'other/key'))
tell('exchange', lambda: call(316, -100, b'other', -100, b'home', 2))
tell('into', lambda: os.rename('other', 'home/secrets/other'))
tell('next to', lambda: os.rename('other', 'home/other'))
`);
  assert.deepEqual(
    lines.map((line) => line.replace(/EXDEV|EACCES/, 'denied')),
    ['parent denied', 'itself denied', 'below denied', 'exchange denied', 'into denied', 'next to ok'],
  );
  assert.equal(readFileSync(join(top, 'home/secrets/key'), 'utf8'), 'key');
});

test('a hidden name is absent for changes, and is not changed', skip, async (t) => {
  const { top, run, denied } = world(t, (at) => [path('hide', join(at, 'hidden'), [])], [...GROUPS, 'find']);
  mkdirSync(join(top, 'hidden'));
  writeFileSync(join(top, 'hidden/file'), 'content');
  writeFileSync(join(top, 'file'), 'content');
  symlinkSync('hidden', join(top, 'way'));
  const lines = await run(`
for name in ('hidden', 'hidden/file', 'way/file'):
    tell('unlink', lambda: os.unlink(name))
    tell('rmdir', lambda: os.rmdir(name))
    tell('rename', lambda: os.rename(name, 'new'))
    tell('link', lambda: os.link(name, 'new'))
    tell('over', lambda: os.rename('file', name))
    tell('mkdir', lambda: os.mkdir(name))
    tell('truncate', lambda: os.truncate(name, 0))
    tell('chmod', lambda: os.chmod(name, 0o777))
    tell('utime', lambda: os.utime(name))
`);
  assert.deepEqual([...new Set(lines.map((line) => line.split(' ')[1]))], ['ENOENT']);
  assert.equal(readFileSync(join(top, 'hidden/file'), 'utf8'), 'content');
  assert.ok(denied.every((line) => line.endsWith('hidden')));
});

test('what is known about a protected object is not changed, by path or descriptor', skip, async (t) => {
  const { top, run } = world(t, (at) => [path('deny', join(at, 'kept'), ['meta.write'])]);
  for (const name of ['kept', 'free']) writeFileSync(join(top, name), name);
  const lines = await run(`
for name in ('kept', 'free'):
    fd = os.open(name, os.O_RDWR)
    for what in (name, fd, f'/proc/self/fd/{fd}', f'/proc/thread-self/fd/{fd}'):
        tell('chmod', lambda: os.chmod(what, 0o640))
        tell('chown', lambda: os.chown(what, 5, 6))
        tell('utime', lambda: os.utime(what, (1, 2)))
        tell('set', lambda: os.setxattr(what, 'user.x', b'y'))
        tell('remove', lambda: os.removexattr(what, 'user.x'))
    FS_IOC_SETFLAGS, nodump = 0x40086602, array.array('i', [0x40, 0])
    tell('flags', lambda: fcntl.ioctl(fd, FS_IOC_SETFLAGS, nodump))
    tell('read', lambda: os.pread(fd, 1, 0))
    tell('write', lambda: os.pwrite(fd, b'x', 0))
    tell('place', lambda: os.fchmod(os.open(name, os.O_PATH), 0o600))
    tell('closed', lambda: os.fchmod(99, 0o600))
`);
  const changes = 21;
  assert.deepEqual(new Set(lines.slice(0, changes).map((line) => line.split(' ')[1])), new Set(['EACCES']));
  assert.deepEqual(lines.slice(changes, changes + 4), ['read ok', 'write ok', 'place EBADF', 'closed EBADF']);
  assert.deepEqual(new Set(lines.slice(changes + 4, -2).map((line) => line.split(' ')[1])), new Set(['ok']));
  const [kept, free] = ['kept', 'free'].map((name) => statSync(join(top, name)));
  assert.deepEqual(
    [kept!.uid, kept!.mode & 0o777, free!.uid, free!.gid, free!.mode & 0o777],
    [0, 0o644, 5, 6, 0o640],
  );
});

test('changes are made with the identity and the umask of the program', skip, async (t) => {
  const { top, run } = world(t, () => []);
  mkdirSync(join(top, 'shared'), { mode: 0o777 });
  writeFileSync(join(top, 'file'), 'content');
  const lines = await run(`
os.chmod('shared', 0o1777)
os.umask(0o077)
os.setgroups([]); os.setresgid(1000, 1000, 1000); os.setresuid(1000, 1000, 1000)
tell('make', lambda: (os.mkdir('shared/mine'), os.mkfifo('shared/fifo', 0o666)))
tell('here', lambda: os.mkdir('mine'))
tell('device', lambda: os.mknod('shared/null', 0o20666, os.makedev(1, 3)))
tell('chmod', lambda: os.chmod('file', 0o777))
tell('chown', lambda: os.chown('shared/mine', 0, 0))
tell('unlink', lambda: os.unlink('file'))
tell('truncate', lambda: os.truncate('file', 0))
tell('utime', lambda: os.utime('file', (1, 1)))
tell('hard link', lambda: os.link('file', 'shared/file'))
tell('own link', lambda: os.link('shared/fifo', 'shared/other'))
`);
  assert.deepEqual(lines, [
    'make ok',
    'here EACCES',
    'device EPERM',
    'chmod EPERM',
    'chown EPERM',
    'unlink EACCES',
    'truncate EACCES',
    'utime EPERM',
    'hard link EPERM',
    'own link ok',
  ]);
  const { uid, gid, mode } = statSync(join(top, 'shared/mine'));
  assert.deepEqual([uid, gid, mode & 0o777], [1000, 1000, 0o700]);
});

test('root of a user namespace has no more rights than outside of it', skip, async (t) => {
  const changing = GROUPS.filter((group) => group !== 'open');
  const { top, run } = world(t, () => [], changing);
  mkdirSync(join(top, 'shared'));
  writeFileSync(join(top, 'file'), 'content');
  const lines = await run(`
os.chmod('shared', 0o777)
os.setgroups([]); os.setresgid(1000, 1000, 1000); os.setresuid(1000, 1000, 1000)
tell('namespace', lambda: call(272, 0x10000000))
libc.prctl(4, 1, 0, 0, 0)
def put(name, text):
    with open(name, 'w') as file: file.write(text)
put('/proc/self/setgroups', 'deny')
put('/proc/self/uid_map', '0 1000 1')
put('/proc/self/gid_map', '0 1000 1')
print(os.getuid(), os.getgid())
tell('make', lambda: write('shared/mine'))
tell('own', lambda: os.chown('shared/mine', 0, 0))
tell('unmapped', lambda: os.chown('shared/mine', 1, -1))
tell('outside', lambda: os.mkdir('mine'))
tell('chmod', lambda: os.chmod('file', 0o777))
tell('chown', lambda: os.chown('file', 0, 0))
tell('device', lambda: os.mknod('shared/null', 0o20666, os.makedev(1, 3)))
tell('unlink', lambda: os.unlink('file'))
`);
  assert.deepEqual(lines, [
    'namespace ok',
    '0 0',
    'make ok',
    'own ok',
    'unmapped EINVAL',
    'outside EACCES',
    'chmod EPERM',
    'chown EPERM',
    'device EPERM',
    'unlink EACCES',
  ]);
  const { uid, gid } = statSync(join(top, 'shared/mine'));
  assert.deepEqual([uid, gid], [1000, 1000]);
});

test('unnamed files get names, and mounts stay as they are', skip, async (t) => {
  const { top, run } = world(t, () => []);
  const lines = await run(`
fd = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o600)
os.write(fd, b'content')
tell('by path', lambda: call(265, -100, f'/proc/self/fd/{fd}'.encode(), -100, b'one', 0x400))
tell('by descriptor', lambda: call(265, fd, b'', -100, b'two', 0x1000))
tell('mount', lambda: call(165, b'none', b'.', b'tmpfs', 0, None))
tell('umount', lambda: call(166, b'/proc', 0))
tell('pivot_root', lambda: call(155, b'.', b'.'))
tell('move_mount', lambda: call(429, -100, b'.', -100, b'.', 0))
tell('fsconfig', lambda: call(431, -1, 7, None, None, 0))
`);
  assert.deepEqual(lines, [
    'by path ok',
    'by descriptor ok',
    'mount EPERM',
    'umount EPERM',
    'pivot_root EPERM',
    'move_mount EPERM',
    'fsconfig EPERM',
  ]);
  assert.equal(readFileSync(join(top, 'one'), 'utf8'), 'content');
  assert.equal(statSync(join(top, 'one')).ino, statSync(join(top, 'two')).ino);
});
