/**
 * Asking the name servers of this machine: one question, each server in turn, answers that belong to the question only.
 *
 * Owns sockets and times. Every question goes out from a port of its own with a number of its own, so that nobody on the
 * way can answer it blindly.
 */

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { isAnswer, type Query, writeQuery } from './message.ts';

const PORT = 53;
const ROUNDS = 2;
const PATIENCE_MS = 2000;
const LENGTH = 2;

/** How a program asked, and how it is asked for it. */
export type Way = 'udp' | 'tcp';

/**
 * Asks name servers.
 *
 * @param resolvers their addresses, in order
 * @returns the first answer that belongs to the question, or `null` where none came in time
 */
export async function askUpstream(
  resolvers: readonly string[],
  query: Query,
  way: Way,
): Promise<Uint8Array | null> {
  for (let round = 0; round < ROUNDS; round++)
    for (const resolver of resolvers) {
      const id = randomInt(0x1_0000);
      const ask = way === 'udp' ? overUdp : overTcp;
      const answer = await ask(resolver, writeQuery(query, id), (bytes) => isAnswer(query, id, bytes));
      if (answer !== null) return answer;
    }
  return null;
}

type Ask = (
  resolver: string,
  question: Uint8Array,
  belongs: (bytes: Uint8Array) => boolean,
) => Promise<Uint8Array | null>;

const overUdp: Ask = (resolver, question, belongs) =>
  new Promise((resolve) => {
    const socket = createSocket(isIPv6(resolver.replace(/%.*/, '')) ? 'udp6' : 'udp4');
    const end = (answer: Uint8Array | null) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), PATIENCE_MS);
    socket.once('error', () => end(null));
    socket.on('message', (bytes) => {
      if (belongs(bytes)) end(Uint8Array.from(bytes));
    });
    socket.connect(PORT, resolver, () => socket.send(question));
  });

const overTcp: Ask = (resolver, question, belongs) =>
  new Promise((resolve) => {
    const socket = connect({ host: resolver, port: PORT });
    let came: Buffer = Buffer.alloc(0);
    const end = (answer: Uint8Array | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), PATIENCE_MS);
    socket.once('error', () => end(null));
    socket.once('close', () => end(null));
    socket.once('connect', () => socket.write(framed(question)));
    socket.on('data', (piece: Buffer) => {
      came = Buffer.concat([came, piece]);
      if (came.length < LENGTH || came.length < LENGTH + came.readUInt16BE(0)) return;
      const answer = came.subarray(LENGTH, LENGTH + came.readUInt16BE(0));
      end(belongs(answer) ? Uint8Array.from(answer) : null);
    });
  });

/** A message as a stream carries it. */
export function framed(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LENGTH + message.length);
  new DataView(bytes.buffer).setUint16(0, message.length);
  bytes.set(message, LENGTH);
  return bytes;
}
