/**
 * Layers that look at which socket is used, on real programs: whose rules bind it, who may aim it, what stays locked, which
 * kinds may be made. Sockets are made inside, come from outside over a UNIX socket, are accepted, duplicated, inherited, handed on.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it, test } from 'node:test';
import type { SocketControl } from '../../packages/landward/src/model/rules.ts';
import { needs } from '../kit/needs.ts';
import { anyHost, byAddress, netRule } from '../kit/net-rules.ts';
import { controlLayer, Giver, netLayer } from '../kit/socket-layers.ts';

const need = needs({ tools: ['python3'] });
let giver: Giver;
before(async () => {
  if (need.skip === undefined) giver = await Giver.start();
});
after(async () => {
  await giver?.[Symbol.asyncDispose]();
});

const OTHER = '127.0.0.1 0';
const all = (['net.bind_tcp', 'net.connect_tcp', 'net.bind_udp', 'net.connect_send_udp'] as const).map(
  (right) => netRule('allow', right, anyHost, 0),
);

async function results(
  layers: Parameters<Giver['calls']>[0],
  lines: readonly string[],
): Promise<readonly string[]> {
  return (await giver.calls(layers, lines)).results;
}

/** The result of each last call. */
async function last(layers: Parameters<Giver['calls']>[0], ...lines: readonly string[]): Promise<string> {
  return (await results(layers, lines)).at(-1)!;
}

describe('whom the rules of a layer bind', need, () => {
  const deny = (subject: SocketControl['subject']) => [netLayer([], { subject }, `by ${subject}`)];

  it('the caller, whatever the socket is [R-000-1]', async () => {
    const found = await results(deny('caller'), [
      'tcp a',
      `bind a ${OTHER}`,
      'take o tcp',
      `bind o ${OTHER}`,
      'take l listen',
      'connect o 127.0.0.1 #l',
    ]);
    assert.deepEqual(found, ['0', 'EACCES', '0', 'EACCES', '0', 'EACCES']);
  });

  it('the socket: older and foreign ones are free, those made inside are bound, accepted ones too [R-000-2]', async () => {
    const found = await results(deny('socket'), [
      'take o tcp',
      `bind o ${OTHER}`,
      'tcp a',
      `bind a ${OTHER}`,
      'take l listen',
      'take p tcp',
      'connect p 127.0.0.1 #l',
      'accept c l',
      'unspec c',
      'connect c 127.0.0.1 #l',
    ]);
    assert.deepEqual(found, ['0', '0', '0', 'EACCES', '0', '0', '0', '0', '0', 'EACCES']);
  });

  it('both: the caller and the socket must be allowed, and the event says which side denied [R-000-3, R-000-21]', async () => {
    // A layer that binds callers and one that binds sockets, each open or closed, on sockets from either side.
    for (const caller of ['open', 'closed'] as const)
      for (const made of ['open', 'closed'] as const)
        for (const from of ['tcp a', 'take a tcp'] as const) {
          const layers = [
            netLayer(caller === 'open' ? all : [], { subject: 'caller' }, 'callers'),
            netLayer(made === 'open' ? all : [], { subject: 'socket' }, 'sockets'),
          ];
          const { results: found, events } = await giver.calls(layers, [from, `bind a ${OTHER}`]);
          const bySocket = made === 'closed' && from === 'tcp a';
          const expected = caller === 'closed' || bySocket;
          assert.equal(found[1], expected ? 'EACCES' : '0', `${caller} ${made} ${from}`);
          // Of several layers that refuse the youngest is blamed.
          const side = expected ? (bySocket ? 'socket' : 'caller') : undefined;
          assert.equal(events[0]?.side, side);
          assert.equal(events[0]?.blame?.name, side === undefined ? undefined : `${side}s`);
        }
    assert.equal(await last(deny('both'), 'take o tcp', `bind o ${OTHER}`), 'EACCES');
    assert.equal(await last(deny('both'), 'tcp a', `bind a ${OTHER}`), 'EACCES');
  });

  it('each layer in its own mode: two layers, two modes, sockets of either age [R-000-4]', async () => {
    for (const one of ['caller', 'socket'] as const)
      for (const two of ['caller', 'socket'] as const)
        for (const from of ['tcp a', 'take a tcp'] as const) {
          const layers = [netLayer([], { subject: one }), netLayer(all, { subject: two })];
          const bound = one === 'caller' || from === 'tcp a';
          assert.equal(
            await last(layers, from, `bind a ${OTHER}`),
            bound ? 'EACCES' : '0',
            `${one} ${two} ${from}`,
          );
        }
  });

  it('a descriptor more, a child or a message make no other socket of it', async () => {
    for (const [subject, from, expected] of [
      ['socket', 'tcp a', 'EACCES'],
      ['socket', 'take a tcp', '0'],
    ] as const)
      for (const way of [
        ['dup b a', `bind b ${OTHER}`],
        [`forked bind a ${OTHER}`],
        ['move 77 a', `bind 77 ${OTHER}`],
      ])
        assert.equal(await last(deny(subject), from, ...way), expected, `${from} ${way.join(', ')}`);
  });

  it('whom a socket is handed to outside is asked by nobody [R-000-18]', async () => {
    // Nobody listens on port 9: a refused connection is one that was tried.
    for (const subject of ['caller', 'socket', 'both'] as const)
      assert.equal(await last(deny(subject), 'tcp a', 'pass a'), 'ECONNREFUSED', subject);
  });
});

describe('who may aim a socket', need, () => {
  it('only its maker, who then uses and configures it; outside ones are used only [R-000-6, R-000-16]', async () => {
    const ways = [
      ['bind', `bind S ${OTHER}`],
      ['connect', 'connect S 127.0.0.1 #l'],
      ['AF_UNSPEC', 'unspec S'],
      ['setsockopt', 'opt S'],
    ] as const;
    const own = [controlLayer({ aim: 'own' })];
    for (const [name, way] of ways) {
      assert.equal(await last(own, 'take l listen', 'take s tcp', way.replace('S', 's')), 'EPERM', name);
      assert.equal(await last(own, 'take l listen', 'tcp s', way.replace('S', 's')), '0', name);
    }
    const used = await results(own, [
      'take l listen',
      'listen l',
      'shut l 0',
      'shut l 2',
      'accept c l',
      'opt c',
      'take k connected',
      'recv k',
      'send k',
      'shut k 1',
    ]);
    assert.deepEqual(used, ['0', 'EPERM', 'EPERM', 'EPERM', '0', '0', '0', '0', '0', '0']);
    const made = ['tcp a', `bind a ${OTHER}`, 'listen a', 'opt a', 'shut a 0', 'listen a'];
    assert.deepEqual(await results(own, made), ['0', '0', '0', '0', '0', '0']);
    const { events } = await giver.calls(own, ['take s tcp', 'opt s']);
    assert.deepEqual([events[0]?.side, events[0]?.missing], ['relation', ['socket.aim']]);
  });

  it('and a socket that was duplicated, inherited or put under another number stays foreign', async () => {
    const own = [controlLayer({ aim: 'own' })];
    assert.equal(await last(own, 'take o tcp', 'dup d o', `bind d ${OTHER}`), 'EPERM');
    assert.equal(await last(own, 'take o tcp', `forked bind o ${OTHER}`), 'EPERM');
    assert.equal(
      await last(own, 'tcp a', 'take o udp', 'move 60 a', 'move 60 o', `bind 60 ${OTHER}`),
      'EPERM',
    );
  });
});

describe('a socket that is locked in', need, () => {
  it('has no road back: three roads for a listening, a connected and a connecting one [R-000-7]', async () => {
    const lock = [controlLayer({ lock: true })];
    for (const [kind, roads] of [
      ['listen', ['unspec s', 'shut s 0', 'shut s 2']],
      ['connecting', ['unspec s', 'shut s 0', 'shut s 2']],
      ['connected', ['unspec s']],
    ] as const) {
      for (const road of roads) {
        assert.equal(await last(lock, `take s ${kind}`, road), 'EPERM', `${kind} ${road}`);
        assert.equal(await last(null, `take s ${kind}`, road), '0', `${kind} ${road} without a lock`);
      }
    }
    // The other roads of a connected socket end it: it is not connected to another.
    assert.deepEqual(
      await results(lock, [
        'take l listen',
        'take s connected',
        'shut s 2',
        'unspec s',
        'connect s 127.0.0.1 #l',
      ]),
      ['0', '0', '0', 'EPERM', 'EISCONN'],
    );
  });

  it('was never idle again once it was connected, though its peer has ended it', async () => {
    const lock = [controlLayer({ lock: true })];
    const found = await results(lock, [
      'tcp l',
      `bind l ${OTHER}`,
      'listen l',
      'tcp s',
      'connect s 127.0.0.1 @l',
      'accept c l',
      'linger c',
      'close c',
      'unspec s',
      'take o listen',
      'connect s 127.0.0.1 #o',
    ]);
    assert.deepEqual(found.slice(-3), ['EPERM', '0', 'EISCONN']);
  });

  it('a datagram socket that is connected stays so, and says no to other addresses', async () => {
    const found = await results(
      [controlLayer({ lock: true })],
      ['udp s', 'connect s 127.0.0.1 9', 'connect s 127.0.0.1 10', 'sendto s 127.0.0.1 10', 'unspec s'],
    );
    assert.deepEqual(found, ['0', '0', 'EPERM', 'EPERM', 'EPERM']);
  });

  it('a connect that failed leaves it free', async () => {
    const found = await results(
      [controlLayer({ lock: true })],
      ['tcp s', 'connect s 127.0.0.1 9', 'unspec s', `bind s ${OTHER}`],
    );
    assert.deepEqual(found, ['0', 'ECONNREFUSED', '0', '0']);
  });
});

test('malformed addresses answer as without layers [R-000-8]', need, async () => {
  const addresses = [
    ['short', '0200', ''],
    ['family only', '02000050', ''],
    ['unknown family', 'ff00005000000000000000000000000000', ''],
    ['AF_UNSPEC any', '00000050000000000000000000000000', ''],
    ['AF_UNSPEC other', '000000507f0000010000000000000000', ''],
    ['too long', `02000050${'00'.repeat(12)}`, '200'],
    ['v4-mapped', `0a000050000000000000000000000000000000000000ffff7f00000100000000`.slice(0, 56), ''],
  ] as const;
  // Under layers that allow everything each answer is the kernel's; under one that denies, malformed ones stay malformed.
  for (const kind of ['tcp', 'tcp6', 'udp', 'udp6']) {
    const lines = addresses.flatMap(([, bytes, size], index) =>
      ['rawbind', 'rawconnect'].flatMap((verb) => [
        `${kind} s${index}${verb}`,
        `${verb} s${index}${verb} ${bytes} ${size}`.trim(),
      ]),
    );
    const free = await results(null, lines);
    assert.deepEqual(await results([netLayer(all, { subject: 'both' })], lines), free, kind);
    const denied = await results([netLayer([], { subject: 'both' })], lines);
    for (const [index, errno] of free.entries())
      if (errno === 'EINVAL' || errno === 'EAFNOSUPPORT')
        assert.equal(denied[index], errno, `${kind}: ${lines[index]}`);
  }
});

test('an address is told apart from another at one port [R-000-12]', need, async () => {
  const here = [netLayer([netRule('allow', 'net.bind_tcp', byAddress('127.0.0.1'), 0)])];
  assert.deepEqual(await results(here, ['tcp a', 'bind a 127.0.0.1 0', 'tcp b', 'bind b 127.0.0.2 @a']), [
    '0',
    '0',
    '0',
    'EACCES',
  ]);
});

test('a port alone is any address of it, in two layers as in one [R-000-11]', need, async () => {
  const port = 43_117;
  const layers = [
    netLayer([netRule('allow', 'net.bind_tcp', anyHost, port)], {}, 'before the socket'),
    netLayer([netRule('allow', 'net.bind_tcp', anyHost, port)], {}, 'after it'),
  ];
  const found = await results(layers, [
    'tcp a',
    `bind a 127.0.0.1 ${port}`,
    'tcp b',
    `bind b 127.0.0.3 ${port}`,
    'tcp c',
    `bind c 127.0.0.1 ${port + 1}`,
  ]);
  assert.deepEqual(found, ['0', '0', '0', '0', '0', 'EACCES']);
});

test(
  'enforced in the middle of a life: every kind of socket that is there already [R-000-22]',
  need,
  async () => {
    // The same sockets, made before the layer (outside) and after it, under a layer that denies all.
    for (const [kind, made] of [
      ['tcp', 'tcp s'],
      ['udp', 'udp s'],
    ] as const) {
      assert.equal(await last([netLayer([])], `take s ${kind}`, `bind s ${OTHER}`), 'EACCES');
      assert.equal(await last([netLayer([])], made, `bind s ${OTHER}`), 'EACCES');
    }
    const used = await results(
      [netLayer([])],
      [
        'take c connected',
        'recv c',
        'send c',
        'take u udpconnected',
        'send u',
        'recv u',
        'take l listen',
        'accept d l',
      ],
    );
    assert.deepEqual(used, ['0', '0', '0', '0', '0', '0', '0', '0'], 'what is connected works on');
  },
);

test(
  'kinds of sockets: a list refuses making, not what comes otherwise [R-000-31, R-000-32, R-000-34]',
  need,
  async () => {
    const tcp = [{ family: 2, type: 1, protocol: 6, origin: { file: 'test', line: 1, column: 1 } }];
    const unix = { family: 1, type: null, protocol: null, origin: tcp[0]!.origin };
    const layers = [controlLayer({ create: [...tcp, unix] })];
    const found = await results(layers, [
      'make 2 1 0',
      'make 2 1 6',
      'make 2 2 0',
      'make 2 1 262',
      'make 250 1 0',
      'pair 1 1 0',
      'pair 2 2 0',
      'take u udp',
      `bind u ${OTHER}`,
      'take l listen',
      'accept c l',
    ]);
    assert.deepEqual(found, ['0', '0', 'EACCES', 'EACCES', 'EACCES', '0', 'EACCES', '0', '0', '0', '0']);
  },
);

test('MPTCP is held like TCP [R-000-35]', need, async () => {
  assert.deepEqual(await results([netLayer([], { subject: 'both' })], ['mptcp a', `bind a ${OTHER}`]), [
    '0',
    'EACCES',
  ]);
});
