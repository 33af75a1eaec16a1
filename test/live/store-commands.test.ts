/** `landward log`, `stats`, `top`, `watch` and `fleet` as a person uses them, over logs of real kernels and the registry. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { bootId, pidNamespace, startTime } from '../../packages/landward/src/audit/registry/read.ts';
import { RunWriter } from '../../packages/landward/src/audit/registry/write.ts';
import type { Command } from '../../packages/landward/src/cli/command.ts';
import { LandwardError } from '../../packages/landward/src/errors.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import type { Rule, RuleLayer } from '../../packages/landward/src/model/rules.ts';
import { runChild } from '../kit/child.ts';
import { dialogue } from '../kit/dialogue.ts';
import { needs, root } from '../kit/needs.ts';
import { startRecorder, until } from '../kit/servers.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const corpus = join(root, 'test/fixtures/audit-corpus.txt');
const entrance = join(root, 'test/kit/landward.ts');

/** A user's own state directory. */
function person(t: TestContext) {
  const state = temporaryDirectory(t, 'state');
  const env = { ...process.env, XDG_STATE_HOME: state };
  const landward = (...args: string[]) => runChild(process.execPath, [entrance, ...args], { env });
  return { state: join(state, 'landward'), env, landward };
}

const rule = (line: number, path: string, verdict: Rule['verdict'] = 'allow'): Rule => ({
  kind: 'path',
  verdict,
  pattern: { kind: 'subtree', path },
  rights: ['fs.read_file'],
  enforce: 'any',
  missing: 'optional',
  origin: { file: '/home/me/policy.toml', line, column: 1 },
});
const layers: readonly RuleLayer[] = [
  {
    kind: 'grant',
    name: 'policy',
    categories: ['fs'],
    rules: [rule(2, '/usr'), rule(3, '/opt'), rule(4, '/srv/secret', 'deny')],
  },
];
const DIGEST = 'ab12'.repeat(16);
const RUN = 'feedfacecafe0001';

const hostile = '/srv/secret/=HYPERLINK("x")\n\u001b[2J\u202e';
const event = (serial: number): DenialEvent => ({
  source: 'supervisor',
  effect: 'denied',
  time: Date.now() + serial / 8,
  operation: 'openat',
  missing: ['fs.read_file'],
  errno: 13,
  object: { kind: 'path', path: hostile },
  process: { pid: 100 + serial, comm: '=cmd', exe: '/usr/bin/reader', uid: 1000 },
  blame: {
    layer: 0,
    name: 'policy',
    missing: ['fs.read_file'],
    verdict: 'deny',
    rule: { text: 'deny /srv/secret', origin: { file: '/home/me/policy.toml', line: 4, column: 1 } },
  },
  run: RUN,
  digest: DIGEST,
});

/** A run in the registry, as a supervisor writes it. */
function register(state: string, count: number): RunWriter {
  const writer = RunWriter.begin(
    state,
    {
      version: 1,
      id: RUN,
      time: Date.now(),
      uid: 1000,
      pid: process.pid,
      started: startTime(process.pid)!,
      boot: bootId(),
      namespace: pidNamespace() ?? '',
      command: ['reader'],
      cwd: '/',
      mode: 'supervisor',
      digest: DIGEST,
      words: [],
      files: ['/home/me/policy.toml'],
      policy: 'p1',
      abi: 7,
      noNewPrivs: true,
    } as Parameters<typeof RunWriter.begin>[1],
    layers,
  );
  writer.denied(Array.from({ length: count }, (_, serial) => event(serial)));
  return writer;
}

test('log tells what runs told, by filters, in every form; what is not known is said', async (t) => {
  const { state, landward } = person(t);
  const nothing = await landward('log');
  assert.equal(nothing.code, 1);
  assert.match(nothing.stderr, /no denial is known that fits/);
  assert.match(nothing.stderr, /not covered: what the kernel denied by itself, in supervised runs too/);

  register(state, 3).ended({ time: Date.now(), status: 1 });
  const lines = await landward('log');
  assert.equal(lines.code, 0);
  assert.equal(lines.stdout.split('\n').length, 4);
  assert.match(
    lines.stdout,
    /was denied fs\.read_file on "\/srv\/secret\/=HYPERLINK\(\\"x\\"\)\\n\\x1b\[2J\\u\{202e\}"/,
  );
  assert.equal(
    (await landward('log', '--run', RUN, '--policy', 'ab12ab', '--since', '1h')).stdout,
    lines.stdout,
  );
  assert.equal(
    (await landward('log', '--path', '/srv/**', '--user', '1000', '-n', '1')).stdout.split('\n').length,
    2,
  );
  assert.equal((await landward('log', '--program', 'writer')).code, 1);
  assert.equal((await landward('log', '--until', '1h')).code, 1);

  const json = await landward('log', '--json');
  const parsed = json.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(parsed[0].object.path, hostile);
  const csv = await landward('log', '--csv');
  const rows = csv.stdout.split('\r\n');
  assert.equal(rows.length, 5, 'one denial is one line');
  assert.ok(rows[1]!.includes(`"'=cmd"`), 'no formula');
  assert.ok(!/[\p{Cf}]|(?![\r\n])\p{Cc}/u.test(csv.stdout));
  const file = join(state, 'out.parquet');
  const parquet = await landward('log', '--parquet', file);
  assert.equal(parquet.code, 0, parquet.stderr);
  const told = await parquetReadObjects({ file: await asyncBufferFromFile(file) });
  assert.deepEqual(
    told.map(({ path, uid }) => [path, uid]),
    Array(3).fill([hostile, 1000n]),
  );

  for (const name of ['denials.sqlite', 'denials.sqlite-wal'])
    if (existsSync(join(state, name))) assert.equal(statSync(join(state, name)).mode & 0o777, 0o600);
  assert.equal(statSync(state).mode & 0o777, 0o700);
});

test('a log is asked without being kept, or read in and kept once', async (t) => {
  const { landward } = person(t);
  const asked = await landward('stats', '--from', corpus, '--json');
  const total = JSON.parse(asked.stdout).total as number;
  assert.ok(total > 50);
  assert.equal(JSON.parse((await landward('stats', '--json')).stdout).total, 0);
  for (let twice = 0; twice < 2; twice++) {
    const kept = JSON.parse((await landward('stats', '--ingest', corpus, '--json')).stdout);
    // What is older than the store's bounds is not kept.
    assert.ok(kept.total === total || kept.total === 0);
  }
  const awk = await runChild('awk', [
    '/type=(1423|UNKNOWN\\[1423\\]|LANDLOCK_ACCESS)/{n++} END{print n}',
    corpus,
  ]);
  assert.ok(total <= Number(awk.stdout), 'no more than there are records');
  const records = await landward('log', '--from', corpus, '--format', 'audit');
  assert.equal(records.stdout.match(/^type=LANDLOCK_ACCESS msg=audit\(/gm)?.length, total, records.stderr);
  const old = await landward('log', '--from', corpus, '--format', '2023');
  const lines = old.stdout.match(/^.* op=/gm)?.length ?? 0;
  const without = [...old.stderr.matchAll(/(\d+) without a record/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
  assert.ok(lines > 0 && without > 0);
  assert.equal(lines + without, total, 'each has a line or is counted');
  const some = await landward('log', '--from', corpus, '--right', 'ptrace', '--json');
  assert.ok(
    some.stdout
      .trimEnd()
      .split('\n')
      .every((line) => JSON.parse(line).missing.includes('ptrace')),
  );
});

test('words that make no sense are errors', async (t) => {
  const { env } = person(t);
  const before = process.env.XDG_STATE_HOME;
  process.env.XDG_STATE_HOME = env.XDG_STATE_HOME;
  t.after(() => {
    if (before === undefined) delete process.env.XDG_STATE_HOME;
    else process.env.XDG_STATE_HOME = before;
  });
  for (const [words, message] of [
    [['log', '--since', 'whenever'], /"whenever" is no time/],
    [['log', '--path', 'relative'], /not absolute/],
    [['log', '--user', 'nobody-of-this-name'], /no user/],
    [['log', '--json', '--csv'], /Only one/],
    [['log', '--format', '1999'], /no format/],
    [['log', '--from', 'audit'], /has no end/],
    [['log', '--from', '/nonexistent.log'], /nonexistent/],
    [['log', '--size', 'big'], /no such bound/],
    [['stats', '--top=-1'], /--top/],
    [['stats', '--unused', 'abcdef12'], /No run in the registry/],
    [['watch', 'x'], /no operands/],
    [['top', '--every', '0'], /--every/],
    [['fleet'], /needs a task/],
    [['fleet', 'run'], /needs -c/],
    [['fleet', 'merge'], /No file/],
  ] as const) {
    const [name, ...argv] = words;
    const { command } = (await import(`../../packages/landward/src/cli/${name}.ts`)) as { command: Command };
    await assert.rejects(
      async () => command.run(argv),
      (error: unknown) => {
        assert.ok(error instanceof LandwardError, `${words.join(' ')}: ${error}`);
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test('unused lines are told from what runs observed, and not told where no run did', async (t) => {
  const { state, landward } = person(t);
  const writer = register(state, 2);
  writer.ended({ time: Date.now(), status: 1 });
  const silent = await landward('stats', '--unused', RUN);
  assert.match(silent.stdout, /no run of it has told which rules it used/);
  const stem = JSON.parse(
    (
      await runChild('sh', [
        '-c',
        `ls '${state}/runs' | sed -n 's/.run$//p' | python3 -c 'import json,sys; print(json.dumps(sys.stdin.read().strip()))'`,
      ])
    ).stdout,
  );
  const uses = {
    version: 1,
    complete: false,
    uses: [{ file: '/home/me/policy.toml', line: 2, column: 1, text: 'allow /usr', count: 9 }],
  };
  writeFileSync(join(state, 'runs', `${stem}.uses`), JSON.stringify(uses));
  const told = JSON.parse((await landward('stats', '--unused', DIGEST.slice(0, 8), '--json')).stdout);
  assert.deepEqual([told.runs, told.partial], [1, 1]);
  assert.deepEqual(
    told.used.map(({ line, uses: times }: { line: number; uses: number }) => [line, times]),
    [
      [2, 9],
      [4, 2],
    ],
  );
  assert.deepEqual(
    told.unused.map(({ line }: { line: number }) => line),
    [3],
  );
  const words = (await landward('stats', '--unused', RUN)).stdout;
  assert.match(words, /1 run observed, 1 of them in part/);
  assert.match(words, /policy\.toml:3:1 {2}"allow \/opt"/);
  assert.match(words, /what they could not see/);
});

test('a supervised run tells what it was denied and which lines it needed', needs({ abi: 7 }), async (t) => {
  const { env, landward } = person(t);
  const project = temporaryDirectory(t, 'project');
  for (const folder of ['used', 'unused']) mkdirSync(join(project, folder));
  for (const file of ['used/a', 'used/.env']) writeFileSync(join(project, file), `${file}\n`);
  const policy = join(temporaryDirectory(t), 'policy.toml');
  writeFileSync(
    policy,
    'extends = ["@base"]\n[fs]\nread = ["/usr", "$project/used", "$project/unused"]\nexec = ["/usr"]\ndeny = ["$project/**/.env"]\n',
  );
  const words = [entrance, 'run', '--degrade', 'self', '-p', policy, '--', 'cat', 'used/a', 'used/.env'];
  const run = await runChild(process.execPath, words, { cwd: project, env });
  assert.equal(run.stdout, 'used/a\n', run.stderr);
  assert.equal(run.code, 1, run.stderr);
  const told = await landward('log', '--json');
  const denied = told.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    denied.map(({ object, missing }) => [object.path, missing]),
    [[join(project, 'used/.env'), ['fs.read_file']]],
  );
  const use = JSON.parse((await landward('stats', '--unused', denied[0].run, '--json')).stdout);
  assert.deepEqual([use.runs, use.partial], [1, 1], 'not every call is notified, and that is said');
  const places = (lines: { line: number; rules: string[] }[]) =>
    lines.filter(({ line }) => line > 0).map(({ line, rules }) => `${line} ${rules.join()}`);
  assert.deepEqual(places(use.unused), ['3 allow /usr', `3 allow ${join(project, 'unused')}`]);
  assert.ok(places(use.used).some((place) => place.startsWith('5 deny')));
  assert.ok(places(use.used).includes(`3 allow ${join(project, 'used')}`));
});

test('a fleet that goes on sends what later runs tell, and ends in good order', async (t) => {
  const { state, env } = person(t);
  const server = await startRecorder();
  t.after(() => server.close());
  const config = join(temporaryDirectory(t), 'fleet.toml');
  writeFileSync(
    config,
    `[clickhouse]\nurl = "${server.url}"\n[prometheus]\nlisten = "127.0.0.1:0"\n[batch]\nevery = "100ms"\n`,
  );
  const child = spawn(process.execPath, [entrance, 'fleet', 'run', '-c', config], { env });
  const told = { text: '' };
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told.text += text;
  });
  const ended = new Promise((done) => child.once('close', done));
  const url = await until('the address', async () => /metrics at (\S+)/.exec(told.text)?.[1]);
  register(state, 3);
  await until('the batch', async () => server.requests[0]);
  const scraped = await until('the account', async () => {
    const text = await (await fetch(url)).text();
    return text.includes('landward_sink_sent_total{sink="clickhouse"} 3') ? text : undefined;
  });
  assert.match(
    scraped,
    /landward_denials_total\{source="supervisor",effect="denied",operation="openat",object="path"\} 3/,
  );
  child.kill('SIGTERM');
  assert.equal(await ended, 0, told.text);
});

test('what comes later is told by a log that is followed, and once', async (t) => {
  const { state, env } = person(t);
  const log = join(temporaryDirectory(t), 'audit.log');
  const records = readFileSync(corpus, 'utf8')
    .split('\n')
    .filter((line) => /^type=/.test(line));
  writeFileSync(log, `${records.slice(0, 40).join('\n')}\n`);
  const child = spawn(process.execPath, [entrance, 'log', '--from', log, '--follow', '--json'], { env });
  let output = '';
  const count = () => output.split('\n').length - 1;
  const came = (wanted: number) =>
    new Promise<void>((done) => {
      const look = () => count() >= wanted && done();
      child.stdout.on('data', look);
      look();
    });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await came(1);
  const before = count();
  appendFileSync(log, `${records.slice(40, 200).join('\n')}\n`);
  await came(before + 5);
  child.kill('SIGINT');
  const code = await new Promise((done) => child.once('close', done));
  assert.equal(code, 0);
  const ids = output.trimEnd().split('\n');
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(!existsSync(join(state, 'denials.sqlite')), 'nothing was kept');
});

test('top prints one look where there is no terminal', async (t) => {
  const { state, landward } = person(t);
  register(state, 4);
  const { code, stdout } = await landward('top');
  assert.equal(code, 0);
  assert.match(stdout, /^landward top .* 4 denials in 15 min/);
  assert.match(stdout, new RegExp(`run ${RUN}`));
  assert.ok(!stdout.includes('\u001b'), 'no control sequence');
});

test(
  'top draws in a terminal, hears of its size, and leaves it as it was',
  needs({ tools: ['python3', 'stty'] }),
  async (t) => {
    const { state, env } = person(t);
    register(state, 4);
    const shell = `before=$(stty -g); '${process.execPath}' '${entrance}' top --every 0.2; s=$?; [ "$before" = "$(stty -g)" ] && echo same-$s`;
    for (const key of ['q', '\x03']) {
      const { output, status, missed } = await dialogue(
        ['sh', '-c', shell],
        [
          { expect: 'landward top.*4 denials', resize: [12, 44] },
          { expect: '\\x1b\\[Hlandward top[^\\n]{0,40}…', type: key },
          { expect: 'same-0' },
        ],
        { env },
      );
      assert.equal(missed, null, JSON.stringify(output));
      assert.equal(status, 0);
      const enter = output.indexOf('\u001b[?1049h');
      const leave = output.lastIndexOf('\u001b[?1049l');
      assert.ok(enter >= 0 && leave > enter, 'the other screen, and back');
      assert.ok(
        output.lastIndexOf('\u001b[?25h') > output.lastIndexOf('\u001b[?25l'),
        'the cursor is there again',
      );
      // What is left of the screen without landward's own sequences holds no control character.
      const own = new RegExp(`${'\\u001b'}\\[[0-9;?]*[A-Za-z]`, 'g');
      const shown = output
        .slice(enter, leave)
        .replaceAll(own, '')
        .replaceAll(/[\r\n]/g, '');
      assert.ok(!/[\p{Cc}\p{Cf}]/u.test(shown), JSON.stringify(shown));
    }
  },
);

test('watch looks once at what is new, and says so by its status', async (t) => {
  const { state, landward } = person(t);
  const rules = join(temporaryDirectory(t), 'alarms.toml');
  writeFileSync(
    rules,
    '[[alarm]]\nname = "secret"\nmatch = { path = ["/srv/secret/**"] }\ngroup = ["program"]\nthreshold = 2\nwindow = "1m"\n',
  );
  register(state, 4);
  const first = await landward('watch', '--once', '--rule', rules, '--json');
  assert.equal(first.code, 1, first.stderr);
  const alarm = JSON.parse(first.stdout);
  assert.deepEqual([alarm.alarm, alarm.count, alarm.group.program], ['secret', 2, '/usr/bin/reader']);
  const second = await landward('watch', '--once', '--rule', rules);
  assert.deepEqual([second.code, second.stdout], [0, '']);
  const shipped = await landward('watch', '--print');
  writeFileSync(rules, shipped.stdout);
  assert.equal((await landward('watch', '--once', '--rule', rules)).code, 0, 'what is printed can be read');
});

test('fleet sends what there is, exports counts, and merges them any number of times', async (t) => {
  const { state, landward } = person(t);
  register(state, 5);
  const server = await startRecorder();
  t.after(() => server.close());
  const config = join(temporaryDirectory(t), 'fleet.toml');
  writeFileSync(config, `[clickhouse]\nurl = "${server.url}"\n[prometheus]\nlisten = "127.0.0.1:0"\n`);
  const sent = await landward('fleet', 'run', '-c', config, '--once');
  assert.equal(sent.code, 0, sent.stderr);
  assert.match(sent.stderr, /clickhouse: sent 5/);
  const lines = server.requests[0]!.body.toString().trimEnd().split('\n');
  assert.equal(lines.length, 5);
  await server.close();
  assert.equal((await landward('fleet', 'run', '-c', config, '--once')).code, 0, 'nothing is left to send');
  const counts = join(state, 'counts.json');
  writeFileSync(counts, (await landward('fleet', 'export')).stdout);
  copyFileSync(counts, `${counts}.again`);
  const merged = JSON.parse(
    (await landward('fleet', 'merge', counts, `${counts}.again`, counts, '--totals')).stdout,
  );
  assert.deepEqual(merged, {
    stores: 1,
    counts: [
      {
        counter: 'denials',
        source: 'supervisor',
        effect: 'denied',
        operation: 'openat',
        object: 'path',
        count: 5,
      },
      {
        counter: 'rights',
        source: 'supervisor',
        effect: 'denied',
        right: 'fs.read_file',
        object: 'path',
        count: 5,
      },
    ],
  });
  const table = (await landward('fleet', 'table', '-c', config)).stdout;
  assert.match(table, /^CREATE TABLE/);
  assert.ok(!table.includes('`path`'));
  const prom = join(state, 'landward.prom');
  assert.equal((await landward('fleet', 'textfile', prom)).code, 0);
  assert.match(readFileSync(prom, 'utf8'), /landward_sink_sent_total\{sink="clickhouse"\} 5/);
});
