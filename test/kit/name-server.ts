/**
 * A name server for tests: answers from a table, over UDP and TCP, and remembers what it was asked. Written apart from
 * landward's own reading of messages, so that a mistake in one is not made in the other.
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** What a name has. */
export interface Zone {
  readonly [name: string]: {
    readonly a?: readonly string[];
    readonly aaaa?: readonly string[];
    readonly alias?: string;
  };
}

export interface TestNameServer {
  /** Every question, as `NAME TYPE`, in order. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

const TYPES: Readonly<Record<number, 'a' | 'aaaa'>> = { 1: 'a', 28: 'aaaa' };

function nameBytes(name: string): number[] {
  return [...name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]), 0];
}

function addressBytes(address: string): number[] {
  if (!address.includes(':')) return address.split('.').map(Number);
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').map((part) => Number.parseInt(part, 16));
  const [left, right] = [groups(head), groups(tail)];
  const all = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  return all.flatMap((group) => [group >> 8, group & 0xff]);
}

function record(owner: string, type: number, ttl: number, data: number[]): number[] {
  return [
    ...nameBytes(owner),
    0,
    type,
    0,
    1,
    0,
    0,
    ttl >> 8,
    ttl & 0xff,
    data.length >> 8,
    data.length & 0xff,
    ...data,
  ];
}

/** Starts a name server on port 53 of an address of this machine. */
export async function startNameServer(address: string, zone: Zone, ttl = 60): Promise<TestNameServer> {
  const asked: string[] = [];
  const answer = (query: Buffer): Buffer => {
    const labels: string[] = [];
    let at = 12;
    while (query[at] !== 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
      at += query[at]! + 1;
    }
    const name = labels.join('.').toLowerCase();
    const type = query.readUInt16BE(at + 1);
    asked.push(`${name} ${type}`);
    const answers: number[][] = [];
    let owner = name;
    for (let alias = zone[owner]?.alias; alias !== undefined; alias = zone[owner]?.alias) {
      answers.push(record(owner, 5, ttl, nameBytes(alias)));
      owner = alias;
    }
    const kind = TYPES[type];
    for (const one of (kind === undefined ? undefined : zone[owner]?.[kind]) ?? [])
      answers.push(record(owner, type, ttl, addressBytes(one)));
    const rcode = zone[owner] === undefined ? 3 : 0;
    const header = [query[0]!, query[1]!, 0x81, 0x80 | rcode, 0, 1, 0, answers.length, 0, 0, 0, 0];
    return Buffer.from([...header, ...query.subarray(12, at + 5), ...answers.flat()]);
  };
  const udp = createSocket('udp4');
  udp.on('message', (query, from) => udp.send(answer(query), from.port, from.address));
  udp.bind(53, address);
  const tcp = createServer((stream) => {
    stream.on('error', () => {});
    stream.on('data', (bytes: Buffer) => {
      const reply = answer(bytes.subarray(2));
      stream.write(Buffer.from([reply.length >> 8, reply.length & 0xff, ...reply]));
    });
  });
  tcp.listen(53, address);
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
  return {
    asked,
    close: async () => {
      udp.close();
      tcp.close();
      await once(tcp, 'close');
    },
  };
}
