/**
 * The flip attacks on socket calls: where a call goes is exchanged while it is decided. Each runs against the supervisor and
 * against one that only looks, which must be broken: else the attack proves nothing.
 *
 * Owns the list and how one is run; the attackers are `test/fixtures/socket-flips.c`.
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { anyHost, byAddress, layerOf, netRule, unixRule } from '../kit/net-rules.ts';
import { supervised } from '../kit/supervised.ts';

/** The attacks, by the name that the attacker knows. */
export const SOCKET_FLIPS = [
  'address-connect',
  'address-send',
  'message-name',
  'messages-name',
  'descriptor',
  'socket-path',
] as const;
export type SocketFlip = (typeof SOCKET_FLIPS)[number];

/** What became of the attempts. */
export interface Outcome {
  readonly passed: number;
  readonly refused: number;
  readonly escaped: number;
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

async function listen(path: string) {
  const server = createServer((stream) => void stream.on('error', () => {}).destroy());
  server.listen(path);
  await once(server, 'listening');
  return server;
}

/**
 * Runs an attack.
 *
 * @param program the compiled attackers
 * @param control whether against the supervisor that only looks
 */
export async function runSocketFlip(
  flip: SocketFlip,
  program: string,
  attempts: number,
  control = false,
): Promise<Outcome> {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'landward-flip-')));
  const servers = await Promise.all(['open', 'shut'].map((name) => listen(join(top, `${name}.sock`))));
  try {
    const [open, shut] = [await freePort(), await freePort()];
    const rules = [
      netRule('allow', 'net.connect_send_udp', byAddress('127.0.0.1'), open),
      netRule('allow', 'net.bind_udp', anyHost, 0),
      unixRule('allow', 'connect', join(top, 'open.sock')),
    ];
    const worker = new URL('./sockets-look-then-continue.ts', import.meta.url).pathname;
    const result = await supervised(
      {
        layers: [layerOf(['net', 'unix'], rules)],
        groups: ['connect', 'bind', 'send'],
        ...(control ? { worker } : {}),
      },
      [program, flip, `${attempts}`, `${open}`, `${shut}`],
      { cwd: top, timeout: 3_600_000 },
    );
    const told = /^(\d+) passed, (\d+) refused, (\d+) escaped, \d+ flips$/m.exec(result.stdout);
    if (told === null || result.defects.length > 0)
      throw new Error(
        `${flip}: ${result.stdout}${result.stderr}${result.killed}${result.defects.join('\n')}`,
      );
    const [passed, refused, escaped] = told.slice(1).map(Number) as [number, number, number];
    return { passed, refused, escaped };
  } finally {
    for (const server of servers) server.close();
    rmSync(top, { recursive: true, force: true });
  }
}
