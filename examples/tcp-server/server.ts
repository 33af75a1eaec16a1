/**
 * A TCP server that gives up what it no longer needs: it makes and binds its socket, confines itself (no bind, no connect,
 * no new socket), and only then listens and accepts. Clients play attackers who have taken the server over:
 *
 *     s   make a new socket and connect it to the port that follows
 *     r   take the listening socket, reset it, and connect it to the port that follows
 *
 *     node -C landward-source examples/tcp-server/server.ts [--open]
 *
 * `--open` leaves the restriction out, to show that the attacks are real.
 */

import { createServer, type Socket } from 'node:net';
import { restrictProcess } from 'landward';
import { attempt, call } from '../../packages/landward/src/kernel/call.ts';
import { errnoName } from '../../packages/landward/src/uapi/errno.ts';

const AF_INET = 2;
const SOCK_STREAM = 1;

/** A `struct sockaddr_in` for 127.0.0.1; family 0 (AF_UNSPEC) asks to forget an address. */
function address(family: number, port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  view.setUint32(4, 0x7f000001);
  return bytes;
}

// Raw calls, because Node's own `listen` binds and listens in one step, and the restriction belongs between the two.
const listener = call('make the socket', 'socket', AF_INET, SOCK_STREAM, 0);
call('bind the socket', 'bind', listener, address(AF_INET, 0), 16);

if (!process.argv.includes('--open'))
  await restrictProcess({
    fs: { read: ['/usr'] },
    net: { connect: [], listen: [] },
    unix: { connect: [] },
    // This Node runs already, and may hold io_uring rings from before; Landlock binds those too.
    require: { degrade: ['process.io_uring'] },
  });

const server = createServer(serve);
// A listener that an attacker resets can no longer accept; connections that are open go on.
server.on('error', () => {});
server.listen({ fd: listener }, () => {
  console.log(`listening on ${(server.address() as { port: number }).port}`);
});

function serve(socket: Socket): void {
  socket.on('data', (text) => {
    const [attack, port] = text.toString().trim().split(' ');
    if (attack === 's') socket.end(`${newSocket(Number(port))}\n`);
    else if (attack === 'r') socket.end(`${reuseListener(Number(port))}\n`);
    else socket.write(`you said ${attack}\n`);
  });
}

function newSocket(port: number): string {
  const fd = attempt('socket', AF_INET, SOCK_STREAM, 0);
  return fd < 0 ? `socket: ${errnoName(-fd)}` : connect(fd, port);
}

function reuseListener(port: number): string {
  const reset = attempt('connect', listener, address(0, 0), 16);
  return reset < 0 ? `reset: ${errnoName(-reset)}` : connect(listener, port);
}

function connect(fd: number, port: number): string {
  const result = attempt('connect', fd, address(AF_INET, port), 16);
  return result < 0 ? `connect: ${errnoName(-result)}` : 'connected';
}
