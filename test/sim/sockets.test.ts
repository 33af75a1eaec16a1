/** Whose credential decides on a socket: the table of modes, the roads back, passing, transition, revalidation. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  type Credential,
  type Node,
  UNRESTRICTED,
} from '../../packages/landward/src/model/landlock/index.ts';
import type { OpenFile, Path } from '../../packages/landward/src/model/landlock/world.ts';
import {
  accepted,
  decideSocket,
  type LayerSockets,
  lock,
  type NetSocket,
  newSocket,
  PLAIN_SOCKETS,
  perform,
  revalidateFile,
  SOCKET_MODES,
  type SocketMode,
  type SocketOperation,
  type SocketRules,
  socketTable,
  transition,
  wouldBreak,
} from '../../packages/landward/src/model/sockets/index.ts';
import { fsMask, netMask } from '../../packages/landward/src/uapi/masks.ts';
import { L11, restrict, rules, run, TCP, to, UDP } from '../kit/sockets.ts';

test('the table of modes', () => {
  const columns = [
    'before',
    'inside',
    'passedIn',
    'passedOut',
    'accepted',
    'dissolve',
    'serverSafe',
  ] as const;
  const table = Object.fromEntries(
    socketTable().map((row) => [row.mode, columns.map((column) => row[column])]),
  );
  const either = (a: string, b: string) => `caller: ${a}; socket: ${b}`;
  assert.deepEqual(table, {
    caller: ['checked', 'checked', 'checked', 'free', 'checked', 'allowed, then checked', 'yes'],
    socket: ['free', 'checked', 'free', 'checked', 'checked', 'allowed, then free', 'no'],
    both: ['checked', 'checked', 'checked', 'checked', 'checked', 'allowed, then checked', 'yes'],
    ruleset: [
      either('checked', 'free'),
      'checked',
      either('checked', 'free'),
      either('free', 'checked'),
      'checked',
      either('allowed, then checked', 'allowed, then free'),
      either('yes', 'no'),
    ],
    'new-rights': [
      'checked',
      'checked, new right',
      'checked',
      'checked, new right',
      'checked, new right',
      'allowed, then checked',
      'yes',
    ],
    'reconfigure-scope': ['denied', 'checked', 'denied', 'free', 'checked', 'denied', 'yes'],
    transition: [
      'free, convertible by its only holder',
      'checked, convertible',
      'free, convertible by its only holder',
      'checked, convertible',
      'checked, convertible',
      'allowed, then free',
      'after the transition',
    ],
    revalidate: [
      'checked, at every use',
      'checked',
      'checked, at every use',
      'free',
      'checked',
      'allowed, then checked',
      'yes',
    ],
  });
});

test('the four steps of the socket-domain proposal [R-000-1, R-000-2]', () => {
  for (const [mode, expected] of [
    ['caller', 13],
    ['socket', 0],
  ] as const) {
    const old = newSocket(UNRESTRICTED, TCP);
    const inside = restrict(UNRESTRICTED, { handled: netMask('net.bind_tcp') });
    const young = newSocket(inside, TCP);
    const bind = (socket: NetSocket) => {
      const decision = decideSocket(rules(mode), { caller: inside, socket, operation: to('bind', 8080) });
      return decision.allowed ? 0 : decision.errno;
    };
    assert.equal(bind(old), expected);
    assert.equal(bind(young), 13);
  }
});

test('both sides are asked, and the answer says which refused [R-000-3, R-000-21]', () => {
  const a = restrict(UNRESTRICTED, { ports: [80] });
  const b = restrict(UNRESTRICTED, { ports: [80, 81] });
  const ask = (caller: Credential, creator: Credential, port: number) => {
    const decision = decideSocket(rules('both'), {
      caller,
      socket: newSocket(creator, TCP),
      operation: to('connect', port),
    });
    return decision.allowed ? 'allowed' : decision.side;
  };
  assert.equal(ask(a, b, 80), 'allowed');
  assert.equal(ask(a, b, 81), 'caller');
  assert.equal(ask(b, a, 81), 'socket');
  assert.equal(ask(b, b, 82), 'caller');
});

test('two layers, each with its own subject [R-000-4]', () => {
  const outer = restrict(UNRESTRICTED, { ports: [80] });
  const both = restrict(outer, { ports: [80, 81] });
  const nodes = both.domain!.layers.map((layer) => layer.node);
  for (const outerSubject of ['caller', 'socket'] as const) {
    for (const innerSubject of ['caller', 'socket'] as const) {
      for (const creator of [UNRESTRICTED, outer, both]) {
        const layer = (node: Node): LayerSockets => ({
          ...PLAIN_SOCKETS,
          subject: node === nodes[0] ? outerSubject : innerSubject,
        });
        const decision = decideSocket(rules('ruleset', layer), {
          caller: both,
          socket: newSocket(creator, TCP),
          operation: to('connect', 81),
        });
        const outerAsks = outerSubject === 'caller' || creator !== UNRESTRICTED;
        assert.equal(decision.allowed, !outerAsks);
        if (!decision.allowed) assert.equal(decision.denials[0]!.node, nodes[0]);
      }
    }
  }
});

test('a TCP server that restricts itself once: both attacks of a hijacked worker [R-000-10]', () => {
  for (const mode of SOCKET_MODES) {
    const layer = () => ({ ...PLAIN_SOCKETS, reconfigure: true, revalidate: true });
    const listener = run(newSocket(UNRESTRICTED, TCP), to('bind', 80), { kind: 'listen' });
    const worker = restrict(UNRESTRICTED, {});
    const may = (socket: NetSocket, operation: SocketOperation) =>
      decideSocket(rules(mode, layer), { caller: worker, socket, operation, fd: 4 }).allowed;
    // A new socket: made inside, so no mode lets it go anywhere.
    assert.equal(may(newSocket(worker, TCP), to('connect', 81)), false, `${mode}: s`);
    const idle = run(listener, { kind: 'disassociate' });
    const reused = may(listener, { kind: 'disassociate' }) && may(idle, to('connect', 81));
    assert.equal(reused, mode === 'socket' || mode === 'transition', `${mode}: r`);
  }
});

test('three roads lead back, and a locked socket takes none of them [R-000-7]', () => {
  const listening = run(newSocket(UNRESTRICTED, TCP), to('bind', 80), { kind: 'listen' });
  const connected = run(newSocket(UNRESTRICTED, TCP), to('connect', 81));
  const pending = perform(newSocket(UNRESTRICTED, TCP), to('connect', 81), true);
  assert.ok(pending.ok);
  const roads: SocketOperation[] = [
    { kind: 'disassociate' },
    { kind: 'connect', address: { length: 16, family: 'unspec', port: 0 } },
    { kind: 'shutdown', how: 'read' },
    { kind: 'shutdown', how: 'both' },
    { kind: 'shutdown', how: 'write' },
  ];
  const leadsBack = (socket: NetSocket) => roads.map((road) => run(socket, road).state === 'idle');
  assert.deepEqual(leadsBack(listening), [true, true, true, true, false]);
  assert.deepEqual(leadsBack(pending.value), [true, true, true, true, true]);
  assert.deepEqual(leadsBack(connected), [true, true, false, false, false]);

  assert.equal(lock(newSocket(UNRESTRICTED, TCP)).ok, false);
  assert.equal(lock(pending.value).ok, false);
  for (const aimed of [listening, connected]) {
    const locked = lock(aimed);
    assert.ok(locked.ok);
    for (const mode of SOCKET_MODES) {
      for (const operation of [...roads, to('bind', 1), to('connect', 1), { kind: 'listen' } as const]) {
        const decision = decideSocket(rules(mode), { caller: UNRESTRICTED, socket: locked.value, operation });
        const harmless =
          operation.kind === 'shutdown' && !(aimed.state === 'listening' && operation.how !== 'write');
        assert.equal(decision.allowed, harmless, `${mode} ${aimed.state} ${operation.kind}`);
        if (!decision.allowed) assert.deepEqual([decision.errno, decision.side], [1, 'lock']);
      }
      for (const operation of [
        { kind: 'accept' },
        { kind: 'receive' },
        { kind: 'send', address: null },
      ] as const) {
        assert.ok(
          decideSocket(rules(mode), { caller: UNRESTRICTED, socket: locked.value, operation }).allowed,
        );
      }
    }
  }
});

test('a bound port stays when the socket is dissolved, an automatic one does not', () => {
  const bound = run(
    newSocket(UNRESTRICTED, TCP),
    to('bind', 80),
    { kind: 'listen' },
    { kind: 'disassociate' },
  );
  assert.deepEqual([bound.port, perform(bound, to('bind', 81)).ok], [80, false]);
  const automatic = run(newSocket(UNRESTRICTED, TCP), { kind: 'listen' }, { kind: 'disassociate' });
  assert.equal(perform(automatic, to('bind', 81)).ok, true);
});

test('the stack answers as Linux does', () => {
  const idle = newSocket(UNRESTRICTED, TCP);
  const states: Record<string, NetSocket> = {
    idle,
    listening: run(idle, to('bind', 80), { kind: 'listen' }),
    connected: run(idle, to('connect', 81)),
    datagram: newSocket(UNRESTRICTED, UDP),
  };
  const expected: [string, SocketOperation, number][] = [
    ['idle', { kind: 'shutdown', how: 'both' }, 107],
    ['idle', { kind: 'accept' }, 22],
    ['idle', { kind: 'receive' }, 107],
    ['idle', { kind: 'send', address: null }, 32],
    ['idle', to('send', 81), 32],
    ['listening', to('connect', 81), 106],
    ['listening', to('bind', 81), 22],
    ['connected', to('connect', 81), 106],
    ['connected', { kind: 'listen' }, 22],
    ['connected', to('send', 82), 0],
    ['datagram', { kind: 'listen' }, 95],
    ['datagram', { kind: 'send', address: null }, 89],
    ['datagram', to('connect', 81), 0],
  ];
  for (const [state, operation, errno] of expected) {
    const result = perform(states[state]!, operation);
    assert.equal(result.ok ? 0 : result.errno, errno, `${state} ${operation.kind}`);
  }
  const pending = perform(idle, to('connect', 81), true);
  assert.ok(pending.ok);
  const again = perform(pending.value, to('connect', 82));
  assert.ok(!again.ok && again.errno === 114);
});

test('the reconfiguration scope follows the same relation as ptrace [R-000-6]', () => {
  const outer = restrict(UNRESTRICTED, { ports: [80] });
  const self = restrict(outer, { ports: [80] });
  const child = restrict(self, { ports: [80] });
  const sibling = restrict(outer, { ports: [80] });
  const scoped = self.domain!.node;
  const layer = (node: Node): LayerSockets => ({ ...PLAIN_SOCKETS, reconfigure: node === scoped });
  const operations: SocketOperation[] = [
    to('bind', 80),
    to('connect', 80),
    { kind: 'disassociate' },
    { kind: 'listen' },
    { kind: 'shutdown', how: 'both' },
    { kind: 'configure' },
  ];
  for (const [creator, own] of [
    [UNRESTRICTED, false],
    [outer, false],
    [sibling, false],
    [self, true],
    [child, true],
  ] as const) {
    const socket: NetSocket = { ...newSocket(creator, TCP), state: 'listening' };
    for (const operation of operations) {
      const decision = decideSocket(rules('reconfigure-scope', layer), { caller: self, socket, operation });
      assert.equal(decision.allowed, own, operation.kind);
      if (!decision.allowed) assert.deepEqual([decision.errno, decision.side], [1, 'relation']);
    }
    for (const operation of [
      { kind: 'accept' },
      { kind: 'receive' },
      { kind: 'send', address: null },
    ] as const) {
      assert.ok(decideSocket(rules('reconfigure-scope', layer), { caller: self, socket, operation }).allowed);
    }
    assert.ok(
      decideSocket(rules('reconfigure-scope', layer), { caller: outer, socket, operation: to('bind', 80) })
        .allowed,
    );
  }
});

test('an accepted socket is the acceptor’s own [R-000-9]', () => {
  const worker = restrict(UNRESTRICTED, { ports: [80] });
  const listener = run(newSocket(UNRESTRICTED, TCP), to('bind', 80), { kind: 'listen' });
  const connection = accepted(listener, worker, 5000);
  assert.equal(connection.creator, worker);
  const layer = () => ({ ...PLAIN_SOCKETS, reconfigure: true, revalidate: true });
  for (const mode of SOCKET_MODES) {
    const use = decideSocket(rules(mode, layer), {
      caller: worker,
      socket: connection,
      operation: { kind: 'receive' },
      fd: 5,
    });
    assert.ok(use.allowed, mode);
  }
});

test('sockets made before a layer are exempt from new rights, those made inside need them [R-000-5]', () => {
  const before = newSocket(UNRESTRICTED, TCP);
  const inside = restrict(UNRESTRICTED, { ports: [80] });
  const made = newSocket(inside, TCP);
  const grants =
    (...ports: number[]) =>
    () => ({
      ...PLAIN_SOCKETS,
      granted: { bind: new Set<number>(), connect: new Set(ports) },
    });
  const may = (socket: NetSocket, layer: SocketRules['layer']) =>
    decideSocket(rules('new-rights', layer), { caller: inside, socket, operation: to('connect', 80) });
  assert.ok(may(before, grants()).allowed);
  const refused = may(made, grants());
  assert.ok(!refused.allowed && refused.errno === 13 && refused.side === 'socket');
  assert.ok(may(made, grants(80)).allowed);
});

test('a credential goes to a socket only downwards or where nobody else notices [R-000-13]', () => {
  const parent = restrict(UNRESTRICTED, { ports: [80] });
  const child = restrict(parent, {});
  const sibling = restrict(parent, {});
  const give = (caller: Credential, creator: Credential, sole: boolean) =>
    transition(caller, newSocket(creator, TCP), sole).ok;
  assert.deepEqual(
    [give(parent, child, false), give(parent, parent, false), give(UNRESTRICTED, child, false)],
    [true, true, true],
  );
  assert.deepEqual([give(child, parent, false), give(child, parent, true)], [false, true]);
  assert.deepEqual([give(sibling, child, false), give(sibling, child, true)], [false, false]);
  assert.deepEqual([give(child, UNRESTRICTED, false), give(child, UNRESTRICTED, true)], [false, true]);
  const given = transition(child, newSocket(parent, TCP), true);
  assert.ok(given.ok && given.value.creator === child);
});

test('a used-again file is asked for the operation at hand, standard streams are spared [R-000-14]', () => {
  const superblock = { noUser: false };
  const root = { inode: { type: 'dir' as const, superblock, private: false }, parent: null };
  const mount = { root, parent: null, mountpoint: null, internal: false };
  const path: Path = { mount, dentry: { inode: { type: 'reg', superblock, private: false }, parent: root } };
  const rights = { allowed: 0x1ffff, denyLayers: 0, quiet: 0, sameExec: 0 };
  const outside: OpenFile = { path, rights: { ...rights, domain: null } };
  const caller = restrict(UNRESTRICTED, { fs: fsMask('fs.write_file'), handled: 0 });
  const own: OpenFile = { path, rights: { ...rights, domain: caller.domain } };
  const ask = (
    file: OpenFile,
    operation: 'read' | 'write',
    fd: number,
    exempt: readonly number[] = [0, 1, 2],
  ) => revalidateFile(L11, caller, { file, operation, fd, exempt: new Set(exempt) }).allowed;
  assert.deepEqual([ask(outside, 'read', 3), ask(outside, 'write', 3)], [true, false]);
  assert.deepEqual([ask(outside, 'write', 1), ask(outside, 'write', 1, [])], [true, false]);
  assert.equal(ask(own, 'write', 3), true);
});

test('what a layer would break is told before it is enforced [R-000-20]', () => {
  const after = restrict(UNRESTRICTED, { ports: [80] });
  const socket = newSocket(UNRESTRICTED, TCP);
  const uses = [80, 81].map((port) => ({ socket, operation: to('connect', port) }));
  const broken = wouldBreak(rules('caller'), UNRESTRICTED, after, uses);
  assert.deepEqual(broken, [{ ...uses[1], errno: 13 }]);
  assert.deepEqual(wouldBreak(rules('socket'), UNRESTRICTED, after, uses), []);
});

test('datagrams: an aimed socket that is locked keeps its aim [R-000-7]', () => {
  const aimed = lock(run(newSocket(UNRESTRICTED, UDP), to('connect', 53)));
  assert.ok(aimed.ok);
  const may = (operation: SocketOperation) =>
    decideSocket(rules('caller'), { caller: UNRESTRICTED, socket: aimed.value, operation }).allowed;
  assert.deepEqual(
    [may({ kind: 'send', address: null }), may(to('send', 54)), may(to('connect', 54))],
    [true, false, false],
  );
});

test('the documentation shows the tables that the model makes [R-000-18]', () => {
  const page = readFileSync(new URL('../../docs/sockets.md', import.meta.url), 'utf8');
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| `') && SOCKET_MODES.includes(modeOf(line)));
  const table = socketTable();
  const modes = table.map(({ mode, ...cells }) => `| \`${mode}\` | ${Object.values(cells).join(' | ')} |`);
  const threats = table.map(
    ({ mode, passedIn, passedOut }) =>
      `| \`${mode}\` | ${passedIn} | ${passedOut} | ${passedOut.replaceAll(/, [^;]*/g, '')} |`,
  );
  assert.deepEqual(rows, [...modes, ...threats]);
});

const modeOf = (line: string) => /^\| `([a-z-]+)`/.exec(line)?.[1] as SocketMode;
