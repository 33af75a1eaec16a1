/** The registry of runs: what is written is read, crashes cut at most a line, bounds hold, and strangers' places are refused. */

import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  bootId,
  findRuns,
  isAlive,
  lastDenied,
  layersOfRun,
  listRuns,
  readDenials,
  startTime,
} from '../../packages/landward/src/audit/registry/read.ts';
import type { RunRecord } from '../../packages/landward/src/audit/registry/record.ts';
import { KEPT, RunWriter } from '../../packages/landward/src/audit/registry/write.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'landward-registry-'));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

const event: DenialEvent = {
  source: 'supervisor',
  effect: 'denied',
  time: 5,
  missing: ['fs.read_file'],
  object: { kind: 'path', path: '/x\n', ino: 7n },
};

const recordOf = (id: string, time = Date.now()): RunRecord => ({
  version: 1,
  id: id.padEnd(16, '0'),
  time,
  uid: 0,
  pid: process.pid,
  started: startTime(process.pid)!,
  boot: bootId(),
  command: ['cat', '/x'],
  cwd: '/',
  mode: 'supervisor',
  digest: 'd',
  words: ['-p', 'a.toml'],
  files: ['/a.toml'],
  policy: 'k1',
  abi: 7,
  noNewPrivs: true,
});

const layers = [{ kind: 'grant', name: 'a', categories: ['fs'], rules: [] }] as const;

test('a run is read as it was written, with its denials, layers and end', () => {
  using writer = RunWriter.begin(state, recordOf('aa'), layers);
  writer.denied([event, event]);
  assert.equal(findRuns(state, 'aa')[0]!.end, undefined);
  writer.ended({ time: 9, status: 3 });
  const [run] = findRuns(state, 'aa');
  assert.deepEqual(run!.record.command, ['cat', '/x']);
  assert.deepEqual(run!.end, { time: 9, status: 3, denials: 2, dropped: 0 });
  assert.deepEqual(
    [...readDenials(run!)].map((item) => item.kind === 'denial' && item.event),
    [event, event],
  );
  assert.deepEqual(layersOfRun(state, run!.record), layers);
  assert.equal(layersOfRun(state, { policy: '../x' }), null);
  assert.ok(isAlive(run!.record));
  assert.ok(!isAlive({ ...run!.record, started: '1' }));
  assert.ok(!isAlive({ ...run!.record, boot: 'x' }));
});

test('the newest comes first, and the last with denials is found behind one without', () => {
  using old = RunWriter.begin(state, recordOf('01', 1000 + Date.now()), layers);
  old.denied([event]);
  using _quiet = RunWriter.begin(state, recordOf('02', 2000 + Date.now()), layers);
  assert.deepEqual(
    [...listRuns(state)].map(({ record }) => record.id.slice(0, 2)),
    ['02', '01'],
  );
  assert.equal(lastDenied(state)!.record.id.slice(0, 2), '01');
});

test('what a crash cut is told, and a cut record is no run', () => {
  using writer = RunWriter.begin(state, recordOf('aa'), layers);
  writer.denied([event]);
  const [run] = listRuns(state);
  appendFileSync(`${run!.stem}.denials`, '{"version":1,"sour');
  assert.deepEqual(
    [...readDenials(run!)].map((item) => (item.kind === 'loss' ? item.what : item.kind)),
    ['denial', 'truncated'],
  );
  writeFileSync(`${run!.stem}.run`, '{"version":1,"id"');
  assert.deepEqual([...listRuns(state)], []);
});

test('bounds: denials beyond the limit are counted, old and many runs are removed', () => {
  using writer = RunWriter.begin(state, recordOf('aa'), layers);
  for (let sent = 0; sent < KEPT.denials + 500; sent += 500) writer.denied(Array(500).fill(event));
  writer.ended({ time: 1, signal: 'SIGKILL' });
  const [run] = listRuns(state);
  const items = [...readDenials(run!)];
  assert.equal(items.filter(({ kind }) => kind === 'denial').length, KEPT.denials);
  assert.deepEqual(items.at(-1), {
    kind: 'loss',
    source: 'supervisor',
    what: 'lost',
    count: 500,
    reason: 'more denials than are kept of one run',
  });
  using _later = RunWriter.begin(state, recordOf('bb', Date.now() + KEPT.milliseconds + 60_000), layers);
  assert.deepEqual(
    [...listRuns(state)].map(({ record }) => record.id.slice(0, 2)),
    ['bb'],
  );
  assert.equal(readdirSync(join(state, 'runs')).length, 1);
});

test('files are the owner’s alone, and a place that others may write is refused', () => {
  using _writer = RunWriter.begin(state, recordOf('aa'), layers);
  for (const name of readdirSync(join(state, 'runs')))
    assert.equal(statSync(join(state, 'runs', name)).mode & 0o777, 0o600);
  chmodSync(join(state, 'runs'), 0o777);
  assert.throws(() => RunWriter.begin(state, recordOf('bb'), layers), { code: 'STORE' });
});
