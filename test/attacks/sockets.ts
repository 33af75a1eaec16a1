/**
 * Attacks through sockets: reach a service that no rule names, or become one. A table; how a case is run and what it
 * must prove is in `case.ts`. The services run in the test process, outside every domain.
 */

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type Attack, done, refused } from './case.ts';
import type { World } from './world.ts';

const EPERM = 1;
const EACCES = 13;

const ports = new WeakMap<World, number>();
const portOf = (world: World) => String(ports.get(world));

async function listening(server: Server, ...place: [number, string] | [string]): Promise<() => void> {
  server.on('connection', (socket) => socket.destroy());
  await new Promise<void>((ready) =>
    (server.listen as (...args: unknown[]) => void).call(server, ...place, ready),
  );
  return () => void server.close();
}

const withTcp = {
  surround: async (world: World) => {
    const server = createServer();
    const release = await listening(server, 0, '127.0.0.1');
    ports.set(world, (server.address() as AddressInfo).port);
    return { release };
  },
} as const;

/** A port that was free a moment ago. */
const withFreePort = {
  surround: async (world: World) => {
    await withTcp.surround(world).then(({ release }) => release());
    return {};
  },
} as const;

const withUdp = {
  surround: async (world: World) => {
    const socket = createSocket('udp4');
    await new Promise<void>((ready) => socket.bind(0, '127.0.0.1', ready));
    ports.set(world, socket.address().port);
    return { release: () => void socket.close() };
  },
} as const;

const socketPath = (world: World) => join(world.top, 'service.sock');
const withUnix = {
  surround: async (world: World) => {
    const release = await listening(createServer(), socketPath(world));
    return { release };
  },
} as const;

/** A datagram service at a path, which Node cannot make: Python does, and says when it is there. */
const withUnixDatagram = {
  surround: async (world: World) => {
    const script =
      'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint("ready",flush=True)\nsys.stdin.read()';
    const child = spawn('python3', ['-c', script, socketPath(world)], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return {
      release: async () => {
        child.stdin.end();
        await once(child, 'exit');
        rmSync(socketPath(world), { force: true });
      },
    };
  },
} as const;

const abstractName = (world: World) => `landward-${world.token}`;
const withAbstract = {
  surround: async (world: World) => ({
    release: await listening(createServer(), `\0${abstractName(world)}`),
  }),
} as const;

const connectable = (world: World) => ({ sections: { net: `connect = ["tcp:${portOf(world)}"]` } });

const connects = (id: number, name: string, action: string, off: Attack['off'] = connectable): Attack => ({
  ...withTcp,
  id,
  name,
  action: (world) => [action, portOf(world)],
  without: off === 'unconfined' ? 'landward' : 'the absence of the port',
  off,
  held: refused(EACCES, EPERM),
  succeeded: done,
});

/** A socket of a protocol that Landlock does not know. */
const foreignSocket = (
  name: string,
  family: number,
  type: number,
  protocol: number,
  root = false,
): Attack => ({
  id: 59,
  name: `a socket of ${name}`,
  ...(root ? { needs: { root: true } } : {}),
  action: () => ['socket', String(family), String(type), String(protocol)],
  on: (world) => ({
    sections: {
      net: 'connect = ["tcp:443"]',
      unix: `connect = [${JSON.stringify(world.library)}]`,
      require: 'degrade = ["unix.connect"]',
    },
  }),
  without: 'the filter',
  off: 'unconfined',
  held: refused(EACCES, EPERM),
  succeeded: done,
});

/** One port is allowed, so that TCP sockets exist and only Landlock and the filter's details can hold the rest. */
const otherPort = () => ({ sections: { net: 'connect = ["tcp:1"]' } });

export const socketAttacks: readonly Attack[] = [
  connects(61, 'a TCP service on the loopback interface', 'connect-tcp'),
  { ...connects(61, 'another port than the allowed one', 'connect-tcp'), on: otherPort },
  { ...connects(56, 'an IPv4 address in its IPv6 spelling', 'connect-mapped'), on: otherPort },
  {
    ...connects(56, 'TCP Fast Open, which connects by sending', 'connect-fastopen', 'unconfined'),
    on: otherPort,
    // EOPNOTSUPP makes libraries fall back to connect(), which Landlock judges.
    held: refused(95),
  },
  { ...connects(59, 'MPTCP to a port that TCP may not reach', 'connect-mptcp', 'unconfined'), on: otherPort },
  {
    ...withFreePort,
    id: 53,
    name: 'a TCP service of its own',
    action: (world) => ['bind-tcp', portOf(world)],
    on: otherPort,
    without: 'the absence of the port',
    off: (world) => ({ sections: { net: `listen = ["tcp:${portOf(world)}"]` } }),
    held: refused(EACCES, EPERM),
    succeeded: done,
  },
  {
    id: 53,
    name: 'listening without binding, at a port of the kernel’s choice',
    action: () => ['listen-unbound'],
    without: 'landward',
    off: 'unconfined',
    held: refused(EACCES, EPERM),
    succeeded: done,
  },
  {
    ...withUdp,
    id: 58,
    name: 'a UDP datagram',
    action: (world) => ['send-udp', portOf(world)],
    without: 'landward',
    off: 'unconfined',
    held: refused(EACCES, EPERM),
    succeeded: done,
  },
  {
    ...withUdp,
    id: 58,
    name: 'a UDP datagram, where TCP is allowed',
    action: (world) => ['send-udp', portOf(world)],
    on: otherPort,
    without: 'landward',
    off: 'unconfined',
    held: refused(EACCES, EPERM),
    succeeded: done,
  },
  {
    ...withUnix,
    id: 15,
    name: 'a service behind a socket file, such as a container engine or a bus',
    action: (world) => ['connect-unix', socketPath(world)],
    without: 'landward',
    off: 'unconfined',
    held: refused(EACCES, EPERM),
    succeeded: done,
  },
  {
    ...withUnixDatagram,
    id: 52,
    name: 'a datagram to a socket file from a pair',
    needs: { tools: ['python3'] },
    action: (world) => ['send-unix-pair', socketPath(world)],
    without: 'landward',
    off: 'unconfined',
    held: refused(EACCES, EPERM),
    succeeded: done,
  },
  {
    ...withAbstract,
    id: 12,
    name: 'an abstract socket outside, against the scope alone',
    action: (world) => ['connect-abstract', abstractName(world)],
    on: (world) => ({
      sections: {
        unix: `connect = [${JSON.stringify(world.library)}]`,
        require: 'degrade = ["unix.connect"]',
      },
    }),
    without: 'the scope',
    off: (world) => ({
      sections: {
        unix: `connect = [${JSON.stringify(world.library)}]`,
        require: 'degrade = ["unix.connect"]',
        process: 'abstract = "any"',
      },
    }),
    held: refused(EPERM),
    succeeded: done,
  },
  foreignSocket('raw IPv4', 2, 3, 1, true),
  foreignSocket('packets', 17, 3, 0, true),
  foreignSocket('netlink audit', 16, 3, 9),
  foreignSocket('virtual machines (vsock)', 40, 1, 0),
  foreignSocket('express data path', 44, 3, 0, true),
];
