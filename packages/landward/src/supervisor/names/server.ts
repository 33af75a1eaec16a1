/**
 * Landward's name server on the loopback interface: UDP and TCP, IPv4 and, where there is any, IPv6, on one port.
 *
 * Owns sockets and limits. Answers come from `answer.ts`.
 */

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket as Stream } from 'node:net';
import { type Query, RCODE, readQuery, writeRefusal } from './message.ts';
import { framed, type Way } from './upstream.ts';

const IDLE_MS = 10_000;
/** Questions that wait for an answer at once; more are told to come again. */
const MOST_OPEN = 512;
const TRIES = 8;
/** Connections at once, and bytes of answers that nobody takes, before a connection is ended. */
const MOST_STREAMS = 256;
const MOST_UNREAD = 256 * 1024;

/** Answers one question. */
export type Answer = (query: Query, way: Way, from: number) => Promise<Uint8Array>;

/** A name server that runs. */
export interface NameServer {
  readonly port: number;
  close(): void;
}

/** Opens a name server on a free port. @throws the error of the last try */
export async function openServer(answer: Answer): Promise<NameServer> {
  let failure: unknown;
  for (let tries = 0; tries < TRIES; tries++) {
    const open: { close(): unknown }[] = [];
    try {
      return await openOn(limited(answer), open);
    } catch (error) {
      // The port may be taken for one of the other protocols.
      failure = error;
      for (const socket of open) socket.close();
    }
  }
  throw failure;
}

async function openOn(answer: Answer, open: { close(): unknown }[]): Promise<NameServer> {
  const tcp = await streamServer('127.0.0.1', 0, answer);
  open.push(tcp);
  const { port } = tcp.address() as { readonly port: number };
  open.push(await datagramServer('udp4', '127.0.0.1', port, answer));
  try {
    open.push(await streamServer('::1', port, answer), await datagramServer('udp6', '::1', port, answer));
  } catch (error) {
    // Without IPv6 nobody can ask by it.
    if (!['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  return {
    port,
    close: () => {
      for (const socket of open.splice(0)) socket.close();
    },
  };
}

function limited(answer: Answer): Answer {
  let waiting = 0;
  return async (query, way, from) => {
    if (waiting >= MOST_OPEN) return writeRefusal(query, RCODE.serverFailure);
    waiting++;
    try {
      return await answer(query, way, from);
    } catch {
      // Whatever went wrong, the program gets an answer, and not one that opens anything.
      return writeRefusal(query, RCODE.serverFailure);
    } finally {
      waiting--;
    }
  };
}

async function datagramServer(
  type: 'udp4' | 'udp6',
  address: string,
  port: number,
  answer: Answer,
): Promise<Socket> {
  const socket = createSocket(type);
  socket.on('message', async (bytes, from) => {
    const query = readQuery(bytes);
    if (query === null) return;
    const reply = await answer(query, 'udp', from.port);
    // The asker may be gone, and so may this server.
    try {
      socket.send(reply, from.port, from.address, () => {});
    } catch {}
  });
  socket.bind(port, address);
  await once(socket, 'listening');
  socket.on('error', () => {});
  return socket;
}

async function streamServer(host: string, port: number, answer: Answer): Promise<Server> {
  const server = createServer((stream) => serveStream(stream, answer));
  server.maxConnections = MOST_STREAMS;
  server.listen(port, host);
  await once(server, 'listening');
  server.on('error', () => {});
  return server;
}

function serveStream(stream: Stream, answer: Answer): void {
  let came: Buffer = Buffer.alloc(0);
  const from = stream.remotePort ?? 0;
  stream.unref();
  stream.setTimeout(IDLE_MS, () => stream.destroy());
  stream.on('error', () => stream.destroy());
  stream.on('data', async (piece: Buffer) => {
    came = Buffer.concat([came, piece]);
    while (came.length >= 2 && came.length >= 2 + came.readUInt16BE(0)) {
      const message = came.subarray(2, 2 + came.readUInt16BE(0));
      came = came.subarray(2 + message.length);
      const query = readQuery(message);
      if (query === null) return void stream.destroy();
      stream.write(framed(await answer(query, 'tcp', from)));
      if (stream.writableLength > MOST_UNREAD) return void stream.destroy();
    }
  });
}
