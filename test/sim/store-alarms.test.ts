import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { concerns, fieldOf } from '../../packages/landward/src/audit/alarms/match.ts';
import { type AlarmRule, FIELDS, readAlarms } from '../../packages/landward/src/audit/alarms/rule.ts';
import { runWatch } from '../../packages/landward/src/audit/alarms/run.ts';
import { alarmCounts, seenInStore } from '../../packages/landward/src/audit/alarms/seen.ts';
import { shippedAlarms } from '../../packages/landward/src/audit/alarms/shipped.ts';
import { alarmToJson, describeAlarm, Hooks } from '../../packages/landward/src/audit/alarms/tell.ts';
import { seenInMemory, Watch } from '../../packages/landward/src/audit/alarms/watch.ts';
import { Intake } from '../../packages/landward/src/audit/store/intake.ts';
import { openStore } from '../../packages/landward/src/audit/store/store.ts';
import { LandwardError } from '../../packages/landward/src/errors.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { denial } from '../kit/denials.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

// The same cases each time.
fc.configureGlobal({ seed: 20261122 });

const rule = async (text: string): Promise<AlarmRule> =>
  (await readAlarms('test.toml', `[[alarm]]\nname = "test"\n${text}`))[0]!;

function event(time: number, parts: Partial<DenialEvent> = {}): DenialEvent {
  return {
    source: 'audit',
    effect: 'denied',
    time,
    missing: ['net.connect_tcp'],
    object: { kind: 'net', protocol: 'tcp', address: '10.0.0.1', port: 80 },
    process: { pid: 7, comm: 'probe', exe: '/tmp/probe', uid: 1000 },
    ...parts,
  };
}

test('a rate alarms when the window holds so many, as counting by hand says', async () => {
  const rate = await rule(
    'match = { right = ["net."] }\nthreshold = 3\nwindow = "10s"\nquiet = "0s"\ngroup = []',
  );
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 6000 }), { maxLength: 40 }), (steps) => {
      const watch = new Watch([rate], seenInMemory());
      let time = 0;
      let since: number[] = [];
      for (const step of steps) {
        time += step;
        since = [...since, time].filter((each) => each > time - 10_000);
        const expected = since.length >= 3;
        if (expected) since = [];
        assert.equal(watch.observe(event(time)).length, expected ? 1 : 0);
      }
    }),
  );
});

test('different values count once, groups count apart, a group that alarmed is silent for a while', async () => {
  const scan = await rule(
    'match = { right = ["net.connect_tcp"] }\ngroup = ["program"]\ndistinct = "port"\nthreshold = 3\nwindow = "1m"\nquiet = "5m"',
  );
  const watch = new Watch([scan], seenInMemory());
  const connect = (time: number, port: number, exe = '/a') =>
    watch.observe(event(time, { object: { kind: 'net', port }, process: { pid: 1, exe } })).length;
  assert.deepEqual(
    [1, 1, 1, 1, 2].map((port, at) => connect(at, port)),
    [0, 0, 0, 0, 0],
    'two ports, often',
  );
  assert.equal(connect(10, 3, '/b'), 0, 'another program');
  assert.equal(connect(11, 3), 1);
  assert.deepEqual(
    [4, 5, 6, 7, 8].map((port, at) => connect(100 + at, port)),
    [0, 0, 0, 0, 0],
    'silent',
  );
  assert.deepEqual(
    [1, 2, 3].map((port, at) => connect(400_000 + at, port)),
    [0, 0, 1],
  );
});

test('what is first seen alarms once, also after a restart', async () => {
  const first = await rule('match = { right = ["net."] }\nfirst-seen = ["program", "user"]');
  using store = await openStore({ file: ':memory:' });
  const count = (exe: string, uid: number) =>
    new Watch([first], seenInStore(store)).observe(event(1, { process: { pid: 1, exe, uid } })).length;
  assert.deepEqual(
    [count('/a', 1), count('/a', 1), count('/a', 2), count('/b', 1), count('/a', 1)],
    [1, 0, 1, 1, 0],
  );
});

test('a match says no as soon as one part does', async () => {
  const all = await rule(
    `match = { effect = ["denied"], right = ["fs.read_file", "meta."], path = ["/home/*/.ssh/**"], program = ["cat"], operation = ["openat"], uid = [1000], object = ["path"] }`,
  );
  const full = event(1, {
    missing: ['fs.read_file'],
    operation: 'openat',
    object: { kind: 'path', path: '/home/me/.ssh/id' },
    process: { pid: 1, exe: '/usr/bin/cat', uid: 1000 },
  });
  assert.ok(concerns(all, full));
  const others: Partial<DenialEvent>[] = [
    { effect: 'observed' },
    { missing: ['fs.write_file'] },
    { object: { kind: 'path', path: '/home/me/.sshx/id' } },
    { process: { pid: 1, exe: '/usr/bin/dog', uid: 1000 } },
    { operation: 'stat' },
    { process: { pid: 1, exe: '/usr/bin/cat', uid: 0 } },
    { object: { kind: 'unix', path: '/home/me/.ssh/id' } },
  ];
  for (const parts of others) assert.ok(!concerns(all, { ...full, ...parts }), JSON.stringify(parts));
  assert.ok(concerns(all, { ...full, object: { kind: 'path', path: '/x', to: '/home/me/.ssh/y' } }));
});

test('problems of a file are told with their places, all of them', async () => {
  const wrong = [
    ['[[alarm]]\nname = "Bad Name"\nmatch = {}', /lower-case/],
    ['[[alarm]]\nname = "a"\nmatch = { rigth = ["x"] }', /rigth/],
    ['[[alarm]]\nname = "a"\nmatch = {}\nwindow = "1 minute"', /duration/],
    ['[[alarm]]\nname = "a"\nmatch = {}\ngroup = ["colour"]', /colour/],
    ['[[alarm]]\nname = "a"\nmatch = { path = ["relative"] }', /absolute/],
    ['[[alarm]]\nmatch = {}', /name/],
    ['alarm = 3', /list/],
  ] as const;
  for (const [text, message] of wrong)
    await assert.rejects(readAlarms('a.toml', text), (error: unknown) => {
      assert.ok(error instanceof LandwardError, text);
      assert.match(error.message, message);
      assert.equal(error.at?.file, 'a.toml');
      return true;
    });
});

test('any denial goes through the shipped alarms, and what is told of it is one harmless line each', async () => {
  const rules = await shippedAlarms();
  fc.assert(
    fc.property(fc.array(denial, { maxLength: 60 }), (events) => {
      const watch = new Watch(rules, seenInMemory());
      for (const each of events) {
        for (const field of FIELDS) fieldOf(each, field);
        for (const alarm of watch.observe({ ...each, time: Math.min(each.time, 8e15) })) {
          JSON.parse(JSON.stringify(alarmToJson(alarm)));
          assert.match(describeAlarm(alarm), /^[^\p{Cc}\p{Cf}]*\n {2}[^\p{Cc}\p{Cf}]*\n$/u);
        }
      }
    }),
  );
});

test('ordinary work raises none of the shipped alarms of medium or high severity', async () => {
  const watch = new Watch(await shippedAlarms(), seenInMemory());
  const read = (path: string): Partial<DenialEvent> => ({
    missing: ['fs.read_file'],
    object: { kind: 'path', path },
  });
  // What npm, git and a shell are denied when they look around: one file of each kind, repeated.
  const seen = ['/home/me/.npmrc', '/home/me/.gitconfig', '/home/me/.bashrc', '/home/me/.npmrc'].flatMap(
    (path, at) => watch.observe(event(at * 1000, read(path))),
  );
  const net = [443, 443, 80].flatMap((port, at) =>
    watch.observe(event(at, { object: { kind: 'net', port, address: '10.0.0.1' } })),
  );
  assert.deepEqual(
    [...seen, ...net]
      .filter(({ rule: found }) => found.severity !== 'low')
      .map(({ rule: found }) => found.name),
    [],
  );
});

test('a hook gets the alarm as JSON, nothing of it as words of a shell, and its failure is counted', async (t) => {
  const place = temporaryDirectory(t);
  const hook = join(place, 'hook');
  const output = join(place, 'got');
  writeFileSync(
    hook,
    `#!/bin/sh\ncat > '${output}'\nenv >> '${output}.env'\necho "$#" >> '${output}.args'\n`,
  );
  chmodSync(hook, 0o755);
  const hostile = event(1, { process: { pid: 1, exe: '/tmp/$(touch pwned);`id`', uid: 1 } });
  const ptrace = await rule(`match = {}\nthreshold = 1\nexec = ["${hook}", "fixed argument"]`);
  const hooks = new Hooks();
  process.env.LANDWARD_CANARY = 'secret';
  t.after(() => delete process.env.LANDWARD_CANARY);
  for (const alarm of new Watch([ptrace], seenInMemory()).observe(hostile)) hooks.start(alarm);
  await hooks.finish();
  const told = JSON.parse(readFileSync(output, 'utf8'));
  assert.equal(told.alarm, 'test');
  assert.equal(told.event.process.exe, '/tmp/$(touch pwned);`id`');
  assert.equal(readFileSync(`${output}.args`, 'utf8'), '1\n');
  assert.ok(!readFileSync(`${output}.env`, 'utf8').includes('CANARY'));
  assert.deepEqual(hooks.counts, { dropped: 0, failed: 0 });
  const broken = await rule('match = {}\nthreshold = 1\nexec = ["/nonexistent/hook"]');
  for (const alarm of new Watch([broken], seenInMemory()).observe(hostile)) hooks.start(alarm);
  await hooks.finish();
  assert.deepEqual(hooks.counts, { dropped: 0, failed: 1 });
});

test('looking once tells what is new since the last look; learning tells nothing and remembers', async () => {
  using store = await openStore({ file: ':memory:' });
  const rules = [await rule('match = {}\nfirst-seen = ["program"]')];
  const look = async (learn = false) => {
    const names: (string | null | undefined)[] = [];
    await runWatch(store, { rules, sources: [], registry: false, once: true, learn }, ({ group }) =>
      names.push(group.program),
    );
    return names;
  };
  let serial = 0;
  const happen = (exe: string) =>
    new Intake(store).add([
      { kind: 'denial', event: event(Date.now(), { serial: serial++, process: { pid: 1, exe } }) },
    ]);
  happen('/known');
  assert.deepEqual(await look(true), []);
  happen('/known');
  happen('/new');
  assert.deepEqual(await look(), ['/new']);
  assert.deepEqual(await look(), []);
  assert.deepEqual(alarmCounts(store), [{ rule: 'test', count: 1 }]);
});
