/**
 * A client of a control socket, for tests of who is heard: asks as landward's own commands do, or by hand. Prints the answer as
 * one line of JSON.
 *
 *     node control-client.ts ask STEM RUN           as landward layer would
 *     node control-client.ts by-hand PATH           connects to a path and does the same
 *     node control-client.ts inherited PROOF        speaks on a connection that it was started with, as descriptor 0
 *     node control-client.ts wrong-proof STEM RUN
 */

import { readlinkSync, writeSync } from 'node:fs';
import { connect, Socket } from 'node:net';
import type { KnownRun } from '../../packages/landward/src/audit/registry/read.ts';
import { askRun } from '../../packages/landward/src/launch/control/client.ts';

const [mode, where = '', run = ''] = process.argv.slice(2);

function tell(value: unknown): never {
  writeSync(1, `${JSON.stringify(value)}\n`);
  process.exit(0);
}

function request(proof: string): string {
  return `${JSON.stringify({ version: 1, proof, request: { op: 'list' } })}\n`;
}

function proofOf(line: string): string {
  const { pid, fd } = JSON.parse(line) as { readonly pid: number; readonly fd: number };
  return readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/^\/memfd:landward:([0-9a-f]+) .*/, '$1');
}

function byHand(socket: Socket, proof: (greeting: string) => string): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.on('error', (error) => tell({ error: String(error) }));
  socket.on('close', () => tell({ closed: true }));
  socket.on('data', (piece: string) => {
    text += piece;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      if ('ok' in JSON.parse(line)) tell(JSON.parse(line));
      try {
        socket.write(request(proof(line)));
      } catch (error) {
        tell({ error: String(error) });
      }
    }
  });
}

switch (mode) {
  case 'ask': {
    const known = { record: { id: run }, stem: where } as KnownRun;
    await askRun(known, { op: 'list' }).then(
      (value) => tell({ ok: true, value }),
      (error) => tell({ ok: false, message: String(error) }),
    );
    break;
  }
  case 'by-hand':
    byHand(connect(where), proofOf);
    break;
  case 'wrong-proof':
    byHand(connect(`${where}.control`), () => '0'.repeat(32));
    break;
  case 'inherited': {
    const socket = new Socket({ fd: 0 });
    byHand(socket, () => '');
    socket.write(request(where));
  }
}
