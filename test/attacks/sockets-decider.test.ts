/**
 * Attacks on the thread that performs calls on sockets for programs: options that would lead into its memory, and ways to keep
 * it waiting, which would hold up every other call of the run.
 *
 * Each runs under layers that have all these calls performed there; a program that ends by itself is the sign that they failed.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NotifyGroup } from '../../packages/landward/src/filter/notify.ts';
import { needs } from '../kit/needs.ts';
import { anyHost, netRule } from '../kit/net-rules.ts';
import { controlLayer, netLayer } from '../kit/socket-layers.ts';
import { type SupervisedResult, supervised } from '../kit/supervised.ts';

const need = needs({ supervisor: true, tools: ['python3'] });
const GROUPS: readonly NotifyGroup[] = ['connect', 'bind', 'send', 'socket'];
const open = (['net.bind_tcp', 'net.connect_tcp'] as const).map((right) =>
  netRule('allow', right, anyHost, 0),
);
const layers = [netLayer(open, { subject: 'both' }), controlLayer({ lock: true })];

async function attack(program: string, timeout = 30_000): Promise<SupervisedResult> {
  const result = await supervised({ layers, groups: GROUPS }, ['python3', '-c', program], { timeout });
  assert.deepEqual(result.defects, []);
  assert.equal(result.stderr, '');
  return result;
}

test('memory that an option hands to the kernel is the caller’s own', need, async (context) => {
  const { stdout } = await attack(`
import ctypes, errno, mmap, socket, struct
try:
    made = socket.socket(44, socket.SOCK_RAW, 0)
except OSError as error:
    print('no AF_XDP', errno.errorcode[error.errno])
    raise SystemExit
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
# Where the caller has memory and no process that is laid out by the kernel has any.
own = libc.mmap(ctypes.c_void_p(0x10000000), ctypes.c_size_t(65536), 3, 0x100022, -1, ctypes.c_size_t(0))
for address in (own, 0x20000000):
    try:
        made.setsockopt(283, 4, struct.pack('QQIIII', address, 65536, 2048, 0, 0, 0))
        print('taken')
    except OSError as error:
        print(errno.errorcode[error.errno])
    made = socket.socket(44, socket.SOCK_RAW, 0)
`);
  if (stdout.startsWith('no AF_XDP')) return context.skip(stdout.trim());
  assert.deepEqual(stdout.trim().split('\n'), ['taken', 'EFAULT']);
});

test('control data that holds pointers is not sent, whatever the socket', need, async () => {
  const { stdout } = await attack(`
import errno, socket
there = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
there.bind(('127.0.0.1', 0))
there.listen(1)
here = socket.create_connection(there.getsockname())
for level in (276, 1):
    try:
        print(here.sendmsg([b'x'], [(level, 99, bytes(16))]))
    except OSError as error:
        print(errno.errorcode[error.errno])
print(here.sendmsg([b'x']))
`);
  // Of its own levels the kernel refuses what it does not know; those of other protocols it passes over.
  assert.deepEqual(stdout.trim().split('\n'), ['EPERM', 'EINVAL', '1']);
});

test('a socket that lingers keeps only its own closer waiting', need, async () => {
  // A send that waits holds the socket; the program closes its own descriptor meanwhile, and a signal ends the send.
  const { stdout } = await attack(`
import os, signal, socket, struct, threading, time
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(4)
name = listener.getsockname()
child = os.fork()
if child == 0:
    sender = socket.socket()
    sender.connect(name)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 20))
    number = sender.detach()
    threading.Thread(target=lambda: socket.socket(fileno=number).sendmsg([b'x' * (64 << 20)]), daemon=True).start()
    # The descriptor goes with the process, while the send waits for room that never comes.
    time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)
taken, _ = listener.accept()
os.waitpid(child, 0)
# Who performed the send hears of that a moment later. Sockets are made as long as somebody decides.
signal.alarm(15)
for _ in range(40):
    time.sleep(0.1)
    socket.socket().close()
print('answered')
`);
  assert.equal(stdout.trim(), 'answered');
});

test('a socket that turns out to wait keeps nobody else waiting', need, async () => {
  // A child shares the open file and flips whether it waits.
  const { stdout } = await attack(`
import fcntl, os, signal, socket
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(4)
number = listener.fileno()
flags = fcntl.fcntl(number, fcntl.F_GETFL)
flipper = os.fork()
if flipper == 0:
    while True:
        fcntl.fcntl(number, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        fcntl.fcntl(number, fcntl.F_SETFL, flags)
inside = False
def ring(*_):
    if inside:
        raise InterruptedError
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
for _ in range(300):
    try:
        os.set_blocking(number, False)
        inside = True
        listener._accept()
    except (BlockingIOError, InterruptedError):
        inside = False
signal.setitimer(signal.ITIMER_REAL, 0)
os.kill(flipper, signal.SIGKILL)
os.waitpid(flipper, 0)
socket.socket().close()
print('answered')
`);
  assert.equal(stdout.trim(), 'answered');
});
