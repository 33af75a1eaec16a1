/** The registry of sockets: what it knows, what it concludes from not knowing, and how much it keeps. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SocketIdentities } from '../../packages/landward/src/supervisor/sockets/identity.ts';

test('a socket is inside where its making was told, and outside else', () => {
  using sockets = new SocketIdentities<string>();
  sockets.made(1n, 11n, 'a');
  assert.deepEqual(sockets.of(1n), { kind: 'inside', creator: 'a' });
  assert.deepEqual(sockets.of(2n), { kind: 'outside' });
});

test('who made a socket is forgotten with its last holder, that it was made inside never', () => {
  const held = new Set<bigint>();
  using sockets = new SocketIdentities<number>({ sweepAt: 3, held: () => held });
  for (const at of [1n, 2n, 3n]) sockets.made(at, at + 10n, Number(at));
  held.add(13n);
  sockets.made(4n, 14n, 4);
  assert.deepEqual(sockets.of(3n), { kind: 'inside', creator: 3 }, 'held ones stay');
  assert.deepEqual(sockets.of(1n), { kind: 'unknown' }, 'a forgotten one is not taken for one from outside');
  assert.deepEqual(
    sockets.of(999n),
    { kind: 'outside' },
    'what was never made inside is surely from outside',
  );
  sockets.met(1n, 11n);
  assert.deepEqual(sockets.of(1n), { kind: 'unknown' }, 'meeting it proves nothing');
});

test('the registry stays as small as what is alive, whoever makes millions', () => {
  using sockets = new SocketIdentities<null>({ sweepAt: 64, held: () => new Set() });
  for (let at = 0n; at < 100_000n; at++) sockets.made(at, at, null);
  assert.ok(sockets.size <= 64, `${sockets.size} are remembered`);
  assert.equal(sockets.of(5n).kind, 'unknown');
});

test('a making that nobody told of makes everything unknown that is not known', () => {
  using sockets = new SocketIdentities<number>();
  sockets.made(1n, 1n, 7);
  sockets.lose();
  assert.deepEqual(sockets.of(1n), { kind: 'inside', creator: 7 });
  assert.deepEqual(sockets.of(2n), { kind: 'unknown' });
});

test('what was surely from outside stays so when sight is lost', () => {
  using sockets = new SocketIdentities<number>();
  sockets.met(5n, 50n);
  sockets.lose();
  assert.deepEqual(sockets.of(5n), { kind: 'outside' });
  assert.deepEqual(sockets.of(6n), { kind: 'unknown' });
});
