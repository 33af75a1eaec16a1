import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { loadPeer } from '../../packages/landward/src/audit/peers.ts';
import { COLUMN_NAMES, COLUMNS } from '../../packages/landward/src/audit/store/columns.ts';
import { csvCell, csvHeader, csvLine } from '../../packages/landward/src/audit/store/csv.ts';
import { Intake } from '../../packages/landward/src/audit/store/intake.ts';
import { exportParquet } from '../../packages/landward/src/audit/store/parquet.ts';
import { openStore } from '../../packages/landward/src/audit/store/store.ts';
import { topLines } from '../../packages/landward/src/audit/store/top.ts';
import { readTime, readUser } from '../../packages/landward/src/audit/store/when.ts';
import { clock, eventLine } from '../../packages/landward/src/audit/store/words.ts';
import { LandwardError } from '../../packages/landward/src/errors.ts';
import { denial } from '../kit/denials.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

// The same cases each time.
fc.configureGlobal({ seed: 20261122 });

/** Reads CSV as RFC 4180 says. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end === '\r\n') rows.push([]);
    if (end === '') break;
  }
  return rows.slice(0, -1);
}

test('CSV has a line a denial, a cell a column, and no cell that a spreadsheet would run', () => {
  fc.assert(
    fc.property(fc.array(denial, { maxLength: 6 }), (events) => {
      const rows = readCsv(csvHeader() + events.map(csvLine).join(''));
      assert.equal(rows.length, events.length + 1);
      assert.deepEqual(rows[0], COLUMN_NAMES);
      for (const row of rows.slice(1)) {
        assert.equal(row.length, COLUMN_NAMES.length);
        for (const cell of row) {
          assert.ok(!/[\p{Cc}\p{Cf}]/u.test(cell), JSON.stringify(cell));
          assert.ok(!/^\s*[=+\-@|%]/.test(cell), cell);
        }
      }
    }),
  );
  for (const sign of ['=', '+', '-', '@', '|', '%', ' =', '\t=', '\uff1d']) {
    const cell = csvCell(`${sign}1+1`);
    assert.ok(cell.startsWith(`"'`) || cell.startsWith('"\\'), cell);
  }
  assert.equal(csvCell('a"b'), '"a""b"');
  assert.equal(csvCell(-5), '-5', 'a number is a number');
});

test('a Parquet file holds the same cells, and appears whole', async (t) => {
  const folder = temporaryDirectory(t);
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(denial, { maxLength: 8 }), async (events) => {
      const file = join(folder, `${number++}.parquet`);
      assert.equal(
        await exportParquet(
          file,
          events.map((event) => ({ event })),
        ),
        events.length,
      );
      const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file) });
      assert.equal(rows.length, events.length);
      for (const [at, event] of events.entries())
        for (const name of COLUMN_NAMES) {
          const expected = COLUMNS[name].of(event);
          const found = rows[at]![name];
          if (expected === null) assert.ok(found === null || found === undefined, name);
          else if (name === 'time')
            assert.equal((found as Date).getTime(), Math.min(8.64e15, Number(expected)));
          else if (typeof expected === 'number') assert.equal(found, BigInt(expected));
          else assert.equal(found, expected.toWellFormed());
        }
    }),
    { numRuns: 25 },
  );
  const old = join(folder, '0.parquet');
  const before = readFileSync(old);
  const failing = (function* () {
    yield { event: { ...fc.sample(denial, 1)[0]!, time: 0 } };
    throw new Error('the store is gone');
  })();
  await assert.rejects(exportParquet(old, failing), /the store is gone/);
  assert.deepEqual(readFileSync(old), before, 'what was there is left');
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('part')),
    [],
  );
});

test('lines and screens hold no control character, whatever programs call themselves', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(denial, { maxLength: 10 }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 60 }),
      async (events, columns, rows) => {
        for (const event of events) assert.match(eventLine(event), /^[^\p{Cc}\p{Cf}]*\n$/u);
        using store = await openStore({ file: ':memory:' });
        const now = Date.now();
        new Intake(store).add(events.map((event) => ({ kind: 'denial', event: { ...event, time: now } })));
        const lines = topLines(store, {}, now, { columns, rows });
        assert.ok(lines.length <= rows);
        for (const line of lines) {
          assert.match(line, /^[^\p{Cc}\p{Cf}]*$/u);
          assert.ok([...line].length <= columns, `${[...line].length} of ${columns}`);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('times are read as people write them', () => {
  const now = Date.UTC(2026, 10, 22, 12, 0, 0);
  assert.equal(readTime('2h', now), now - 7_200_000);
  assert.equal(readTime('now', now), now);
  assert.equal(readTime('2026-11-22T08:30Z', now), Date.UTC(2026, 10, 22, 8, 30));
  assert.equal(readTime('2026-11-22 08:30:15.5+02:00', now), Date.UTC(2026, 10, 22, 6, 30, 15, 500));
  assert.equal(readTime('2026-11-22', now), new Date(2026, 10, 22).getTime());
  assert.equal(readTime('today', now), new Date(now).setHours(0, 0, 0, 0));
  assert.ok(readTime('yesterday', now) < readTime('today', now));
  for (const word of ['', 'tomorrow', '2026-13-01', '2026-02-30T25:00', '5', '-1h', '2h ago'])
    assert.throws(() => readTime(word, now), LandwardError, word);
  assert.equal(clock(Number.NaN), 'no time');
  assert.equal(readUser('0'), 0);
  assert.equal(readUser('root'), 0);
  assert.throws(() => readUser('0x0'), LandwardError);
});

test('a library that is missing is named, another failure is not hidden', async () => {
  const missing = Object.assign(new Error('x'), { code: 'ERR_MODULE_NOT_FOUND' });
  await assert.rejects(
    loadPeer(['a', 'b'], 'Things', () => Promise.reject(missing)),
    (error: unknown) =>
      error instanceof LandwardError && error.code === 'PEER_MISSING' && /a, b/.test(error.message),
  );
  const broken = new Error('broken');
  await assert.rejects(
    loadPeer(['a'], 'Things', () => Promise.reject(broken)),
    broken,
  );
});
