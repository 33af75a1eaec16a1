/**
 * What an open file keeps from its opening under the supervisor: who may cut it and control a device is decided when it is
 * opened, and holds for every descriptor of it, wherever that goes.
 */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { needs } from '../kit/needs.ts';
import { layer, path } from '../kit/rules.ts';
import { type SupervisedResult, supervised } from '../kit/supervised.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const READ = ['fs.read_file', 'fs.read_dir', 'fs.execute'] as const;
const WRITE = [...READ, 'fs.write_file'] as const;

/** Prints what each use of an open file gives. */
const PRELUDE = `
import array, errno, fcntl, os, socket, sys
def tell(name, act):
    try: act(); print(name, 'ok')
    except OSError as error: print(name, errno.errorcode[error.errno])
cut, kept = os.open('cut/file', os.O_RDWR), os.open('kept/file', os.O_RDWR)
`;

async function run(
  t: Ending,
  text: string,
): Promise<SupervisedResult & { readonly lines: readonly string[] }> {
  const top = temporaryDirectory(t, 'opened');
  for (const name of ['cut', 'kept']) {
    mkdirSync(join(top, name));
    writeFileSync(join(top, name, 'file'), 'content');
  }
  const rules = [
    path('allow', '/', READ),
    path('allow', join(top, 'cut'), [...WRITE, 'fs.truncate']),
    path('allow', join(top, 'kept'), WRITE),
    path('allow', '/dev', WRITE),
    path('allow', '/dev/zero', [...WRITE, 'fs.ioctl_dev']),
  ];
  const result = await supervised(
    { layers: [layer(rules, 'grant', ['fs'])], groups: ['open', 'truncate', 'opened'] },
    ['python3', '-c', `${PRELUDE}${text}`],
    { cwd: top },
  );
  assert.deepEqual(result.defects, []);
  assert.equal(result.stderr, '');
  return { ...result, lines: result.stdout.trim().split('\n') };
}

const skip = needs({ abi: 5, tools: ['python3'] });

test('a file that was opened without fs.truncate is not cut through any descriptor', skip, async (t) => {
  const { lines, events } = await run(
    t,
    `
tell('cut', lambda: os.ftruncate(cut, 1))
tell('kept', lambda: os.ftruncate(kept, 1))
tell('duplicate', lambda: os.ftruncate(os.dup(kept), 1))
os.dup2(kept, 90)
tell('number', lambda: os.ftruncate(90, 1))
one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
socket.send_fds(one, [b'x'], [kept, cut])
received = socket.recv_fds(other, 1, 2)[1]
tell('received', lambda: os.ftruncate(received[0], 1))
tell('received cut', lambda: os.ftruncate(received[1], 2))
sys.stdout.flush()
if os.fork() == 0:
    tell('child', lambda: os.ftruncate(kept, 1))
    sys.stdout.flush()
    os._exit(0)
os.wait()
os.rename('kept/file', 'cut/moved')
tell('moved', lambda: os.ftruncate(kept, 1))
tell('again', lambda: os.ftruncate(os.open('cut/moved', os.O_RDWR), 1))
tell('path', lambda: os.truncate('cut/file', 3))
`,
  );
  assert.deepEqual(lines, [
    'cut ok',
    'kept EACCES',
    'duplicate EACCES',
    'number EACCES',
    'received EACCES',
    'received cut ok',
    'child EACCES',
    'moved EACCES',
    'again ok',
    'path ok',
  ]);
  const denied = events.filter(({ operation }) => operation === 'ftruncate');
  assert.deepEqual(denied.map(({ missing }) => missing).at(0), ['fs.truncate']);
});

test('what a file lacks cannot be taken off it, and F_SETSIG works for others', skip, async (t) => {
  const { lines } = await run(
    t,
    `
tell('kept', lambda: fcntl.fcntl(kept, fcntl.F_SETSIG, 0))
tell('cut', lambda: fcntl.fcntl(cut, fcntl.F_SETSIG, 34))
print(fcntl.fcntl(cut, fcntl.F_GETSIG))
tell('still', lambda: os.ftruncate(kept, 1))
tell('bad', lambda: fcntl.fcntl(99, fcntl.F_SETSIG, 0))
`,
  );
  assert.deepEqual(lines, ['kept EINVAL', 'cut ok', '34', 'still EACCES', 'bad EBADF']);
});

test('a device that was opened without fs.ioctl_dev is not controlled', skip, async (t) => {
  const { lines, events } = await run(
    t,
    `
null, zero = os.open('/dev/null', os.O_RDWR), os.open('/dev/zero', os.O_RDWR)
FIONREAD, FIONBIO, number = 0x541b, 0x5421, array.array('i', [0])
tell('null', lambda: fcntl.ioctl(null, FIONREAD, number))
tell('duplicate', lambda: fcntl.ioctl(os.dup(null), FIONREAD, number))
tell('zero', lambda: fcntl.ioctl(zero, FIONREAD, number))
tell('free', lambda: fcntl.ioctl(null, FIONBIO, number))
tell('file', lambda: fcntl.ioctl(kept, FIONREAD, number))
os.write(null, b'x')
`,
  );
  // ENOTTY is the device's own answer: it was asked.
  assert.deepEqual(lines, ['null EACCES', 'duplicate EACCES', 'zero ENOTTY', 'free ok', 'file ok']);
  assert.deepEqual(
    events
      .filter(({ process }) => process!.comm!.startsWith('python'))
      .map(({ operation, missing, object }) => [operation, ...missing, (object as { ioctl?: number }).ioctl]),
    [['ioctl', 'fs.ioctl_dev', 0x541b]],
  );
});

test('wrong sizes, descriptors and types give what they give alone', skip, async (t) => {
  const { lines } = await run(
    t,
    `
tell('negative', lambda: os.ftruncate(cut, -1))
tell('closed', lambda: os.ftruncate(99, 1))
tell('place', lambda: os.ftruncate(os.open('cut/file', os.O_PATH), 1))
tell('read', lambda: os.ftruncate(os.open('kept/file', os.O_RDONLY), 1))
tell('pipe', lambda: os.ftruncate(os.pipe()[1], 1))
tell('memory', lambda: os.ftruncate(os.memfd_create('m'), 1))
tell('directory', lambda: os.truncate('cut', 1))
tell('missing', lambda: os.truncate('cut/none', 1))
tell('device', lambda: os.truncate('/dev/null', 1))
tell('denied', lambda: os.truncate('kept/file', 1))
`,
  );
  assert.deepEqual(lines, [
    'negative EINVAL',
    'closed EBADF',
    'place EBADF',
    'read EINVAL',
    'pipe EINVAL',
    'memory ok',
    'directory EISDIR',
    'missing ENOENT',
    'device EINVAL',
    'denied EACCES',
  ]);
});

test('the limit on the size of files is that of the program', skip, async (t) => {
  const { lines } = await run(
    t,
    `
import resource, signal
caught = []
signal.signal(signal.SIGXFSZ, lambda *_: caught.append('signal'))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
tell('open', lambda: os.ftruncate(cut, 1001))
tell('path', lambda: os.truncate('cut/file', 2000))
tell('within', lambda: os.ftruncate(cut, 1000))
print(*caught)
`,
  );
  assert.deepEqual(lines, ['open EFBIG', 'path EFBIG', 'within ok', 'signal signal']);
});

test('a lease of the program stops nobody else', skip, async (t) => {
  const { lines } = await run(
    t,
    `
import signal, threading, time
F_SETLEASE = 1024
asked = threading.Event()
signal.signal(signal.SIGIO, lambda *_: asked.set())
reader = os.open('cut/file', os.O_RDONLY)
os.close(cut)
fcntl.fcntl(reader, F_SETLEASE, fcntl.F_RDLCK)
child = os.fork()
if child == 0:
    os.truncate('cut/file', 2)
    os._exit(0)
asked.wait(20)
tell('meanwhile', lambda: os.truncate('kept/none', 1))
print(os.waitpid(child, os.WNOHANG)[0], os.fstat(reader).st_size)
fcntl.fcntl(reader, F_SETLEASE, fcntl.F_UNLCK)
os.waitpid(child, 0)
print(os.fstat(reader).st_size)
`,
  );
  assert.deepEqual(lines, ['meanwhile ENOENT', '0 7', '2']);
});
