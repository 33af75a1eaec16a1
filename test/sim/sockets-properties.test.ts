/** Whose credential decides on a socket: every mode against its definition in plain words. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Credential,
  type Node,
  UNRESTRICTED,
} from '../../packages/landward/src/model/landlock/index.ts';
import {
  decideSocket,
  type LayerSockets,
  type NetSocket,
  newSocket,
  PLAIN_SOCKETS,
  SOCKET_MODES,
  type SocketMode,
  type SocketOperation,
} from '../../packages/landward/src/model/sockets/index.ts';
import { restrict, rules, TCP, to } from '../kit/sockets.ts';

interface PlainLayer {
  readonly handled: boolean;
  readonly ports: readonly number[];
  readonly subject: 'caller' | 'socket';
  readonly granted: readonly number[];
  readonly reconfigure: boolean;
  readonly revalidate: boolean;
}
const plainLayer: fc.Arbitrary<PlainLayer> = fc.record({
  handled: fc.boolean(),
  ports: fc.subarray([80, 81]),
  subject: fc.constantFrom('caller' as const, 'socket' as const),
  granted: fc.subarray([80, 81]),
  reconfigure: fc.boolean(),
  revalidate: fc.boolean(),
});

test('every mode agrees with its definition in plain words', () => {
  const stacks = fc.record({
    shared: fc.array(plainLayer, { maxLength: 2 }),
    callers: fc.array(plainLayer, { maxLength: 2 }),
    sockets: fc.array(plainLayer, { maxLength: 2 }),
    mode: fc.constantFrom(...SOCKET_MODES),
    kind: fc.constantFrom('bind' as const, 'connect' as const, 'receive' as const, 'disassociate' as const),
    port: fc.constantFrom(80, 81),
  });
  fc.assert(
    fc.property(stacks, ({ shared, callers, sockets, mode, kind, port }) => {
      const said = new Map<Node, PlainLayer>();
      const grow = (start: Credential, layers: readonly PlainLayer[]) =>
        layers.reduce((before, layer) => {
          const next = restrict(before, layer.handled ? { ports: layer.ports } : { handled: 0, fs: 1 });
          said.set(next.domain!.node, layer);
          return next;
        }, start);
      const trunk = grow(UNRESTRICTED, shared);
      const caller = grow(trunk, callers);
      const creator = grow(trunk, sockets);
      const socket: NetSocket =
        kind === 'receive'
          ? { ...newSocket(creator, TCP), state: 'connected', peer: port }
          : newSocket(creator, TCP);
      const operation: SocketOperation = kind === 'bind' || kind === 'connect' ? to(kind, port) : { kind };
      const layer = (node: Node): LayerSockets => {
        const plain = said.get(node)!;
        const ports = new Set(plain.granted);
        return { ...PLAIN_SOCKETS, ...plain, granted: { bind: ports, connect: ports } };
      };
      const decision = decideSocket(rules(mode, layer), { caller, socket, operation, fd: 3 });

      const callerStack = [...shared, ...callers];
      const socketStack = [...shared, ...sockets];
      const aims = kind === 'bind' || kind === 'connect';
      const grants = (stack: readonly PlainLayer[]) =>
        stack.every((one) => !one.handled || one.ports.includes(port));
      const classic = (stack: readonly PlainLayer[]) => !aims || grants(stack);
      const expected: Record<SocketMode, boolean> = {
        caller: classic(callerStack),
        socket: classic(socketStack),
        both: classic(callerStack) && classic(socketStack),
        ruleset:
          classic(callerStack.filter((one) => one.subject === 'caller')) &&
          classic(socketStack.filter((one) => one.subject === 'socket')),
        'new-rights':
          classic(callerStack) && (!aims || socketStack.every((one) => one.granted.includes(port))),
        'reconfigure-scope':
          classic(callerStack) && (kind === 'receive' || !callers.some((one) => one.reconfigure)),
        transition: classic(socketStack),
        revalidate:
          classic(callerStack) && (kind !== 'receive' || grants(callers.filter((one) => one.revalidate))),
      };
      assert.equal(decision.allowed, expected[mode]);
    }),
    { seed: 21, numRuns: 3000 },
  );
});
