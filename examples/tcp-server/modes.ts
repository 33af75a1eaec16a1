/**
 * A TCP server in five steps (make a socket, bind it, confine itself, listen, accept) that confines itself with Landlock's own
 * three calls and grants itself nothing: no binding, no connecting. Then its client plays an attacker who has taken it over:
 *
 *     s   makes a new socket and connects it to a service
 *     r   dissolves the listener (connect with AF_UNSPEC) and connects it to the service
 *     d   shuts the listener down, which dissolves it too, and connects it to the service
 *
 *     node -C landward-source examples/tcp-server/modes.ts [--lock] [--move] [--scope] [--of-socket] [--open]
 *     landward run --landlock=user --sockets=MODE -- node -C landward-source examples/tcp-server/modes.ts
 *
 * On the kernel as such it shows the mode `caller`. The options ask landward for more, which the kernel does not know:
 * lock the listener, give it the server's own credential, keep tasks from aiming sockets of others, bind the layer to sockets.
 * `--open` leaves the restriction out, to show that the attacks are real. Client and service are threads that began
 * before, so that one process plays it all.
 */

import { writeSync } from 'node:fs';
import { createServer, connect as netConnect } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { attempt, call } from '../../packages/landward/src/kernel/call.ts';
import { errnoName } from '../../packages/landward/src/uapi/errno.ts';
import { LANDWARD, PR_LANDWARD, RULESET_SOCKETS } from '../../packages/landward/src/uapi/landward.ts';

const AF = { UNSPEC: 0, INET: 2 } as const;
const SOCK_STREAM = 1;
const SHUT_RD = 0;
const PR_SET_NO_NEW_PRIVS = 38;
/** Bits of `handled_access_net`: binding and connecting TCP. */
const BIND_AND_CONNECT = 3n;

/** A `struct sockaddr_in` for 127.0.0.1. */
function address(family: number, port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  view.setUint32(4, 0x7f000001);
  return bytes;
}

const outcome = (result: number, well: string) => (result < 0 ? errnoName(-result) : well);

function confine(): void {
  const attributes = new BigUint64Array([0n, BIND_AND_CONNECT]);
  const ruleset = call('make a ruleset', 'landlock_create_ruleset', attributes, 16, 0);
  const says = [
    ...(process.argv.includes('--scope') ? [RULESET_SOCKETS.RECONFIGURE] : []),
    ...(process.argv.includes('--of-socket') ? [RULESET_SOCKETS.SUBJECT_SOCKET] : []),
  ];
  for (const flags of says)
    call('say what holds for sockets', 'prctl', PR_LANDWARD, LANDWARD.RULESET_SOCKETS, ruleset, flags, 0);
  call('give privileges up', 'prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  call('confine this thread', 'landlock_restrict_self', ruleset, 0);
}

function attackOf(word: string, listener: number, target: number): string {
  const to = address(AF.INET, target);
  const reach = (fd: number) => `connect: ${outcome(attempt('connect', fd, to, 16), 'taken over')}`;
  if (word === 's') return reach(call('make a socket', 'socket', AF.INET, SOCK_STREAM, 0));
  const dissolved =
    word === 'r'
      ? attempt('connect', listener, address(AF.UNSPEC, 0), 16)
      : attempt('shutdown', listener, SHUT_RD);
  return dissolved < 0 ? `dissolve: ${errnoName(-dissolved)}` : reach(listener);
}

function serve(): void {
  const listener = call('make a socket', 'socket', AF.INET, SOCK_STREAM, 0);
  call('bind it', 'bind', listener, address(AF.INET, 0), 16);
  const bound = address(AF.INET, 0);
  call('look at the port', 'getsockname', listener, bound, Uint32Array.of(16));
  const { target, ready } = startClient(new DataView(bound.buffer).getUint16(2));
  // The scope keeps a task from making a socket of before listen, too: then that comes first.
  if (process.argv.includes('--scope')) call('listen', 'listen', listener, 8);
  if (!process.argv.includes('--open')) confine();
  if (process.argv.includes('--move'))
    call('give the listener its credential', 'prctl', PR_LANDWARD, LANDWARD.SOCKET_MOVE, listener, 0, 0);
  if (!process.argv.includes('--scope')) call('listen', 'listen', listener, 8);
  if (process.argv.includes('--lock'))
    call('lock the listener', 'prctl', PR_LANDWARD, LANDWARD.SOCKET_LOCK, listener, 0, 0);
  ready();
  const connection = call('accept', 'accept4', listener, null, null, 0);
  const word = new Uint8Array(1);
  while (attempt('recvfrom', connection, word, 1, 0, null, null) === 1) {
    const said = String.fromCharCode(word[0]!);
    const answer = said === 'h' ? 'hello yourself' : attackOf(said, listener, target());
    const bytes = new TextEncoder().encode(answer);
    call('answer', 'sendto', connection, bytes, bytes.length, 0, null, 0);
    // For the next attacker, the listener is what it was, as far as it may be that.
    if ('rd'.includes(said)) {
      attempt('connect', listener, address(AF.UNSPEC, 0), 16);
      attempt('listen', listener, 8);
    }
  }
  process.exit(0);
}

interface Client {
  /** The port of the service that attackers want. */
  target(): number;
  /** Lets the client begin. */
  ready(): void;
}

/** Starts the client in a thread; it must be there before this thread is confined. */
function startClient(port: number): Client {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  new Worker(new URL(import.meta.url), { workerData: { port, shared } });
  Atomics.wait(shared, 0, 0);
  return {
    target: () => shared[0]!,
    ready: () => {
      Atomics.store(shared, 1, 1);
      Atomics.notify(shared, 1);
    },
  };
}

async function client(): Promise<void> {
  const { port, shared } = workerData as { readonly port: number; readonly shared: Int32Array };
  const service = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((listening) => service.listen(0, '127.0.0.1', listening));
  Atomics.store(shared, 0, (service.address() as { port: number }).port);
  Atomics.notify(shared, 0);
  Atomics.wait(shared, 1, 0);
  const socket = netConnect(port, '127.0.0.1');
  for (const word of ['h', 's', 'r', 'd']) {
    socket.write(word);
    const answer = await new Promise((told) => socket.once('data', told));
    // The main thread is busy: what it would print for this one would come late.
    writeSync(1, `${word}  ${answer}\n`);
  }
  socket.end();
  service.close();
  parentPort?.close();
}

if (isMainThread) serve();
else await client();
