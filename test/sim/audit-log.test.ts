import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { analyse } from '../../packages/landward/src/audit/analyse.ts';
import { LogFormat, openLog } from '../../packages/landward/src/audit/sources/log.ts';
import type { SourceItem } from '../../packages/landward/src/audit/sources/source.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { awkCounts, syntheticLog } from '../kit/audit-log.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const corpus = readFileSync(new URL('../fixtures/audit-corpus.txt', import.meta.url), 'utf8');
const lines = corpus.split('\n').filter((line) => line.startsWith('type='));

/** What a log holds, cut into chunks at these places. */
function scan(text: string | Buffer, cuts: readonly number[] = []): SourceItem[] {
  const format = new LogFormat();
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1');
  const borders = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let index = 1; index < borders.length; index++)
    format.feed(Buffer.from(bytes.subarray(borders[index - 1], borders[index])));
  format.end();
  return [...format.take()];
}
const events = (items: readonly SourceItem[]): DenialEvent[] =>
  items.flatMap((item) => (item.kind === 'denial' ? [item.event] : []));
const losses = (items: readonly SourceItem[]) =>
  items.flatMap((item) => (item.kind === 'loss' ? [`${item.what}: ${item.reason}`] : []));

test('every record of the corpus is told once, and none is malformed', () => {
  const items = scan(`${lines.join('\n')}\n`);
  const claimed = (type: string) => lines.filter((line) => line.startsWith(`type=LANDLOCK_${type}`)).length;
  assert.equal(events(items).length, claimed('ACCESS'));
  assert.equal(items.filter(({ kind }) => kind === 'domain').length, claimed('DOMAIN'));
  assert.deepEqual(losses(items), []);
});

test('a denial has its call, its process, its command line and its object', () => {
  const [event] = events(scan(`${lines.slice(0, 5).join('\n')}\n`));
  assert.deepEqual(event, {
    source: 'log',
    effect: 'denied',
    time: 1_795_312_770_275,
    serial: 1700,
    operation: 'execve',
    missing: ['fs.execute'],
    object: { kind: 'path', path: '/tmp/x/helper', dev: 'tmpfs', ino: 16n },
    errno: 13,
    domain: { kind: 'kernel', id: 0x1bb03a3b7n },
    process: {
      pid: 31_509,
      comm: 'llt',
      exe: '/tmp/x/llt',
      uid: 0,
      commandLine: ['/tmp/x/llt', 'fs.execute'],
    },
  } satisfies DenialEvent);
});

test('objects of all classes', () => {
  const of = (body: string) =>
    events(scan(`type=LANDLOCK_ACCESS msg=audit(1.002:3): domain=100000001 blockers=${body}\n`))[0]?.object;
  assert.deepEqual(of('net.connect_tcp laddr=127.0.0.1 lport=1023 daddr=2001:db8::1 dest=443'), {
    kind: 'net',
    protocol: 'tcp',
    address: '2001:db8::1',
    port: 443,
  });
  assert.deepEqual(of('net.bind_udp saddr=127.0.0.1 src=53'), {
    kind: 'net',
    protocol: 'udp',
    address: '127.0.0.1',
    port: 53,
  });
  assert.deepEqual(of('net.bind_tcp'), { kind: 'net', protocol: 'tcp' });
  assert.deepEqual(of('scope.abstract_unix_socket path=006C6C00736F636B206467'), {
    kind: 'unix',
    abstract: 'll\0sock dg',
  });
  assert.deepEqual(of('scope.signal opid=31461 ocomm="python3"'), {
    kind: 'task',
    pid: 31_461,
    comm: 'python3',
  });
  assert.deepEqual(of('fs.change_topology name="/" dev="tmpfs" ino=1'), {
    kind: 'mount',
    name: '/',
    dev: 'tmpfs',
    ino: 1n,
  });
  assert.deepEqual(of('fs.ioctl_dev path="/dev/loop0" dev="devtmpfs" ino=94 ioctlcmd=0x1272'), {
    kind: 'path',
    path: '/dev/loop0',
    dev: 'devtmpfs',
    ino: 94n,
    ioctl: 0x1272,
  });
  assert.deepEqual(of('fs.read_file path=2F746D702FFF0A dev="tmpfs" ino=1'), {
    kind: 'path',
    path: '/tmp/\udcff\n',
    dev: 'tmpfs',
    ino: 1n,
  });
});

test('where the input is cut into chunks changes nothing', () => {
  const text = `${lines.slice(0, 60).join('\n')}\n`;
  const whole = scan(text);
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 20 }), (cuts) => assert.deepEqual(scan(text, cuts), whole)),
    { numRuns: 60 },
  );
});

test('interleaved events are told apart; PATH records give names; enriched fields are passed over', () => {
  const access = (serial: number) =>
    `type=LANDLOCK_ACCESS msg=audit(1.002:${serial}): domain=100000001 blockers=fs.make_reg path="/d" dev="vda" ino=2`;
  const call = (serial: number, comm: string) =>
    `type=SYSCALL msg=audit(1.002:${serial}): arch=c00000b7 syscall=56 success=no exit=-13 a0=1 a1=2 a2=3 a3=4 items=2 ppid=1 pid=${serial} auid=0 uid=7 gid=0 tty=(none) ses=1 comm=${comm} exe="/bin/x" key=(null)\u001dARCH=aarch64 SYSCALL=openat UID="joe"`;
  const found = events(
    scan(
      [
        access(1),
        access(2),
        call(2, '"two"'),
        call(1, '6120623D'),
        `type=PATH msg=audit(1.002:1): item=0 name="/d" inode=2 nametype=PARENT`,
        `type=PATH msg=audit(1.002:1): item=1 name=6E657720 nametype=CREATE`,
        `type=PROCTITLE msg=audit(1.002:2): proctitle="two"`,
        `type=PROCTITLE msg=audit(1.002:1): proctitle="one"`,
        '',
      ].join('\n'),
    ),
  );
  assert.deepEqual(
    found.map(({ serial, operation, process, names }) => [
      serial,
      operation,
      process?.comm,
      process?.uid,
      names,
    ]),
    [
      [2, 'openat', 'two', 7, undefined],
      [1, 'openat', 'a b=', 7, ['/d', 'new ']],
    ],
  );
});

test('a success beside a denial is no errno, and a denial without a call stands alone', () => {
  const items = scan(
    `${lines.filter((line) => line.includes(':1835)') || line.includes(':1836)')).join('\n')}\n`,
  );
  assert.deepEqual(
    events(items).map(({ serial, operation, errno, process }) => [serial, operation, errno, process?.pid]),
    [
      [1835, 'write', undefined, 7089],
      [1836, undefined, undefined, undefined],
    ],
  );
});

test('what claims to be a record and is none is counted, with the reason', () => {
  const good =
    'type=LANDLOCK_ACCESS msg=audit(1.002:3): domain=1a blockers=fs.execute path="/x" dev="vda" ino=2';
  const upTo = (text: string) => good.slice(0, good.indexOf(text) + text.length);
  const cases: [string, string[]][] = [
    [`${upTo('block')}\n`, ['malformed: not a list of fields as audit writes them']],
    [`${upTo('blockers=')}\n`, ['malformed: field blockers is not a list of rights']],
    [`${upTo('fs.execute')}\n`, ['malformed: the object is missing']],
    [`${upTo('"vda"')}\n`, ['malformed: field ino is missing']],
    [`${good} ${good}\n`, ['malformed: not a list of fields as audit writes them']],
    [
      `${upTo('"/x"')} type=SYSCALL msg=audit(1.002:4): arch=c000003e\n`,
      ['malformed: two records on one line'],
    ],
    ['type=LANDLOCK_LATER msg=audit(1.002:3): domain=1a\n', ['malformed: not a record of Landlock']],
    [good, ['truncated: the input ends in the middle of a line']],
    [`${good} ${'x'.repeat(70_000)}\n`, ['malformed: longer than any record of audit']],
    [`${good}\0\n`, ['malformed: not a list of fields as audit writes them']],
    [`node=h1 ${good}\n`, []],
    [`type=UNKNOWN[1423]${good.slice(20)}\n`, []],
    ['x'.repeat(200_000), []],
    // Text inside of other records is text, however much it looks like one of Landlock's.
    [`type=USER_CMD msg=audit(1.002:3): cmd="${good}"\n`, []],
    [`type=EXECVE msg=audit(1.002:3): a1="LANDLOCK_ACCESS\n`, []],
  ];
  for (const [text, expected] of cases) assert.deepEqual(losses(scan(text)), expected, text.slice(0, 120));
});

test('damaged logs never throw, and every line that claims a record is told or counted', () => {
  const claim = /^(?:node=\S+ )?type=(?:LANDLOCK_|UNKNOWN\[142[34]\]|142[34]\b)/;
  const damage = fc.record({
    at: fc.nat(),
    how: fc.constantFrom('cut', 'flip', 'join', 'double', 'insert'),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  fc.assert(
    fc.property(fc.array(damage, { maxLength: 30 }), fc.nat({ max: lines.length - 20 }), (damages, from) => {
      const broken = lines.slice(from, from + 20);
      for (const { at, how, byte } of damages) {
        const index = at % broken.length;
        const line = broken[index]!;
        const place = at % (line.length + 1);
        if (how === 'cut') broken[index] = line.slice(0, place);
        else if (how === 'double') broken.splice(index, 0, line);
        else if (how === 'join' && broken.length > 1)
          broken.splice(index, 2, line + (broken[index + 1] ?? ''));
        else
          broken[index] =
            line.slice(0, place) + String.fromCharCode(byte) + line.slice(place + (how === 'flip' ? 1 : 0));
      }
      const text = `${broken.join('\n')}\n`;
      const claims = text.split('\n').filter((line) => claim.test(line)).length;
      assert.equal(scan(text).length, claims, text);
    }),
    { numRuns: 400 },
  );
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      fc.array(fc.nat()),
      (bytes, cuts) => void scan(Buffer.concat([Buffer.from('type=LANDLOCK_'), bytes]), cuts),
    ),
  );
});

test('20 MB with a tenth of noise: the counts of awk, plain and compressed', async (t) => {
  const folder = temporaryDirectory(t, 'log');
  const file = join(folder, 'audit.log');
  const log = Buffer.concat([...syntheticLog({ bytes: 20_000_000, noise: 10, seed: 5 })]);
  writeFileSync(file, log);
  writeFileSync(`${file}.gz`, gzipSync(log, { level: 1 }));
  const { denials, malformed, named, freed, ...rights } = awkCounts(file);
  assert.ok(denials! > 40_000 && malformed! > 2000, 'the log is what it should be');
  for (const path of [file, `${file}.gz`]) {
    const counts = await analyse(openLog(path));
    assert.deepEqual({ ...counts.rights }, rights);
    assert.deepEqual(
      [counts.denials, counts.losses.malformed.count, counts.domains.named, counts.domains.freed],
      [denials, malformed, named, freed],
    );
    assert.equal(counts.losses.unread.uncounted, 0);
  }
});

test('a damaged archive is told up to the damage, and the damage is a loss', async (t) => {
  const file = join(temporaryDirectory(t, 'log'), 'audit.log.gz');
  const packed = gzipSync(Buffer.concat([...syntheticLog({ bytes: 400_000, noise: 0, seed: 1 })]));
  writeFileSync(file, packed.subarray(0, packed.length >> 1));
  const counts = await analyse(openLog(file));
  assert.ok(counts.denials > 100, 'the first half is told');
  assert.equal(counts.losses.unread.uncounted, 1);
});

test('a log that cannot be read is an error with its name', async () => {
  await assert.rejects(
    analyse(openLog('/nonexistent/\u001b[2Jx')),
    (error: Error & { code?: string }) => error.code === 'SOURCE' && error.message.includes('\\x1b[2Jx'),
  );
});

test('a log is followed through rotation and through being shortened', async (t) => {
  const folder = temporaryDirectory(t, 'follow');
  const file = join(folder, 'audit.log');
  const record = (serial: number) =>
    `type=LANDLOCK_DOMAIN msg=audit(1.002:${serial}): domain=1a status=deallocated denials=${serial}\n`;
  writeFileSync(file, record(1));
  const stop = new AbortController();
  t.after(() => stop.abort());
  const items: SourceItem[] = [];
  const seen = async (count: number) => {
    for (let round = 0; items.length < count && round < 200; round++)
      await new Promise((resume) => setTimeout(resume, 25));
    assert.equal(
      items.length,
      count,
      JSON.stringify(items, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
    );
  };
  const reading = (async () => {
    for await (const item of openLog(file, { follow: true, signal: stop.signal })) items.push(item);
  })();
  await seen(1);
  appendFileSync(file, record(2).slice(0, 30));
  appendFileSync(file, record(2).slice(30));
  await seen(2);
  // What is cut by a rotation is not continued by the next file.
  appendFileSync(file, `${record(3)}type=LANDLOCK_DOMAIN msg=aud`);
  renameSync(file, `${file}.1`);
  writeFileSync(file, record(4));
  await seen(5);
  assert.deepEqual(losses(items), ['truncated: the input ends in the middle of a line']);
  truncateSync(file, 0);
  await seen(6);
  appendFileSync(file, record(5));
  await seen(7);
  assert.match(losses(items)[1]!, /^unread: the log was shortened/);
  // Nothing comes behind it, and still it is told.
  appendFileSync(file, 'type=LANDLOCK_ACCESS msg=audit(1.002:9): domain=1a blockers=net.bind_tcp\n');
  await seen(8);
  stop.abort();
  await reading;
  assert.deepEqual(
    items.flatMap((item) =>
      item.kind === 'domain' && item.what.state === 'freed' ? [Number(item.what.denials)] : [],
    ),
    [1, 2, 3, 4, 5],
  );
});
