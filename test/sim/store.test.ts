import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { programOf } from '../../packages/landward/src/audit/event-text.ts';
import type { Loss, SourceItem } from '../../packages/landward/src/audit/sources/source.ts';
import { ownDirectory, stateDirectory } from '../../packages/landward/src/audit/state-directory.ts';
import { floorOf, prunedOf, setBounds, usedBytes } from '../../packages/landward/src/audit/store/bounds.ts';
import type { Filter } from '../../packages/landward/src/audit/store/filter.ts';
import { Intake } from '../../packages/landward/src/audit/store/intake.ts';
import { countEvents, findEvents, lastEvents } from '../../packages/landward/src/audit/store/query.ts';
import { coverageOf, statsOf } from '../../packages/landward/src/audit/store/stats.ts';
import { openStore, type Store } from '../../packages/landward/src/audit/store/store.ts';
import { LandwardError } from '../../packages/landward/src/errors.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { runScript } from '../kit/child.ts';
import { denial } from '../kit/denials.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

// The same cases each time.
fc.configureGlobal({ seed: 20261122 });

const memory = () => openStore({ file: ':memory:' });
const items = (events: readonly DenialEvent[]): readonly SourceItem[] =>
  events.map((event) => ({ kind: 'denial', event }));
const refusal = (code: string) => (error: unknown) => error instanceof LandwardError && error.code === code;

/** A denial with the given parts. */
function event(parts: Partial<DenialEvent> = {}): DenialEvent {
  return {
    source: 'audit',
    effect: 'denied',
    time: 1_700_000_000_000.123,
    serial: 1,
    operation: 'openat',
    missing: ['fs.read_file'],
    object: { kind: 'path', path: '/etc/shadow' },
    domain: { kind: 'kernel', id: 0x1a2b3c4d5n },
    process: { pid: 10, comm: 'cat', exe: '/usr/bin/cat', uid: 1000 },
    ...parts,
  };
}

const tallied = (store: Store) =>
  store.prepare(`SELECT sum(count) AS count FROM tally WHERE "right" = ''`).get()!.count ?? 0;

test('what goes in comes out, whatever programs call themselves; twice is once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(denial, { maxLength: 12 }), async (events) => {
      using store = await memory();
      const first = new Intake(store).add(items(events));
      assert.equal(first.added, events.length, 'repetitions within one reading are denials of their own');
      const found = [...findEvents(store, {}, { order: 'arrival' })].map((each) => each.event);
      assert.deepEqual(found, events);
      const second = new Intake(store).add(items(events));
      assert.deepEqual(second, { added: 0, known: events.length, outside: 0, lost: 0 });
      assert.equal(tallied(store), events.length);
    }),
    { numRuns: 60 },
  );
});

test('one record of the kernel is one denial, whoever passes it on', async () => {
  using store = await memory();
  for (const source of ['audit', 'log', 'journal', 'kmsg'] as const) {
    // The daemon's log has the SYSCALL record beside it, the kernel log may not.
    const process = source === 'kmsg' ? {} : { process: { pid: 10, comm: 'cat' } };
    new Intake(store).add(items([event({ source, ...process })]));
  }
  assert.equal(countEvents(store, {}), 1);
  new Intake(store).add(items([event({ serial: 2 }), event({ time: 1_700_000_000_001.123 })]));
  new Intake(store).add(items([event({ missing: ['fs.write_file'] })]));
  new Intake(store).add(items([event({ domain: { kind: 'kernel', id: 7n } })]));
  assert.equal(countEvents(store, {}), 5, 'serial, time, rights and domain tell records apart');
  new Intake(store).add(items([event({ source: 'supervisor' })]));
  assert.equal(countEvents(store, {}), 6, 'the supervisor speaks for itself');
});

test('filters agree with looking at each denial', async () => {
  const filters: readonly (readonly [Filter, (event: DenialEvent) => boolean])[] = [
    [{ right: ['fs.read_file'] }, ({ missing }) => missing.includes('fs.read_file')],
    [{ right: ['net.', 'ptrace'] }, ({ missing }) => missing.some((right) => /^(net\.|ptrace$)/.test(right))],
    [{ effect: ['observed', 'hidden'] }, ({ effect }) => effect !== 'denied'],
    [{ source: ['supervisor'] }, ({ source }) => source === 'supervisor'],
    [{ run: ['0123456789ABCDEF'] }, ({ run }) => run === '0123456789abcdef'],
    [{ policy: ['sha256:ababab'] }, ({ digest }) => digest !== undefined],
    [{ policy: ['acacac'] }, () => false],
    [{ domain: ['12.0'] }, ({ domain }) => domain?.kind === 'user' && domain.id === '12.0'],
    [{ since: 4e15 }, ({ time }) => Math.round(time * 1000) >= 4e18 || time >= 4e15],
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(denial, { maxLength: 15 }), async (events) => {
      using store = await memory();
      new Intake(store).add(items(events.map((each) => ({ ...each, time: Math.min(each.time, 8e12) }))));
      const all = [...findEvents(store, {})].map((each) => each.event);
      for (const [filter, holds] of filters)
        assert.equal(countEvents(store, filter), all.filter(holds).length, JSON.stringify(filter));
    }),
    { numRuns: 40 },
  );
});

test('paths are found by globs, programs by name, users by number, time by both ends', async () => {
  using store = await memory();
  const paths = ['/home/a/.ssh/id_rsa', '/home/a/.ssh', '/home/b/x', '/etc/100%_sure'];
  new Intake(store).add(
    items(
      paths.map((path, index) =>
        event({
          serial: index,
          time: 1000 + index,
          object: index === 2 ? { kind: 'path', path: '/tmp/y', to: path } : { kind: 'path', path },
          process: { pid: 1, comm: `tool${index}`, exe: `/opt/100%_sure/tool${index}`, uid: index },
        }),
      ),
    ),
  );
  const found = (filter: Filter) => [...findEvents(store, filter)].map((each) => each.event.serial);
  assert.deepEqual(found({ path: ['/home/*/.ssh/**'] }), [0, 1]);
  assert.deepEqual(found({ path: ['/home/b/**'] }), [2], 'the other end of a move counts');
  assert.deepEqual(found({ path: ['/home/*/.ssh/**', '/etc/*'] }), [0, 1, 3]);
  assert.deepEqual(found({ program: ['tool2'] }), [2]);
  assert.deepEqual(found({ program: ['/opt/100%_sure/tool0'] }), [0]);
  assert.deepEqual(found({ program: ['100%_sure'] }), [], 'a folder is no program');
  assert.deepEqual(found({ program: ['%'] }), [], 'a sign of SQL is a character');
  assert.deepEqual(found({ uid: [3, 0] }), [0, 3]);
  assert.deepEqual(found({ since: 1001, until: 1003 }), [1, 2]);
  assert.deepEqual(found({ program: ["' OR 1=1 --"] }), []);
  assert.throws(() => found({ path: ['relative/**'] }), refusal('POLICY_INVALID'));
  assert.throws(() => found({ policy: ['zz'] }), refusal('USAGE'));
  assert.deepEqual(
    lastEvents(store, {}, 2).map((each) => each.event.serial),
    [2, 3],
  );
});

test('losses are kept: a bad line of a log once, losses without a line each time', async () => {
  using store = await memory();
  const bad: Loss = {
    kind: 'loss',
    source: 'log',
    what: 'malformed',
    count: 1,
    reason: 'no domain',
    sample: 'type=…',
  };
  const overrun: Loss = {
    kind: 'loss',
    source: 'audit',
    what: 'lost',
    count: 5,
    reason: 'the queue was full',
  };
  const unknown: Loss = {
    kind: 'loss',
    source: 'audit',
    what: 'lost',
    count: 0,
    reason: 'the daemon said so',
  };
  const first = new Intake(store).add([bad, bad, overrun, unknown]);
  assert.equal(first.lost, 7);
  assert.equal(new Intake(store).add([bad, bad, overrun]).lost, 5);
  assert.deepEqual(coverageOf(store).losses, [
    { source: 'audit', what: 'lost', records: 10, uncounted: 1 },
    { source: 'log', what: 'malformed', records: 2, uncounted: 0 },
  ]);
});

test('what the kernel counted and nobody logged is told', async () => {
  using store = await memory();
  const id = 0x1a2b3c4d5n;
  const intake = new Intake(store);
  intake.add([{ kind: 'denial', event: event() }]);
  intake.add([{ kind: 'domain', source: 'audit', time: 2, id, what: { state: 'freed', denials: 4n } }]);
  assert.equal(coverageOf(store).unlogged, 3);
});

test('numbers are what counting by hand gives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(denial, { maxLength: 30 }), async (events) => {
      using store = await memory();
      new Intake(store).add(items(events));
      const stats = statsOf(store, {}, 1000);
      assert.equal(stats.total, events.length);
      const count = (names: readonly (string | null)[]) => {
        const sums = new Map<string, number>();
        for (const name of names) if (name !== null) sums.set(name, (sums.get(name) ?? 0) + 1);
        return sums;
      };
      assert.deepEqual(
        new Map(stats.rights.map(({ name, count: sum }) => [name, sum])),
        count(events.flatMap(({ missing }) => missing)),
      );
      assert.equal(
        stats.programs.reduce((sum, each) => sum + each.count, 0),
        events.filter((each) => programOf(each) !== null).length,
      );
      assert.equal(
        stats.rate.counts.reduce((sum, each) => sum + each, 0),
        events.length,
      );
    }),
    { numRuns: 40 },
  );
});

test('the oldest go when the store is full, stay counted, and do not come back', async (t) => {
  const file = join(temporaryDirectory(t), 'small.sqlite');
  using store = await openStore({ file });
  setBounds(store, { size: 1024 * 1024, age: 1000 * 86_400_000 });
  const now = Date.now();
  const events = Array.from({ length: 4000 }, (_, index) =>
    event({
      time: now + index,
      serial: index,
      object: { kind: 'path', path: `/${'x'.repeat(300)}/${index}` },
    }),
  );
  store.prepare("INSERT INTO sink (name, cursor) VALUES ('far', 0), ('near', 3990)").run();
  for (let at = 0; at < events.length; at += 500) new Intake(store).add(items(events.slice(at, at + 500)));
  const left = countEvents(store, {});
  assert.ok(left > 100 && left < 4000, `${left} are left`);
  assert.ok(usedBytes(store) <= 1024 * 1024);
  assert.ok(statSync(file).size < 3 * 1024 * 1024, 'the file shrinks too');
  assert.equal(prunedOf(store), 4000 - left);
  assert.equal(tallied(store), 4000);
  const kept = [...findEvents(store, {})].map((each) => each.event.serial);
  assert.deepEqual(
    kept,
    events.slice(-left).map(({ serial }) => serial),
    'the newest are kept',
  );
  const lost = store.prepare('SELECT name, lost FROM sink ORDER BY name').all() as { lost: number }[];
  assert.deepEqual(
    lost.map((row) => row.lost),
    [4000 - left, 0],
    'a sink that had not got them counts them',
  );
  const again = new Intake(store).add(items(events));
  assert.deepEqual(again, { added: 0, known: left, outside: 4000 - left, lost: 0 });
  assert.equal(tallied(store), 4000);
});

test('what is older than the age goes, and the hours of counts are folded without a loss', async () => {
  using store = await memory();
  const now = Date.now();
  const old = [event({ time: now - 3 * 86_400_000 }), event({ time: now, serial: 2 })];
  new Intake(store).add(items(old));
  new Intake(store).add(items([event({ time: 1000, serial: 3 })]));
  setBounds(store, { age: 86_400_000 });
  assert.equal(new Intake(store).add(items(old)).outside, 1);
  assert.deepEqual(
    [...findEvents(store, {})].map((each) => each.event.serial),
    [2],
  );
  assert.ok(floorOf(store) > 0);
  assert.equal(tallied(store), 3);
  assert.equal(store.prepare('SELECT count(*) AS rows FROM tally WHERE hour = -1').get()!.rows, 2);
  assert.throws(() => setBounds(store, { size: 10 }), refusal('CONFIG_INVALID'));
});

test('the place is its owner’s alone', async (t) => {
  const home = temporaryDirectory(t);
  const file = join(home, 'a.sqlite');
  writeFileSync(file, '', { mode: 0o666 });
  chmodSync(file, 0o666);
  {
    using store = await openStore({ file });
    new Intake(store).add(items([event()]));
    for (const name of [file, `${file}-wal`, `${file}-shm`])
      assert.equal(statSync(name).mode & 0o777, 0o600, name);
  }
  const link = join(home, 'link.sqlite');
  symlinkSync(file, link);
  await assert.rejects(openStore({ file: link }), refusal('STORE'));
  await assert.rejects(openStore({ file: join(home, 'none/a.sqlite') }), refusal('STORE'));
  const open = join(home, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  assert.throws(() => ownDirectory(open), refusal('STORE'));
  assert.throws(() => ownDirectory('/proc/landward/state'), refusal('STORE'));
  const fresh = ownDirectory(join(home, 'state/landward'));
  assert.equal(statSync(fresh).mode & 0o777, 0o700);
  assert.equal(stateDirectory({ XDG_STATE_HOME: '/x', HOME: '/h' }), '/x/landward');
  assert.equal(stateDirectory({ XDG_STATE_HOME: 'x', HOME: '/h' }), '/h/.local/state/landward');
});

test('a store of a newer landward, and a file that is none, are refused and left alone', async (t) => {
  const file = join(temporaryDirectory(t), 'a.sqlite');
  {
    using store = await openStore({ file });
    store.database.exec('PRAGMA user_version = 99');
  }
  await assert.rejects(openStore({ file }), /version 99/);
  const other = `${file}.other`;
  writeFileSync(other, 'this is no database, and long enough to be read as one\n'.repeat(100));
  await assert.rejects(openStore({ file: other }), refusal('STORE'));
  assert.ok(existsSync(other));
});

const WRITER = `
import { openStore } from './packages/landward/src/audit/store/store.ts';
import { Intake } from './packages/landward/src/audit/store/intake.ts';
const [, file, from, to, size] = process.argv.slice(-5);
using store = await openStore({ file });
const intake = new Intake(store);
for (let at = Number(from); at < Number(to); at += Number(size)) {
  intake.add(Array.from({ length: Number(size) }, (_, index) => ({ kind: 'denial', event: {
    source: 'audit', effect: 'denied', time: Number(process.argv.at(-5)), serial: at + index, missing: ['fs.read_file'],
    object: { kind: 'path', path: '/x' } } })));
  process.stdout.write((at + Number(size)) + '\\n');
}`;

test('many processes write at once, and what several read is there once', async (t) => {
  const file = join(temporaryDirectory(t), 'shared.sqlite');
  const now = String(Date.now());
  // They also make the file at once; each overlaps with the next.
  const writers = [0, 200, 400, 600].map((from) =>
    runScript(WRITER, [now, file, String(from), String(from + 400), '10']),
  );
  for (const { code, stderr } of await Promise.all(writers)) assert.equal(code, 0, stderr);
  using store = await openStore({ file });
  assert.equal(countEvents(store, {}), 1000);
  assert.equal(tallied(store), 1000);
});

test('a writer that is killed leaves whole batches, and the next one goes on', async (t) => {
  const file = join(temporaryDirectory(t), 'killed.sqlite');
  const result = await runScript(WRITER, [String(Date.now()), file, '0', '100000000', '7'], {
    started: (child) => {
      let told = '';
      child.stdout!.on('data', (text: string) => {
        told += text;
        if (told.split('\n').length > 40) child.kill('SIGKILL');
      });
    },
  });
  assert.equal(result.signal, 'SIGKILL');
  const told = Number(result.stdout.trimEnd().split('\n').at(-1));
  using store = await openStore({ file });
  const count = countEvents(store, {});
  assert.equal(count % 7, 0, 'no half of a batch');
  assert.ok(count >= told, `${count} are there, and ${told} were told to be`);
  assert.equal(store.prepare('PRAGMA integrity_check').get()!.integrity_check, 'ok');
  assert.equal(new Intake(store).add(items([event({ time: Date.now() })])).added, 1);
});
