/**
 * Host names in policies: real programs, real packets, a name server in a network of its own. The cases are in
 * `supervisor-net/names.ts`, which runs there.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../kit/needs.ts';
import { inOwnNetwork, lacksOwnNetwork } from '../kit/own-network.ts';

const addresses = [53, 10, 11, 12, 20, 99].map((host) => `203.0.113.${host}/32`);
const need = needs({ tools: ['unshare', 'ip', 'mount', 'curl', 'python3', 'getent'] });
const lack = need.skip ?? (await lacksOwnNetwork());

test('names of hosts, in a network of their own', lack === undefined ? {} : { skip: lack }, async () => {
  const result = await inOwnNetwork(join(import.meta.dirname, 'supervisor-net/names.ts'), {
    addresses: [...addresses, '10.1.2.3/32', '2001:db8::10/128'],
    resolv: 'search example.com\nnameserver 203.0.113.53\noptions timeout:3 attempts:1\n',
    hosts: '127.0.0.1 localhost\n203.0.113.20 hosted.example.com\n',
  });
  assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
  // No case may vanish unseen.
  assert.match(result.stdout, /# pass 1[0-9]/);
});
