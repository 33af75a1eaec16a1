/** TCP and UDP: the errno for each malformed address, and ports against a twin over sets. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Behaviour,
  bind,
  blockers,
  connect,
  type Decision,
  type InetSocket,
  linux,
  type SocketAddress,
  send,
} from '../../packages/landward/src/model/index.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { confine } from '../differential/scene.ts';

const BIND_TCP = 1;
const CONNECT_TCP = 2;
const BIND_UDP = 4;
const SEND_UDP = 8;
const behaviour = linux(11);
const errno = (decision: Decision) => (decision.allowed ? 0 : decision.errno);

const tcp4: InetSocket = { family: 'inet', type: 'stream', protocol: 6, bound: false };
const tcp6: InetSocket = { ...tcp4, family: 'inet6' };
const udp4: InetSocket = { family: 'inet', type: 'dgram', protocol: 17, bound: false };
const udp6: InetSocket = { ...udp4, family: 'inet6' };
const inet = (port: number, length = 16): SocketAddress => ({ family: 'inet', length, port });
const inet6 = (port: number, length = 28): SocketAddress => ({ family: 'inet6', length, port });
const unspec = (port: number, length = 16, any = true): SocketAddress => ({
  family: 'unspec',
  length,
  port,
  any,
});

test('each malformed address has its errno', () => {
  const deny = confine(behaviour, [{ handledNet: 15 }]);
  const grant = confine(behaviour, [{ handledNet: 15, ports: [[80, 15]] }]);
  const rows: [string, Decision, keyof typeof ERRNO | null][] = [
    ['bind, one byte', bind(behaviour, deny, tcp4, inet(80, 1)), 'EINVAL'],
    ['connect, one byte', connect(behaviour, deny, tcp4, unspec(80, 1)), 'EINVAL'],
    ['connect unspec', connect(behaviour, deny, tcp4, unspec(80)), null],
    ['connect unspec, two bytes', connect(behaviour, deny, tcp4, unspec(80, 2)), null],
    ['bind unspec, short', bind(behaviour, deny, tcp4, unspec(80, 15)), 'EINVAL'],
    ['bind unspec, not any', bind(behaviour, deny, tcp4, unspec(80, 16, false)), 'EAFNOSUPPORT'],
    ['bind unspec, any', bind(behaviour, deny, tcp4, unspec(80)), 'EACCES'],
    ['bind unspec, any, granted', bind(behaviour, grant, tcp4, unspec(80)), null],
    ['bind unspec on IPv6', bind(behaviour, grant, tcp6, unspec(80, 28)), 'EAFNOSUPPORT'],
    ['bind unspec on IPv6, 24 bytes', bind(behaviour, grant, tcp6, unspec(80, 24)), 'EAFNOSUPPORT'],
    ['bind unspec on IPv6, short', bind(behaviour, grant, tcp6, unspec(80, 23)), 'EINVAL'],
    ['send unspec on IPv6', send(behaviour, grant, udp6, unspec(80, 28)), 'EACCES'],
    ['send unspec, short', send(behaviour, grant, udp4, unspec(80, 15)), 'EINVAL'],
    ['send unspec', send(behaviour, deny, udp4, unspec(80)), 'EACCES'],
    ['IPv4, short', connect(behaviour, grant, tcp4, inet(80, 15)), 'EINVAL'],
    ['IPv6, short', connect(behaviour, grant, tcp6, inet6(80, 23)), 'EINVAL'],
    ['IPv6, old length', connect(behaviour, grant, tcp6, inet6(80, 24)), null],
    ['another family', bind(behaviour, deny, tcp4, { family: 'other', length: 16, port: 80 }), null],
    ['IPv4 on IPv6', connect(behaviour, grant, tcp6, inet(80)), 'EINVAL'],
    ['IPv6 on IPv4', connect(behaviour, grant, tcp4, inet6(80)), 'EINVAL'],
    ['no rule for the port', connect(behaviour, grant, tcp4, inet(81)), 'EACCES'],
    ['a rule', connect(behaviour, grant, tcp4, inet(80)), null],
    ['a rule, IPv6', bind(behaviour, grant, tcp6, inet6(80)), null],
  ];
  for (const [name, decision, expected] of rows)
    assert.equal(errno(decision), expected === null ? 0 : ERRNO[expected], name);
});

test('ports are the union of rules in a layer and the intersection over layers', () => {
  const ports = fc.constantFrom(0, 80, 443);
  const layer = fc.record({
    handledNet: fc.integer({ min: 1, max: 15 }),
    ports: fc.array(fc.tuple(ports, fc.integer({ min: 1, max: 15 })), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(layer, { minLength: 1, maxLength: 4 }), ports, (layers, port) => {
      const texts = layers.map(({ handledNet, ports }) => ({
        handledNet,
        ports: ports
          .map(([port, access]) => [port, access & handledNet] as const)
          .filter(([, access]) => access !== 0),
      }));
      const credential = confine(behaviour, texts);
      const grants = (right: number, port: number) =>
        texts.map(
          (text) =>
            (text.handledNet & right) === 0 ||
            text.ports.some(([at, access]) => at === port && (access & right) !== 0),
        );
      const cases: [Decision, boolean[]][] = [
        [bind(behaviour, credential, tcp4, inet(port)), grants(BIND_TCP, port)],
        [connect(behaviour, credential, tcp4, inet(port)), grants(CONNECT_TCP, port)],
        [bind(behaviour, credential, udp4, inet(port)), grants(BIND_UDP, port)],
        [connect(behaviour, credential, { ...udp4, bound: true }, inet(port)), grants(SEND_UDP, port)],
        [send(behaviour, credential, { ...udp4, bound: true }, inet(port)), grants(SEND_UDP, port)],
        [send(behaviour, credential, udp4, null), grants(BIND_UDP, 0)],
      ];
      for (const [decision, perLayer] of cases) {
        assert.equal(decision.allowed, perLayer.every(Boolean));
        if (!decision.allowed) assert.equal(decision.denials[0]!.layer, perLayer.lastIndexOf(false));
      }
      const unbound = [
        connect(behaviour, credential, udp4, inet(port)),
        send(behaviour, credential, udp4, inet(port)),
      ];
      const both = [...grants(SEND_UDP, port), ...grants(BIND_UDP, 0)].every(Boolean);
      for (const decision of unbound) assert.equal(decision.allowed, both);
    }),
    { seed: 12, numRuns: 400 },
  );
});

test('which sockets are mediated [R-000-35]', () => {
  const allowed = (kernel: Behaviour, socket: InetSocket) =>
    bind(kernel, confine(kernel, [{ handledNet: kernel.abi >= 10 ? 15 : 3 }]), socket, inet(80)).allowed;
  const mptcp: InetSocket = { ...tcp4, protocol: 262 };
  assert.equal(allowed(behaviour, tcp4), false);
  assert.equal(allowed(behaviour, mptcp), true);
  assert.equal(allowed(linux(5, { errata: 0 }), mptcp), false, 'before erratum 1');
  assert.equal(allowed(behaviour, { ...udp4, protocol: 136 }), true, 'UDP-Lite');
  assert.equal(allowed(behaviour, { ...tcp4, type: 'other' }), true, 'raw');
  assert.equal(allowed(linux(9), udp4), true);
  assert.equal(allowed(linux(10), udp4), false);
  assert.equal(allowed(behaviour, udp4), false);
});

test('sending: TCP is free but for fast open, UDP asks twice [R-000-40, R-000-41, R-000-42]', () => {
  const deny = confine(behaviour, [{ handledNet: 15 }]);
  assert.equal(errno(send(behaviour, deny, tcp4, inet(80))), 0);
  assert.equal(errno(send(behaviour, deny, tcp4, null, true)), 0);
  assert.equal(errno(send(behaviour, deny, tcp4, inet(80), true)), ERRNO.EACCES);
  const old = linux(9);
  assert.equal(errno(send(old, confine(old, [{ handledNet: 3 }]), tcp4, inet(80), true)), 0);
  const onlySend = confine(behaviour, [{ handledNet: 15, ports: [[80, 8]] }]);
  const autobind = send(behaviour, onlySend, udp4, inet(80));
  assert.ok(!autobind.allowed);
  assert.deepEqual(blockers(autobind.denials[0]!), ['net.bind_udp']);
  const object = autobind.denials[0]!.object;
  assert.equal(object.kind === 'port' ? object.port : 0, null, 'an automatic bind names no port');
  for (const [address, port] of [
    [unspec(80), null],
    [inet(80), 80],
  ] as const) {
    const refusal = bind(behaviour, deny, tcp4, address);
    const named = refusal.allowed ? undefined : refusal.denials[0]!.object;
    assert.equal(named?.kind === 'port' ? named.port : undefined, port);
  }
  assert.equal(errno(send(behaviour, onlySend, { ...udp4, bound: true }, null)), 0);
  assert.equal(errno(connect(behaviour, deny, udp4, unspec(80))), 0);
});
