/**
 * Layers that ask again at each use of a socket from outside: which uses are refused, what is spared, and that programs see
 * everything else as without a supervisor, although their reads and writes are made for them.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { needs } from '../kit/needs.ts';
import { anyHost, netRule } from '../kit/net-rules.ts';
import { controlLayer, Giver, netLayer } from '../kit/socket-layers.ts';
import { supervised } from '../kit/supervised.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const need = needs({ tools: ['python3', 'bash'] });
const groups = ['connect', 'bind', 'send', 'socket', 'use'] as const;
const again = { exempt: [0, 1, 2] };
let giver: Giver;
before(async () => {
  if (need.skip === undefined) giver = await Giver.start();
});
after(async () => {
  await giver?.[Symbol.asyncDispose]();
});

test(
  'each use of a socket from outside is asked about, of one made inside never [R-000-14]',
  need,
  async () => {
    const lines = [
      'take c connected',
      'recv c',
      'read c',
      'send c',
      'write c',
      'take u udpconnected',
      'send u',
      'recv u',
      'take l listen',
      'accept d l',
    ];
    const { results, events } = await giver.calls([netLayer([], { revalidate: again })], lines, groups);
    const expected = ['0', 'EACCES', 'EACCES', 'EACCES', 'EACCES', '0', 'EACCES', 'EACCES', '0', 'EACCES'];
    assert.deepEqual(results, expected);
    assert.deepEqual(
      [events[0]?.side, events[0]?.made, events[0]?.missing],
      ['caller', 'outside', ['net.connect_tcp']],
    );

    const right = (name: 'net.connect_tcp' | 'net.bind_tcp') => netRule('allow', name, anyHost, 0);
    const open = [netLayer([right('net.connect_tcp'), right('net.bind_tcp')], { revalidate: again })];
    const own = [
      'tcp l',
      'bind l 127.0.0.1 0',
      'listen l',
      'tcp s',
      'connect s 127.0.0.1 @l',
      'accept c l',
      'write s',
      'read c',
      'take k connected',
      'read k',
    ];
    assert.deepEqual(
      (await giver.calls(open, own, groups)).results,
      own.map(() => '0'),
    );
  },
);

test('a number does not spare what was not there at the start [R-000-14]', need, async () => {
  const lines = ['take c connected', 'move 0 c', 'read 0'];
  assert.equal(
    (await giver.calls([netLayer([], { revalidate: again })], lines, groups)).results.at(-1),
    'EACCES',
  );
});

test('programs read and write as ever', need, async (t) => {
  const folder = temporaryDirectory(t);
  const script = [
    `cd ${folder}`,
    'seq 1 20000 | sort | md5sum',
    'head -c 3000000 /dev/zero > a; cat a | wc -c; dd if=a of=b bs=4M 2>/dev/null; cmp a b && echo same',
    '(sleep 0.1; echo late) | cat',
    'set -o pipefail; yes | head -1; echo $?',
    '(ulimit -f 10; head -c 100000 /dev/zero > c; echo $?) 2>/dev/null; wc -c < c',
    `python3 -c "import shutil, os; shutil.copyfile('a', 'd'); print(os.path.getsize('d'))"`,
    `python3 -c "import socket, os, array
a, b = socket.socketpair()
r, w = os.pipe()
a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [w]))])
text, control, flags, _ = b.recvmsg(10, 100)
fd = array.array('i'); fd.frombytes(control[0][2]); os.write(fd[0], b'passed'); print(text, flags & ~0x40000000, os.read(r, 9), os.get_inheritable(fd[0]))
b.settimeout(0.05)
try: b.recv(1)
except TimeoutError: print('late')"`,
  ].join('\n');
  const free = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  const layers = [controlLayer({ revalidate: { exempt: [] } })];
  const held = await supervised({ layers, groups }, ['bash', '-c', script], {
    env: { PATH: process.env.PATH! },
  });
  assert.deepEqual([held.defects, held.stdout], [[], free.stdout]);
});
