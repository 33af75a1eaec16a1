/** UNIX sockets under the kernel's own scope: a stream is checked when it connects, a datagram when it connects and when it names another. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs, root } from '../kit/needs.ts';

test(
  'streams and datagrams, connected before and after, sending to the peer and to another [R-000-19, R-000-22]',
  needs({ abi: 6, tools: ['python3'] }),
  () => {
    const run = spawnSync('python3', [join(root, 'test/fixtures/unix-consistency.py')], { encoding: 'utf8' });
    assert.equal(run.stderr, '');
    assert.deepEqual(run.stdout.trim().split('\n'), [
      'stream before send ok',
      'stream before sendto-same EISCONN',
      'stream before sendto-other EISCONN',
      'stream after connect EPERM',
      'stream after send ENOTCONN',
      'stream after sendto-same ENOTSUP',
      'stream after sendto-other ENOTSUP',
      'dgram before send ok',
      // Where it is connected to, an address changes nothing.
      'dgram before sendto-same ok',
      'dgram before sendto-other EPERM',
      'dgram after connect EPERM',
      'dgram after send ENOTCONN',
      'dgram after sendto-same EPERM',
      'dgram after sendto-other EPERM',
    ]);
  },
);
