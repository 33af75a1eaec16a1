/** Who holds a UNIX address is told by cookie: numbers that the kernel gives once, as the socket itself tells it. */

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attempt } from '../../packages/landward/src/kernel/call.ts';
import { OwnSockets } from '../../packages/landward/src/supervisor/sockets/own.ts';
import { holdersOf } from '../../packages/landward/src/supervisor/sockets/peers.ts';
import { cookieOf } from '../../packages/landward/src/supervisor/sockets/socket.ts';
import { encodeSockaddr } from '../../packages/landward/src/uapi/sockaddr.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

test('the kernel’s list and the socket agree on the cookie, by path and by abstract name', async (t) => {
  const path = join(temporaryDirectory(t, 'holders'), 'socket');
  const abstract = new TextEncoder().encode(`landward-holders-${process.pid}`);
  const fds = [0, 1].map(() => attempt('socket', 1, 1, 0));
  t.after(() => fds.map((fd) => attempt('close', fd)));
  const addresses = [
    encodeSockaddr({ family: 'unix', path: new TextEncoder().encode(path) }),
    encodeSockaddr({ family: 'unix', abstract }),
  ];
  for (const [index, address] of addresses.entries())
    assert.equal(attempt('bind', fds[index]!, address, address.length), 0);
  const { dev, ino } = statSync(path, { bigint: true });
  const own = new OwnSockets();
  own.add(cookieOf(fds[0]!));
  for (const [index, holders] of [holdersOf({ dev, ino }), holdersOf({ abstract })].entries()) {
    assert.deepEqual(
      holders.map(({ cookie }) => cookie),
      [cookieOf(fds[index]!)],
    );
    assert.equal(own.holdsAll(holders), index === 0);
  }
  own.add(null);
  assert.equal(own.holdsAll([]), false, 'an address that nobody holds is nobody’s own');
  // A stranger on the same inode number is a stranger.
  assert.equal(own.holdsAll([{ cookie: cookieOf(fds[0]!)! + 1n }]), false);
});
