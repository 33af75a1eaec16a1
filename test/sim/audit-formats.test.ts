import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { analyse } from '../../packages/landward/src/audit/analyse.ts';
import { eventToJson } from '../../packages/landward/src/audit/event.ts';
import { JournalFormat } from '../../packages/landward/src/audit/sources/journal.ts';
import { JsonFormat } from '../../packages/landward/src/audit/sources/json-lines.ts';
import { KernelLogFormat } from '../../packages/landward/src/audit/sources/kernel-log.ts';
import { LogFormat } from '../../packages/landward/src/audit/sources/log.ts';
import { openSource } from '../../packages/landward/src/audit/sources/open.ts';
import type { Format } from '../../packages/landward/src/audit/sources/pieces.ts';
import type { SourceItem } from '../../packages/landward/src/audit/sources/source.ts';
import { TraceFormat } from '../../packages/landward/src/audit/sources/trace.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { denial } from '../kit/denials.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const corpus = readFileSync(new URL('../fixtures/audit-corpus.txt', import.meta.url), 'utf8').split('\n');
const records = corpus.filter((line) => line.startsWith('type='));
const traces = corpus.filter((line) => / landlock_\w+: /.test(line) && !line.startsWith('#'));
const NUMBERS: Readonly<Record<string, number>> = {
  LANDLOCK_ACCESS: 1423,
  LANDLOCK_DOMAIN: 1424,
  SYSCALL: 1300,
  PROCTITLE: 1327,
  EOE: 1320,
};

function read(format: Format, bytes: Buffer | string, cuts: readonly number[] = []): SourceItem[] {
  const whole = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'latin1');
  const borders = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length];
  for (let index = 1; index < borders.length; index++)
    format.feed(Buffer.from(whole.subarray(borders[index - 1], borders[index])));
  format.end();
  return [...format.take()];
}
const events = (items: readonly SourceItem[]): DenialEvent[] =>
  items.flatMap((item) => (item.kind === 'denial' ? [item.event] : []));
const losses = (items: readonly SourceItem[]) =>
  items.flatMap((item) => (item.kind === 'loss' ? [`${item.what} ${item.count}: ${item.reason}`] : []));
/** Events without their teller, which is all that differs between formats of the same records. */
const told = (items: readonly SourceItem[]) =>
  items.map((item) =>
    item.kind === 'denial' ? { ...item, event: { ...item.event, source: '' } } : { ...item, source: '' },
  );
const split = (line: string) => {
  const [, type, seconds, millis, serial, body] = /^type=(\S+) msg=audit\((\d+)\.(\d+):(\d+)\): (.*)$/.exec(
    line,
  )!;
  return {
    number: NUMBERS[type!]!,
    type: type!,
    stamp: `${seconds}.${millis}:${serial}`,
    seconds,
    millis,
    serial,
    body: body!,
  };
};

const expected = told(read(new LogFormat(), `${records.join('\n')}\n`));

/** An entry of the journal's export format; binary fields where the value is a buffer. */
function entry(fields: Readonly<Record<string, string | Buffer>>): Buffer {
  const parts = Object.entries(fields).map(([key, value]) => {
    if (typeof value === 'string') return Buffer.from(`${key}=${value}\n`, 'latin1');
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(value.length));
    return Buffer.concat([Buffer.from(`${key}\n`), length, value, Buffer.from('\n')]);
  });
  return Buffer.concat([...parts, Buffer.from('\n')]);
}
const audited = (line: string) => {
  const { number, type, seconds, millis, serial, body } = split(line);
  return entry({
    __CURSOR: 's=1;i=2',
    __REALTIME_TIMESTAMP: '1795312770275999',
    _TRANSPORT: 'audit',
    _SOURCE_REALTIME_TIMESTAMP: `${seconds}${millis}000`,
    _AUDIT_TYPE: String(number),
    _AUDIT_ID: serial!,
    MESSAGE: `${type} ${body}`,
    _AUDIT_FIELD_PATH: Buffer.from('we\nird'),
  });
};
const printed = (line: string) => {
  const { number, stamp, body } = split(line);
  return `audit: type=${number} audit(${stamp}): ${body}`;
};

test('the journal tells what the log tells, through audit, through the kernel log, and once through both', () => {
  const kernel = (line: string) =>
    entry({ __CURSOR: 'x', _TRANSPORT: 'kernel', SYSLOG_FACILITY: '0', MESSAGE: printed(line) });
  for (const make of [audited, kernel, (line: string) => Buffer.concat([audited(line), kernel(line)])]) {
    const items = read(new JournalFormat(), Buffer.concat(records.map(make)));
    // A denial waits for its companions for so many records; where all come twice, it is told earlier.
    assert.deepEqual(told(items).sort(byContent), [...expected].sort(byContent));
  }
});

function byContent(a: object, b: object): number {
  const text = (item: object) =>
    JSON.stringify(item, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
  return text(a) < text(b) ? -1 : 1;
}

test('the journal: chunks make no difference, and no text of a program becomes an entry', () => {
  const forged = audited(records[0]!);
  const bytes = Buffer.concat([
    audited(records[1]!),
    // Binary fields of any length, text with everything in it, fields that only look trusted.
    entry({ _TRANSPORT: 'journal', MESSAGE: Buffer.concat([Buffer.from('x\n\n'), forged]) }),
    entry({ MESSAGE: Buffer.concat([Buffer.alloc(200_000, 'y'), Buffer.from('\n\n'), forged]) }),
    entry({ TRANSPORT: 'audit', AUDIT_TYPE: '1423', MESSAGE: `LANDLOCK_ACCESS ${split(records[0]!).body}` }),
    entry({ _TRANSPORT: 'stdout', MESSAGE: printed(records[0]!) }),
    entry({ _TRANSPORT: 'syslog', SYSLOG_IDENTIFIER: 'kernel', MESSAGE: printed(records[0]!) }),
    entry({ LONG: 'z'.repeat(200_000), _TRANSPORT: 'journal' }),
    audited(records[5]!),
  ]);
  const whole = read(new JournalFormat(), bytes);
  assert.deepEqual(
    whole.map((item) => (item.kind === 'domain' ? item.what.state : item.kind)),
    ['named', 'freed'],
  );
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 12 }), (cuts) =>
      assert.deepEqual(read(new JournalFormat(), bytes, cuts), whole),
    ),
    { numRuns: 40 },
  );
  assert.deepEqual(losses(read(new JournalFormat(), forged.subarray(0, forged.length - 1))), [
    'truncated 1: the input ends in the middle of an entry',
  ]);
  assert.deepEqual(
    losses(read(new JournalFormat(), entry({ _TRANSPORT: 'audit', _AUDIT_TYPE: '1423', MESSAGE: 'x' }))),
    ['malformed 1: an entry of audit without its stamp'],
  );
});

test('kernel logs tell what the log tells, in every form; only the kernel itself is believed', () => {
  const forms: ((line: string) => string)[] = [
    (line) => `[   12.345678] ${printed(line)}`,
    (line) => `<5>[   12.345678] ${printed(line)}`,
    (line) => `[   12.345678][    T9] ${printed(line)}`,
    (line) => `5,1234,5140900,-;${printed(line)}\n SUBSYSTEM=x`,
    (line) => `5,1234,5140900,-,caller=T9;${printed(line)}`,
  ];
  for (const form of forms)
    assert.deepEqual(told(read(new KernelLogFormat(), `${records.map(form).join('\n')}\n`)), expected);
  const forged = printed(records[0]!);
  for (const line of [`<13>[    1.000000] ${forged}`, `12,1,2,-;${forged}`, `[    1.000000] x: ${forged}`])
    assert.deepEqual(read(new KernelLogFormat(), `${line}\n`), []);
});

test('kernel logs say what they left out', () => {
  const text = [
    '[    1.000000] kauditd_printk_skb: 34 callbacks suppressed',
    '[    2.000000] audit: audit_lost=7 audit_rate_limit=0 audit_backlog_limit=64',
    '[    3.000000] audit: audit_lost=9 audit_rate_limit=0 audit_backlog_limit=64',
    '[    4.000000] ** 5 printk messages dropped **',
    `[    5.000000] ${printed(records[0]!).slice(0, 90)}`,
    `[    6.000000] ${printed(records[0]!)}`,
  ].join('\n');
  assert.deepEqual(losses(read(new KernelLogFormat(), text)), [
    'lost 34: the kernel log left out records of audit, of any kind: they came too fast',
    'lost 0: the kernel lost records of audit, of any kind',
    'lost 2: the kernel lost records of audit, of any kind',
    'lost 5: the kernel log left out messages of any kind',
    'malformed 1: not a list of fields as audit writes them',
    'truncated 1: the input ends in the middle of a line',
  ]);
});

test('traces tell every denial and the life of every domain', () => {
  const items = read(new TraceFormat(), `# tracer: nop\n#\n${traces.join('\n')}\n`);
  assert.deepEqual(losses(items), []);
  const count = (event: string) => traces.filter((line) => line.includes(` landlock_${event}`)).length;
  assert.equal(events(items).length, count('deny_'));
  const states = items.flatMap((item) => (item.kind === 'domain' ? [item.what.state] : []));
  assert.equal(states.filter((state) => state === 'created').length, count('create_domain'));
  assert.equal(states.filter((state) => state === 'freed').length, count('free_domain'));
  const rights = new Set(events(items).flatMap(({ missing }) => missing));
  for (const right of [
    'fs.write_file',
    'fs.refer',
    'fs.change_topology',
    'net.connect_tcp',
    'scope.signal',
    'ptrace',
  ])
    assert.ok(rights.has(right), right);
  const line =
    'a b-77 [001] d..1.   12.500000: landlock_deny_access_net: domain=1cac6a547 same_exec=1 logged=0 blockers=connect_tcp port=443\n';
  assert.deepEqual(events(read(new TraceFormat(1_000_000), line)), [
    {
      source: 'tracepoint',
      effect: 'denied',
      time: 1_012_500,
      missing: ['net.connect_tcp'],
      object: { kind: 'net', protocol: 'tcp', port: 443 },
      domain: { kind: 'kernel', id: 0x1cac6a547n },
      process: { pid: 77, tid: 77, comm: 'a b' },
    },
  ]);
  assert.deepEqual(
    losses(read(new TraceFormat(), `CPU:1 [LOST 23 EVENTS]\n${line.replace('port=', 'prt=')}`)),
    [
      'lost 23: the trace buffer had no room for events of any kind',
      'malformed 1: field port is missing or malformed',
    ],
  );
});

test('JSON lines read back as what was written, whatever the names are', () => {
  fc.assert(
    fc.property(fc.array(denial, { maxLength: 8 }), fc.array(fc.nat()), (all, cuts) => {
      const text = Buffer.from(all.map((event) => `${JSON.stringify(eventToJson(event))}\n`).join(''));
      assert.deepEqual(events(read(new JsonFormat(), text, cuts)), all);
    }),
  );
  assert.deepEqual(losses(read(new JsonFormat(), '{"version":1}\nnot JSON\n\n{"version":1,')), [
    'malformed 1: source is missing',
    'malformed 1: the value is not an object',
    'truncated 1: the input ends in the middle of a line',
  ]);
});

test('bytes of any kind throw in no format', () => {
  const seeds = [
    audited(records[0]!),
    Buffer.from(`[ 1.000000] ${printed(records[0]!)}\n`),
    Buffer.from(`${traces[0]}\n`),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))),
      fc.array(fc.nat()),
      (seed, changes, cuts) => {
        const bytes = Buffer.from(seed);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        for (const format of [
          new JournalFormat(),
          new KernelLogFormat(),
          new TraceFormat(),
          new JsonFormat(),
          new LogFormat(),
        ])
          read(format, bytes, cuts);
      },
    ),
    { numRuns: 300 },
  );
});

test('a file is opened as what it is, and as nothing else', async (t) => {
  const folder = temporaryDirectory(t, 'formats');
  const file = join(folder, 'x');
  const contents: [string, string | Buffer, number][] = [
    ['log', `${records.join('\n')}\n`, events(read(new LogFormat(), `${records.join('\n')}\n`)).length],
    ['journal', audited(records[0]!), 1],
    ['kmsg', `[    1.000000] ${printed(records[0]!)}\n`, 1],
    ['tracepoint', `${traces.slice(0, 7).join('\n')}\n`, 1],
    [
      'supervisor',
      `${JSON.stringify(eventToJson({ source: 'kmsg', effect: 'denied', time: 1, missing: [], object: { kind: 'none' } }))}\n`,
      1,
    ],
    ['log', '', 0],
  ];
  for (const [teller, content, denials] of contents)
    for (const pack of [(bytes: string | Buffer) => bytes, gzipSync]) {
      writeFileSync(file, pack(content));
      const source = await openSource(file);
      assert.equal(source.teller, teller);
      assert.equal((await analyse(source)).denials, denials, teller);
    }
  for (const stranger of ['Nov 22 07:00:00 host sshd[1]: hello\n', 'type=LANDLOCK_ACCESS\n', '\0\0\0\0']) {
    writeFileSync(file, stranger);
    await assert.rejects(openSource(file), /is no log that landward knows/);
  }
});
