/**
 * Attacks on who made a socket: making a foreign one count as one's own, or one's own as foreign, by another number, a child, a
 * message, a race, or by making so many that nobody can remember. Each with the defence off as well.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { needs, root } from '../kit/needs.ts';
import { controlLayer, Giver, netLayer } from '../kit/socket-layers.ts';
import { supervised } from '../kit/supervised.ts';

const need = needs({ tools: ['python3'] });
const groups = ['connect', 'bind', 'send', 'socket'] as const;
const OTHER = '127.0.0.1 0';
let giver: Giver;
before(async () => {
  if (need.skip === undefined) giver = await Giver.start();
});
after(async () => {
  await giver?.[Symbol.asyncDispose]();
});

/** Ways to come to the same socket. */
const WAYS = [
  ['another number', (s: string) => [`dup t ${s}`, `bind t ${OTHER}`]],
  ['a number that was its own', (s: string) => ['tcp w', 'move 80 w', `move 80 ${s}`, `bind 80 ${OTHER}`]],
  ['a child', (s: string) => [`forked bind ${s} ${OTHER}`]],
  ['a message to itself', (s: string) => [`relay t ${s}`, `bind t ${OTHER}`]],
] as const;

for (const [name, way] of WAYS)
  test(
    `a foreign socket stays foreign through ${name}, and its own stays bound [R-000-6, R-000-2]`,
    need,
    async () => {
      const last = async (layers: Parameters<Giver['calls']>[0], from: string) =>
        (await giver.calls(layers, [from, ...way('s')])).results.at(-1);
      assert.equal(await last(null, 'take s tcp'), '0', 'without a layer it is bound');
      assert.equal(await last([controlLayer({ aim: 'own' })], 'take s tcp'), 'EPERM');
      assert.equal(await last([netLayer([], { subject: 'socket' })], 'tcp s'), 'EACCES');
    },
  );

async function race(attempts: number, looking: boolean) {
  const worker = new URL('./sockets-foreign-look.ts', import.meta.url).pathname;
  const { stdout, stderr } = await supervised(
    { layers: [controlLayer({ aim: 'own' })], groups, ...(looking ? { worker } : {}) },
    ['python3', join(root, 'test/fixtures/foreign-flip.py'), `${attempts}`, looking ? 'once' : 'all'],
    { env: { PATH: process.env.PATH!, GIVER: giver.path }, timeout: 600_000 },
  );
  assert.equal(stderr, '');
  const [passed, refused, escaped] = stdout.trim().split(' ').map(Number);
  return { passed: passed!, refused: refused!, escaped: escaped! };
}

test('swapping the number while it is decided configures no foreign socket', need, async () => {
  let broken = false;
  for (let series = 0; series < 10 && !broken; series++) broken = (await race(4000, true)).escaped > 0;
  assert.ok(broken, 'the supervisor that only looks held');
  const outcome = await race(4000, false);
  assert.equal(outcome.escaped, 0);
  assert.ok(outcome.passed > 0 && outcome.refused > 0, JSON.stringify(outcome));
});

test('making more sockets than are remembered frees none of them', need, async () => {
  // The registry is swept at 65,536: more are made, the first one waits in a message where no process holds it.
  const flood = `
import socket, os, array
a, b = socket.socketpair()
first = socket.socket()
a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [first.fileno()]))])
first.close()
for _ in range(70000):
    socket.socket().close()
_, control, _, _ = b.recvmsg(1, socket.CMSG_SPACE(4))
n = array.array('i'); n.frombytes(control[0][2][:4])
back = socket.socket(fileno=n[0])
try:
    back.bind(('127.0.0.1', 0)); print('free')
except OSError as error:
    print(error.errno)
`;
  const layers = [netLayer([], { subject: 'socket' })];
  const env = { PATH: process.env.PATH! };
  const { stdout, defects } = await supervised({ layers, groups }, ['python3', '-c', flood], { env });
  assert.deepEqual([stdout.trim(), defects], ['13', []]);
});
