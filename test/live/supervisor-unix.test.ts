/**
 * UNIX sockets under supervision: by path and by abstract name, streams and datagrams, descriptors and credentials that
 * travel, and whose sockets count as the run's own.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RuleLayer } from '../../packages/landward/src/model/rules.ts';
import { runChild } from '../kit/child.ts';
import { fixtureProgram } from '../kit/fixture-program.ts';
import { needs } from '../kit/needs.ts';
import { anyHost, layerOf, netRule, unixRule } from '../kit/net-rules.ts';
import { supervised } from '../kit/supervised.ts';

const need = needs({ tools: ['cc', 'python3'] });
const groups = ['connect', 'bind', 'send'] as const;
const env = { PATH: process.env.PATH! };
const folder = mkdtempSync(join(tmpdir(), 'landward-unix-'));
const service = join(folder, 'service.sock');
const other = join(folder, 'other.sock');
const [STREAM, DGRAM] = ['socket 1 1 0', 'socket 1 2 0'];
const token = `landward-unix-${process.pid}`;
const everything = layerOf(['net'], [netRule('allow', 'net.connect_tcp', anyHost, 0)]);

let program = '';
const servers = [createServer(), createServer(), createServer(), createServer()];
for (const server of servers) server.on('connection', (stream) => void stream.on('error', () => {}).end());

before(async () => {
  if (need.skip !== undefined) return;
  program = fixtureProgram('sockets');
  const places = [service, other, `\0${token}`, `\0${token}\0x`];
  servers.forEach((server, index) => {
    server.listen(places[index]);
  });
  await Promise.all(servers.map((server) => once(server, 'listening')));
  symlinkSync(service, join(folder, 'link'));
  chmodSync(folder, 0o777);
});
after(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function held(layers: readonly RuleLayer[], argv: readonly [string, ...string[]], cwd?: string) {
  const result = await supervised({ layers, groups }, argv, cwd === undefined ? { env } : { env, cwd });
  assert.deepEqual(result.defects, []);
  return result;
}

async function results(
  layers: readonly RuleLayer[],
  words: readonly string[],
  cwd?: string,
): Promise<number[]> {
  const { stdout, stderr } = await held(layers, [program, ...words], cwd);
  assert.equal(stderr, '');
  return stdout.trim().split(/\s+/).map(Number);
}

test('under rules that allow all, every call answers as without a supervisor', need, async () => {
  const deep = join(folder, 'd'.repeat(60));
  mkdirSync(deep, { recursive: true });
  const series: string[][] = [
    [STREAM!, `connect p/${service}`, `connect p/${service}`, 'listen'],
    [
      STREAM!,
      `connect p/${folder}/none`,
      `connect p/${folder}`,
      `connect p/${folder}/none/x`,
      `connect p/${service}/x`,
      'connect p/',
    ],
    [STREAM!, `connect p/${folder}/link`, STREAM!, `connect p//proc/self/root${service}`],
    [
      STREAM!,
      `connect a/${token}`,
      STREAM!,
      `connect a/${token}#x`,
      `connect a/${token}#y`,
      `connect a/${token}#`,
    ],
    [
      STREAM!,
      'connect u/0.0.0.0',
      'connect 4/127.0.0.1/1',
      'bind 4/127.0.0.1/1',
      'connect a/',
      'listen',
      'send',
      'sendto p/x',
    ],
    [
      DGRAM!,
      `connect p/${service}`,
      `sendto p/${service}`,
      `sendto p/${folder}/none`,
      'connect u/0.0.0.0',
      'send',
      'listen',
    ],
    [
      STREAM!,
      `bind p/${folder}/new`,
      `bind p/${folder}/new2`,
      'listen',
      STREAM!,
      `connect p/${folder}/new`,
      `bind p/${folder}/new`,
    ],
    [
      STREAM!,
      `bind p/${folder}/`,
      `bind p/${folder}/.`,
      `bind p/${folder}/none/x`,
      `bind p/${folder}/link`,
      `bind p/${folder}/y/`,
    ],
    [STREAM!, `bind a/${token}-own`, 'listen', STREAM!, `connect a/${token}-own`, `bind a/${token}-own`],
    [STREAM!, `bind p/${deep}/${'n'.repeat(100 - deep.length)}`, 'listen'],
    ['socket 1 5 0', `connect p/${service}`],
  ];
  const clean = () => {
    for (const name of ['new', 'new2', 'y']) rmSync(join(folder, name), { force: true });
    for (const name of [deep]) rmSync(name, { recursive: true });
    mkdirSync(deep);
  };
  for (const words of series) {
    const plain = await runChild(program, words);
    clean();
    const { stdout } = await held([everything], [program, ...words]);
    clean();
    assert.equal(stdout, plain.stdout, words.join(', '));
  }
});

test('a path is decided on as the object that it is', need, async () => {
  const layers = [layerOf(['unix'], [unixRule('allow', 'connect', service)])];
  const to = (place: string) => [STREAM!, `connect p/${place}`];
  assert.deepEqual(
    await results(
      layers,
      [
        ...to(service),
        ...to(`${folder}/link`),
        ...to(`${folder}/../${folder.split('/').pop()}/service.sock`),
        ...to(other),
        ...to(`/proc/self/root${other}`),
        ...to(`/proc/thread-self/cwd/other.sock`),
        ...to('other.sock'),
        DGRAM!,
        `sendto p/${other}`,
        `connect p/${other}`,
        STREAM!,
        `connect a/${token}`,
      ],
      folder,
    ),
    [0, 0, 0, -13, -13, -13, -13, -13, -13, -1],
  );
});

test('abstract names are told apart byte by byte', need, async () => {
  const layers = [layerOf(['unix'], [unixRule('allow', 'connect', `@${token}`)])];
  assert.deepEqual(
    await results(layers, [
      STREAM!,
      `connect a/${token}`,
      STREAM!,
      `connect a/${token}#x`,
      STREAM!,
      `connect a/${token}#`,
    ]),
    [0, -1, -1],
  );
});

test("a run reaches its own sockets, another run's not", need, async () => {
  const layers = [
    layerOf(['unix'], [unixRule('allow', 'bind', `@${token}*`), unixRule('allow', 'bind', `${folder}/own`)]),
  ];
  const words = [STREAM!, `bind a/${token}-mine`, 'listen', STREAM!, `connect a/${token}-mine`];
  assert.deepEqual(await results(layers, words), [0, 0, 0]);
  const byPath = [STREAM!, `bind p/${folder}/own`, 'listen', STREAM!, `connect p/${folder}/own`];
  assert.deepEqual(await results(layers, byPath), [0, 0, 0]);
  rmSync(join(folder, 'own'));
  // The same plan, and so the same deciding thread, in another run.
  const script = `
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind('\\0${token}-theirs'); s.listen()
print('ready', flush=True)
try:
    s.settimeout(20); s.accept(); print('reached')
except TimeoutError: pass
`;
  let started: () => void = () => {};
  const runs = new Promise<void>((resolve) => {
    started = resolve;
  });
  let pid = 0;
  const theirs = supervised({ layers, groups }, ['python3', '-c', script], {
    env,
    started: (id) => {
      pid = id;
      started();
    },
  });
  await runs;
  const watcher = new RegExp(`@${token}-theirs`);
  const list = async () => (await runChild('cat', ['/proc/net/unix'])).stdout;
  while (!watcher.test(await list())) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(await results(layers, [STREAM!, `connect a/${token}-theirs`]), [-1]);
  process.kill(pid, 'SIGKILL');
  assert.ok(!(await theirs).stdout.includes('reached'));
});

test('a socket file has the owner and mode that the program gives it', need, async () => {
  const script = `
import os, socket
os.umask(0o027)
s = socket.socket(socket.AF_UNIX); s.bind('${folder}/moded')
os.chdir('${folder}'); t = socket.socket(socket.AF_UNIX); t.bind('near'); print(t.getsockname())
`;
  const { stdout, stderr } = await held([everything], ['python3', '-c', script]);
  assert.deepEqual([stdout, stderr], ['near\n', '']);
  assert.equal(statSync(join(folder, 'moded')).mode & 0o777, 0o750);
  for (const name of ['moded', 'near']) rmSync(join(folder, name));
});

const PASSING = `
import array, os, socket, struct, sys
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
r, w = os.pipe()
b.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
ucred = struct.pack('3i', os.getpid(), os.getuid(), os.getgid())
def send(control):
    try: return a.sendmsg([b'x'], control)
    except OSError as e: return -e.errno
print(send([(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [w, 0])), (socket.SOL_SOCKET, 2, ucred)]))
data, control, flags, _ = b.recvmsg(10, 200)
for level, kind, value in sorted(control, key=lambda one: one[1]):
    if kind == socket.SCM_RIGHTS:
        fds = array.array('i', value)
        os.write(fds[0], b'through'); print(os.read(r, 10), len(fds))
    else:
        pid, uid, gid = struct.unpack('3i', value); print(pid == os.getpid(), uid == os.getuid(), gid == os.getgid())
print(send([(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [99]))]))
if os.getuid() != 0:
    print(send([(socket.SOL_SOCKET, 2, struct.pack('3i', os.getpid(), 0, 0))]))
print(send([(socket.SOL_SOCKET, 2, b'abc')]))
`;

test('descriptors and credentials travel', {
  ...need,
  ...(process.getuid?.() === 0 ? {} : { skip: 'needs root' }),
}, async () => {
  const plain = await runChild('python3', ['-c', PASSING]);
  const { stdout, stderr } = await held([everything], ['python3', '-c', PASSING]);
  assert.deepEqual([stdout, stderr], [plain.stdout, plain.stderr]);
});

test('peers are told the user of the program, never more', {
  ...need,
  ...(process.getuid?.() === 0 ? {} : { skip: 'needs root' }),
}, async () => {
  // A server that prints whom it is connected to, outside of the sandbox.
  const peers = join(folder, 'peers.sock');
  const script = `
import os, socket, struct, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o777); s.listen()
print('ready', flush=True)
c, _ = s.accept()
print(*struct.unpack('3i', c.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:], flush=True)
`;
  const child = spawn('python3', ['-c', script, peers], { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.on('data', (text) => {
    told += text;
  });
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  const client = `
import os, socket
os.setgroups([]); os.setresgid(1234, 1234, 1234); os.setresuid(1235, 1235, 1235)
s = socket.socket(socket.AF_UNIX); s.connect('${peers}'); print('connected')
`;
  const { stdout } = await held([everything], ['python3', '-c', client]);
  assert.equal(stdout, 'connected\n');
  await ended;
  assert.equal(told, 'ready\n1235 1234\n');
});

test('messages tell the user of the program, and open nothing that is closed to it', {
  ...need,
  ...(process.getuid?.() === 0 ? {} : { skip: 'needs root' }),
}, async () => {
  const [open, closed] = [join(folder, 'messages.sock'), join(folder, 'closed.sock')];
  // Two services outside of the sandbox that take messages and print who sent them; one is root's alone.
  const script = `
import os, select, socket, struct, sys
made = []
for path, mode in ((sys.argv[1], 0o777), (sys.argv[2], 0o600)):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(path); os.chmod(path, mode)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1); made.append(s)
print('ready', flush=True)
while True:
    for s in select.select(made, [], [])[0]:
        data, control, _, _ = s.recvmsg(100, 100)
        print(made.index(s), data.decode(), *struct.unpack('3i', control[0][2])[1:], flush=True)
        if data == b'end': sys.exit()
`;
  const child = spawn('python3', ['-c', script, open, closed], { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.on('data', (text) => {
    told += text;
  });
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  const client = `
import os, socket, struct
os.setgroups([]); os.setresgid(1234, 1234, 1234); os.setresuid(1235, 1235, 1235)
own = [(socket.SOL_SOCKET, 2, struct.pack('3i', os.getpid(), 1235, 1234))]
def send(path, data, control=[]):
    try: return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendmsg([data], control, 0, path)
    except OSError as e: return e.errno
print(send('${open}', b'plain'), send('${open}', b'own', own))
print(send('${closed}', b'plain'), send('${closed}', b'own', own))
send('${open}', b'end')
`;
  const { stdout } = await held([everything], ['python3', '-c', client]);
  assert.equal(stdout, '5 3\n13 13\n');
  await ended;
  assert.equal(told, 'ready\n0 plain 1235 1234\n0 own 1235 1234\n0 end 1235 1234\n');
});
