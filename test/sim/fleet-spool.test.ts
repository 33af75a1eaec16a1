import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { lockFolder } from '../../packages/landward/src/audit/fleet/lock.ts';
import { backoff, shipAll } from '../../packages/landward/src/audit/fleet/ship.ts';
import {
  type Batch,
  judgeStatus,
  type Outcome,
  type Sink,
} from '../../packages/landward/src/audit/fleet/sink.ts';
import { Spool, sinkCounts } from '../../packages/landward/src/audit/fleet/spool.ts';
import { setBounds } from '../../packages/landward/src/audit/store/bounds.ts';
import { Intake } from '../../packages/landward/src/audit/store/intake.ts';
import { openStore, type Store } from '../../packages/landward/src/audit/store/store.ts';
import { LandwardError } from '../../packages/landward/src/errors.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

// The same cases each time.
fc.configureGlobal({ seed: 20261122 });

const LIMITS = { size: 1 << 20, batch: 3 };
let serial = 0;
const add = (store: Store, count: number, time = Date.now()) =>
  new Intake(store).add(
    Array.from({ length: count }, () => ({
      kind: 'denial' as const,
      event: {
        source: 'audit' as const,
        effect: 'denied' as const,
        time,
        serial: serial++,
        missing: ['fs.read_file'],
        object: { kind: 'path' as const, path: '/secret-canary' },
      },
    })),
  );

/** A receiver that answers as it is told, and keeps what it accepted. */
function receiver(
  answers: () => Outcome['kind'],
): Sink & { readonly got: Batch[]; readonly seen: Set<number> } {
  const got: Batch[] = [];
  const seen = new Set<number>();
  return {
    name: 'test',
    got,
    seen,
    send(batch) {
      const kind = answers();
      if (kind !== 'accepted') return Promise.resolve({ kind, why: 'told so' });
      got.push(batch);
      for (const { seq } of batch.records) seen.add(seq);
      return Promise.resolve({ kind });
    },
    close: () => Promise.resolve(),
  };
}

/** Every denial is in exactly one account. */
function balance(store: Store, added: number) {
  const [counts] = sinkCounts(store);
  const { sent, rejected, lost, gone, waiting } = counts!;
  assert.equal(sent + rejected + lost + gone + waiting, added, JSON.stringify(counts));
  return counts!;
}

test('whatever fails, crashes, disappears or is thrown away: every denial is in exactly one account', async (t) => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), count: fc.integer({ min: 1, max: 8 }) }),
    fc.record({
      do: fc.constant('ship' as const),
      answers: fc.array(fc.constantFrom('accepted' as const, 'later' as const, 'rejected' as const), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
    fc.record({ do: fc.constant('restart' as const) }),
    fc.record({ do: fc.constant('remove' as const) }),
    fc.record({ do: fc.constant('unaccounted' as const) }),
    fc.record({ do: fc.constant('prune' as const) }),
  );
  const place = temporaryDirectory(t);
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const folder = join(place, String(round++));
      using store = await openStore({ file: ':memory:' });
      let spool = new Spool(store, 'test', folder, LIMITS, []);
      let added = 0;
      const seen = new Set<number>();
      for (const each of steps) {
        if (each.do === 'add') added += add(store, each.count).added;
        if (each.do === 'ship') {
          const answers = [...each.answers];
          const sink = receiver(() => answers.shift() ?? 'later');
          const { sent } = await shipAll(spool, sink);
          assert.equal(
            sent,
            sink.got.reduce((sum, { records }) => sum + records.length, 0),
          );
          for (const seq of sink.seen) {
            assert.ok(!seen.has(seq), 'sent twice without a crash');
            seen.add(seq);
          }
        }
        if (each.do === 'restart') spool = new Spool(store, 'test', folder, LIMITS, []);
        if (each.do === 'remove') {
          for (const file of readdirSync(folder).slice(0, 1)) rmSync(join(folder, file));
          spool = new Spool(store, 'test', folder, LIMITS, []);
        }
        if (each.do === 'unaccounted') {
          // A crash between writing the file and the account of it.
          writeFileSync(join(folder, `${'9'.repeat(16)}-${'9'.repeat(16)}-5.json`), '[]');
          writeFileSync(join(folder, 'x.json.part'), '[');
          spool = new Spool(store, 'test', folder, LIMITS, []);
        }
        if (each.do === 'prune') {
          await new Promise((resume) => setTimeout(resume, 1));
          store.prepare('DELETE FROM meta WHERE key = ?').run('floor');
          setBounds(store, { age: 60_000 });
          store
            .prepare('UPDATE event SET time = 0 WHERE id IN (SELECT id FROM event ORDER BY id LIMIT 2)')
            .run();
          setBounds(store, { age: 60_000 });
          store.prepare('DELETE FROM meta WHERE key = ?').run('floor');
        }
        const counts = balance(store, added);
        assert.equal(counts.sent, seen.size);
      }
    }),
    { numRuns: 120 },
  );
});

test('a batch that the receiver got before a crash comes again with the same name and content', async (t) => {
  const folder = temporaryDirectory(t);
  using store = await openStore({ file: ':memory:' });
  add(store, 5);
  const first = new Spool(store, 'test', folder, LIMITS, []);
  first.fill();
  const before = first.next()!;
  // The receiver has it, and landward dies before it writes that down.
  const after = new Spool(store, 'test', folder, LIMITS, []).next()!;
  assert.deepEqual(after, before);
  assert.equal(before.records.length, 3);
  const sink = receiver(() => 'accepted');
  await shipAll(new Spool(store, 'test', folder, LIMITS, []), sink);
  assert.deepEqual([...sink.seen], [1, 2, 3, 4, 5]);
  assert.deepEqual(readdirSync(folder), []);
});

test('a full spool takes nothing more from the store; only what the store throws away meanwhile is lost, and counted', async (t) => {
  const folder = temporaryDirectory(t);
  using store = await openStore({ file: ':memory:' });
  add(store, 50);
  const spool = new Spool(store, 'test', folder, { size: 1024, batch: 3 }, []);
  const taken = spool.fill();
  assert.ok(taken >= 3 && taken < 50, `${taken} are in the spool`);
  assert.equal(spool.fill(), 0);
  const bytes = readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  assert.ok(bytes < 1024 + 2000, `${bytes} bytes wait`);
  store.prepare('UPDATE event SET time = 0').run();
  setBounds(store, { age: 60_000 });
  const counts = balance(store, 50);
  assert.equal(counts.lost, 50 - taken);
  const sink = receiver(() => 'accepted');
  await shipAll(spool, sink);
  assert.equal(sink.seen.size, taken, 'what was in the spool is sent although the store has forgotten it');
});

test('the spool holds nothing that may not leave, for its owner alone', async (t) => {
  const folder = join(temporaryDirectory(t), 'spool');
  using store = await openStore({ file: ':memory:' });
  add(store, 3);
  new Spool(store, 'test', folder, LIMITS, []).fill();
  const [file] = readdirSync(folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(join(folder, file!)).mode & 0o777, 0o600);
  assert.ok(!readFileSync(join(folder, file!), 'utf8').includes('canary'));
  const told = new Spool(store, 'open', `${folder}2`, LIMITS, ['path']);
  told.fill();
  assert.equal(told.next()!.records[0]!.path, '/secret-canary');
});

test('one process works on a spool at a time', async (t) => {
  const folder = temporaryDirectory(t);
  {
    using _ = await lockFolder(folder);
    await assert.rejects(
      lockFolder(folder),
      (error: unknown) => error instanceof LandwardError && error.code === 'STORE',
    );
  }
  using _ = await lockFolder(folder);
});

test('only an answer that says the content is wrong ends a batch', () => {
  for (const status of [400, 413, 415, 422]) assert.equal(judgeStatus(status).kind, 'rejected');
  for (const status of [301, 401, 403, 404, 408, 429, 500, 503])
    assert.equal(judgeStatus(status).kind, 'later');
  for (const status of [200, 202, 204]) assert.equal(judgeStatus(status).kind, 'accepted');
});

test('failures make it wait longer and longer, within bounds, and not all hosts alike', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (failures, random) => {
        const wait = backoff(failures, random);
        assert.ok(wait >= 500 && wait <= 300_000);
        assert.ok(backoff(failures + 1, random) >= wait);
      },
    ),
  );
  assert.notEqual(backoff(5, 0), backoff(5, 1));
});
