/**
 * TCP and UDP under supervision: under rules that allow all a program sees what it sees without a supervisor; under others,
 * what the rules say, whatever the form of the address.
 */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import type { RuleLayer } from '../../packages/landward/src/model/rules.ts';
import { runChild } from '../kit/child.ts';
import { fixtureProgram } from '../kit/fixture-program.ts';
import { needs } from '../kit/needs.ts';
import { anyHost, byAddress, byClass, grants, layerOf, netRule } from '../kit/net-rules.ts';
import { supervised } from '../kit/supervised.ts';

const need = needs({ tools: ['cc', 'python3'] });
const groups = ['connect', 'bind', 'send'] as const;
const env = { PATH: process.env.PATH! };
const EACCES = -13;
const [TCP, TCP6, UDP, UDP6, MPTCP] = [
  'socket 2 1 0',
  'socket 10 1 0',
  'socket 2 2 0',
  'socket 10 2 0',
  'socket 2 1 262',
];

const all = layerOf(
  ['net', 'unix'],
  (['net.bind_tcp', 'net.connect_tcp', 'net.bind_udp', 'net.connect_send_udp'] as const).map((right) =>
    netRule('allow', right, anyHost, 0),
  ),
);

let program = '';
let tcp = 0;
let udp = 0;
/** A port that nobody listens on. */
let closed = 0;
const server = createServer((stream) => {
  stream.on('error', () => {});
  stream.end();
});
const datagrams = createSocket('udp6');

before(async () => {
  if (need.skip !== undefined) return;
  program = fixtureProgram('sockets');
  server.listen(0, '::');
  datagrams.bind(0, '::');
  await Promise.all([once(server, 'listening'), once(datagrams, 'listening')]);
  tcp = (server.address() as AddressInfo).port;
  udp = datagrams.address().port;
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  closed = (free.address() as AddressInfo).port;
  free.close();
});
after(() => {
  server.close();
  datagrams.close();
});

async function held(layers: readonly RuleLayer[], words: readonly string[]): Promise<string> {
  const result = await supervised({ layers, groups }, [program, ...words], { env });
  assert.deepEqual([result.defects, result.stderr], [[], '']);
  return result.stdout;
}

async function results(layers: readonly RuleLayer[], words: readonly string[]): Promise<number[]> {
  return (await held(layers, words)).trim().split(/\s+/).map(Number);
}

test('under rules that allow all, every call answers as without a supervisor', need, async () => {
  const series: string[][] = [
    [TCP!, `connect 4/127.0.0.1/${tcp}`, `connect 4/127.0.0.1/${tcp}`, 'send'],
    [TCP!, `connect 4/127.0.0.1/${closed}`],
    [
      TCP!,
      `connect 4/127.0.0.1/${tcp}/15`,
      `connect 4/127.0.0.1/${tcp}/1`,
      `connect 4/127.0.0.1/${tcp}/0`,
      `connect 4/127.0.0.1/${tcp}/200`,
    ],
    [TCP!, `connect 6/::1/${tcp}`, `connect u/127.0.0.1/${tcp}`, 'connect a/x'],
    [
      TCP!,
      'connect 4/127.0.0.1/0',
      'bind 4/203.0.113.77/0',
      'bind 6/::1/0',
      'bind u/0.0.0.0/0',
      'bind u/127.0.0.1/0',
    ],
    [TCP!, 'bind 4/127.0.0.1/0', 'bind 4/127.0.0.1/0', 'listen', 'listen', 'connect 4/127.0.0.1/1'],
    [TCP!, 'send', 'sendto 4/127.0.0.1/1', 'sendmsg', 'pipes', 'listen', 'send'],
    [TCP!, `fastopen 4/127.0.0.1/${tcp}`, `fastopen 4/127.0.0.1/${tcp}`],
    [TCP!, `fastopen u/127.0.0.1/${tcp}`, `fastopen 4/127.0.0.1/${closed}`],
    [TCP!, 'nonblock', `connect 4/127.0.0.1/${tcp}`],
    [TCP6!, `connect 6/::1/${tcp}`],
    [TCP6!, `connect 6/::ffff:127.0.0.1/${tcp}`, `connect 4/127.0.0.1/${tcp}`],
    [TCP6!, `connect 6/::1/${tcp}/23`, `connect 6/::1/${tcp}/24`],
    [MPTCP!, `connect 4/127.0.0.1/${tcp}`],
    [
      UDP!,
      'send',
      `sendto 4/127.0.0.1/${udp}`,
      `connect 4/127.0.0.1/${udp}`,
      'send',
      'sendmsg',
      'connect u/0.0.0.0',
      'send',
    ],
    [
      UDP!,
      `sendto U/127.0.0.1/${udp}`,
      `sendto 6/::1/${udp}`,
      `sendto 4/127.0.0.1/${udp}/8`,
      'sendto 4/127.0.0.1/0',
    ],
    [
      UDP!,
      `sendmsg 4/127.0.0.1/${udp}`,
      'two',
      `4/127.0.0.1/${udp}`,
      `4/127.0.0.1/${udp}`,
      'two',
      `4/127.0.0.1/${udp}`,
      'a/x',
    ],
    [UDP!, 'listen', 'bind 4/127.0.0.1/0', 'bind 4/0.0.0.0/0'],
    [
      UDP6!,
      `sendto 6/::1/${udp}`,
      `sendto 4/127.0.0.1/${udp}`,
      `connect 4/127.0.0.1/${udp}`,
      `sendto u/::/0`,
    ],
    [
      'fd 77',
      'connect 4/127.0.0.1/1',
      'bind 4/127.0.0.1/1',
      'listen',
      'send',
      'sendmsg',
      'sendto 4/1.2.3.4/5',
    ],
    [
      'file',
      'connect 4/127.0.0.1/1',
      'bind 4/127.0.0.1/1',
      'listen',
      'sendmsg',
      'sendto 4/1.2.3.4/5',
      'connect 4/127.0.0.1/1/0',
    ],
    ['socket 16 3 0', 'bind u/0.0.0.0/0', 'connect 4/127.0.0.1/1'],
  ];
  for (const words of series) {
    const { stdout } = await runChild(program, words);
    assert.equal(await held([all], words), stdout, words.join(', '));
  }
});

test('classes and networks hold for TCP, in every form of the address', need, async () => {
  const layers = [
    layerOf(
      ['net'],
      [
        netRule('allow', 'net.connect_tcp', anyHost, 0),
        netRule('deny', 'net.connect_tcp', byClass('loopback'), 0),
        netRule('allow', 'net.connect_tcp', byAddress('127.0.0.2'), 0),
        netRule('deny', 'net.connect_tcp', byClass('link-local'), 0),
        netRule('deny', 'net.connect_tcp', byAddress('192.0.2.0', 24), 0),
      ],
    ),
  ];
  const each = (...words: string[]) => words.flatMap((word) => [TCP!, word]);
  const each6 = (...words: string[]) => words.flatMap((word) => [TCP6!, word]);
  assert.deepEqual(
    await results(layers, [
      ...each(
        `connect 4/127.0.0.1/${tcp}`,
        `connect 4/127.9.9.9/${tcp}`,
        `connect 4/0.0.0.0/${tcp}`,
        `fastopen 4/127.0.0.1/${tcp}`,
      ),
      ...each('connect 4/169.254.169.254/80', 'connect 4/192.0.2.1/80'),
      ...each6(
        `connect 6/::1/${tcp}`,
        `connect 6/::/${tcp}`,
        `connect 6/::ffff:127.0.0.1/${tcp}`,
        'connect 6/fe80::1/80',
        'connect 6/::ffff:192.0.2.9/80',
      ),
      MPTCP!,
      `connect 4/127.0.0.1/${tcp}`,
    ]),
    new Array<number>(12).fill(EACCES),
  );
  assert.deepEqual(await results(layers, each(`connect 4/127.0.0.2/${tcp}`)), [0]);
  assert.deepEqual(await results(layers, each6(`connect 6/::ffff:127.0.0.2/${tcp}`)), [0]);
});

test(
  'UDP is held at connecting and at sending, on any kernel [R-000-40, R-000-42, R-000-43, R-000-44]',
  need,
  async () => {
    const layers = grants(netRule('allow', 'net.connect_send_udp', byAddress('127.0.0.1'), udp));
    assert.deepEqual(
      await results(layers, [
        UDP!,
        `sendto 4/127.0.0.1/${udp}`,
        `sendto 4/127.0.0.2/${udp}`,
        `sendto U/127.0.0.2/${udp}`,
        `sendmsg 4/127.0.0.2/${udp}`,
        `connect 4/127.0.0.1/${udp}`,
        'send',
        `sendto 4/127.0.0.2/${udp}`,
        `connect 4/127.0.0.2/${udp}`,
        // The old peer is still the one that was allowed.
        'send',
        'connect u/0.0.0.0',
        'send',
        UDP6!,
        `sendto 6/::ffff:127.0.0.1/${udp}`,
        `sendto 6/::1/${udp}`,
        `sendto 4/127.0.0.2/${udp}`,
        `connect 4/127.0.0.2/${udp}`,
      ]),
      [5, EACCES, EACCES, EACCES, 0, 5, EACCES, EACCES, 5, 0, -89, 5, EACCES, EACCES, EACCES],
    );
    // Of many messages, those before the first refusal go out.
    assert.deepEqual(
      await results(layers, [UDP!, 'two', `4/127.0.0.1/${udp}`, `4/127.0.0.2/${udp}`]),
      [1, 5, 0],
    );
    assert.deepEqual(await results(layers, [UDP!, 'two', `4/127.0.0.2/${udp}`, `4/127.0.0.1/${udp}`]), [
      EACCES,
      0,
      0,
    ]);
  },
);

test('binding and listening need a rule, also where a free port is taken', need, async () => {
  const layers = grants(netRule('allow', 'net.bind_tcp', byClass('loopback'), closed));
  assert.deepEqual(
    await results(layers, [
      TCP!,
      `bind 4/127.0.0.1/${closed}`,
      'listen',
      TCP!,
      `bind 4/0.0.0.0/${closed}`,
      'bind 4/127.0.0.1/0',
      `bind U/0.0.0.0/${closed}`,
      'listen',
      UDP!,
      `bind 4/127.0.0.1/${closed}`,
      TCP6!,
      `bind 6/::/${closed}`,
      'listen',
    ]),
    [0, 0, EACCES, EACCES, EACCES, EACCES, EACCES, EACCES, EACCES],
  );
});

test('a source route turns nothing elsewhere', need, async () => {
  const layers = grants(netRule('allow', 'net.connect_send_udp', byAddress('127.0.0.1'), udp));
  assert.deepEqual(await results(layers, [UDP!, 'route', TCP!, 'route']), [-1, -1]);
  // A label of a flow can carry a route, and is used by messages that name it.
  const label = ['socket 10 2 0', 'label'];
  assert.equal((await runChild(program, label)).stdout, '0\n');
  assert.deepEqual(await results(layers, label), [-1]);
});

test(
  'a connect that waits is interrupted by a signal, and begun again where the handler says so',
  need,
  async () => {
    const script = `
import signal, socket, sys, threading, time, errno
backlog = socket.socket(); backlog.bind(('127.0.0.1', 0)); backlog.listen(0)
address = backlog.getsockname()
full = []
for _ in range(3):
    s = socket.socket(); s.setblocking(False)
    try: s.connect(address)
    except BlockingIOError: pass
    full.append(s)
count = 0
def hit(*_):
    global count
    count += 1
signal.signal(signal.SIGALRM, hit)
signal.siginterrupt(signal.SIGALRM, sys.argv[1] == 'interrupt')
signal.setitimer(signal.ITIMER_REAL, 0.2)
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
s = socket.socket()
if sys.argv[1] != 'restart': s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack('ll', 1, 0))
def accept():
    time.sleep(0.5)
    for _ in range(2): backlog.accept()
if sys.argv[1] == 'restart': threading.Thread(target=accept, daemon=True).start()
raw = struct.pack('=HH4s8x', socket.AF_INET, socket.htons(address[1]), socket.inet_aton('127.0.0.1'))
result = libc.connect(s.fileno(), raw, len(raw))
print(result, errno.errorcode.get(ctypes.get_errno(), 'none'), count)
`;
    for (const how of ['interrupt', 'limited', 'restart']) {
      const plain = await runChild('python3', ['-c', script, how]);
      const result = await supervised({ layers: [all], groups }, ['python3', '-c', script, how], { env });
      assert.equal(result.stdout, plain.stdout, `${how}: ${result.stderr}`);
    }
  },
);

test('large sends, a slow reader and a broken pipe are as ever', need, async () => {
  const script = `
import hashlib, os, signal, socket, threading, time
a, b = socket.socketpair()
data = os.urandom(1 << 20) * 9
got = []
def read():
    time.sleep(0.1)
    while True:
        piece = b.recv(1 << 16)
        if not piece: break
        got.append(piece)
thread = threading.Thread(target=read); thread.start()
view = memoryview(data)
print(a.sendmsg([view[:5], view[5:4000000], view[4000000:]]))
a.close(); thread.join()
print(hashlib.sha256(b''.join(got)).digest() == hashlib.sha256(data).digest())
c, d = socket.socketpair(); d.close()
pipes = []
signal.signal(signal.SIGPIPE, lambda *_: pipes.append(1))
for flags in (0, socket.MSG_NOSIGNAL):
    try: c.sendmsg([b'x'], [], flags)
    except OSError as e: print(e.errno, len(pipes))
e, f = socket.socketpair(); e.setblocking(False)
sent = e.sendmsg([data])
print(0 < sent < len(data), f.recv(10) == data[:10])
try:
    while True: e.sendmsg([data])
except BlockingIOError: print('full')
g, h = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
g.sendmsg([b'a' * 70000]); print(len(h.recv(100000)))
g.settimeout(None)
def drain():
    time.sleep(0.1)
    for _ in range(600): h.recv(10)
thread = threading.Thread(target=drain); thread.start()
for _ in range(600): g.sendmsg([b'x'])
thread.join(); print('drained')
`;
  const plain = await runChild('python3', ['-c', script]);
  const result = await supervised({ layers: [all], groups }, ['python3', '-c', script], { env });
  assert.deepEqual([result.stdout, result.stderr, result.defects], [plain.stdout, plain.stderr, []]);
});
