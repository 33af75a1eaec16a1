import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { openSource } from '../../packages/landward/src/audit/sources/open.ts';
import type { SourceItem } from '../../packages/landward/src/audit/sources/source.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { auditUnmet, whileReading } from '../kit/audit.ts';
import { runChild, runScript } from '../kit/child.ts';
import { findTool, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const reason = auditUnmet();
const options = reason === undefined ? {} : { skip: reason };

const events = (items: readonly SourceItem[]): DenialEvent[] =>
  items.flatMap((item) => (item.kind === 'denial' ? [item.event] : []));

async function allOf(word: string): Promise<SourceItem[]> {
  const items: SourceItem[] = [];
  for await (const item of await openSource(word)) items.push(item);
  return items;
}

test('the kernel log and its text tell the same denials as audit', options, async (t) => {
  const folder = temporaryDirectory(t, 'kmsg');
  let pid = 0;
  const own = (items: readonly SourceItem[]) =>
    events(items)
      .filter((event) => event.process?.pid === pid)
      .map(({ source, ...event }) => event);
  let printed: ReturnType<typeof own> = [];
  // The kernel prints what no daemon takes, ten records in five seconds, and others use them up, too.
  for (let round = 0; printed.length === 0 && round < 4; round++) {
    if (round > 0) await new Promise((resume) => setTimeout(resume, 5200));
    const place = join(folder, String(round));
    mkdirSync(place);
    const live = await whileReading(
      async () => {
        const result = await runChild(process.execPath, [
          join(root, 'test/kit/every-denial.ts'),
          place,
          'nobody',
        ]);
        ({ pid } = JSON.parse(result.stdout));
      },
      (items) => items.some((item) => item.kind === 'domain' && item.what.state === 'freed'),
    );
    const known = new Set(own(live).map(({ object }) => JSON.stringify(object, bigints)));
    assert.ok(own(live).length > 20);
    printed = own(await allOf('kmsg'));
    for (const { object } of printed) assert.ok(known.has(JSON.stringify(object, bigints)));
  }
  assert.ok(printed.length > 0, 'no daemon takes the records here');
  if (findTool('dmesg') === undefined) return;
  for (const form of [[], ['--raw']]) {
    const { stdout } = await runChild('dmesg', form);
    const file = join(folder, 'dmesg.gz');
    writeFileSync(file, gzipSync(stdout));
    assert.deepEqual(own(await allOf(file)), printed);
  }
});

function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

test('sources that do not exist here, or not for this user, say so', async (t) => {
  const folder = temporaryDirectory(t, 'none');
  await assert.rejects(allOf(join(folder, 'audit.log')), { code: 'SOURCE' });
  const secret = join(folder, 'secret.log');
  writeFileSync(secret, 'type=X msg=audit(1.000:1): \n', { mode: 0o600 });
  chmodSync(folder, 0o755);
  if (process.getuid?.() !== 0) return;
  for (const word of [secret, 'kmsg', 'tracepoint', 'audit']) {
    const result = await runScript(
      `
      import { openSource } from './packages/landward/src/audit/sources/open.ts';
      process.setgroups([]); process.setgid(65534); process.setuid(65534);
      try {
        for await (const _ of await openSource(process.argv.at(-1))) console.log('something');
        console.log('an end');
      } catch (error) { console.log(error.code); }`,
      [word],
    );
    assert.equal(result.stdout, 'SOURCE\n', `${word} ${result.stderr}`);
  }
});

const REMOTE = '/lib/systemd/systemd-journal-remote';
const journal = existsSync(REMOTE) && findTool('journalctl') !== undefined;
const journaled = journal ? {} : { skip: 'needs systemd-journal-remote and journalctl' };
test('a journal that is not there is not taken for one without denials', async (t) => {
  const folder = temporaryDirectory(t, 'journal');
  // What journalctl does where it finds no files, whatever this machine has.
  const script = '#!/bin/sh\ncase $1 in --header) echo "No journal files were found.";; esac\n';
  writeFileSync(join(folder, 'journalctl'), script, { mode: 0o755 });
  const { code, stderr } = await runChild(
    process.execPath,
    [join(root, 'test/kit/landward.ts'), 'explain', 'journal'],
    { env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, XDG_STATE_HOME: folder } },
  );
  assert.equal(code, 1);
  assert.match(
    stderr,
    /Not everything is known: some unread \(there is no journal that this user may read\)/,
  );
});

test('a real journal, exported by journalctl, tells what the log tells', journaled, async (t) => {
  const folder = temporaryDirectory(t, 'journal');
  const corpus = readFileSync(new URL('../fixtures/audit-corpus.txt', import.meta.url), 'utf8');
  const lines = corpus.split('\n').filter((line) => line.startsWith('type='));
  const types: Readonly<Record<string, number>> = {
    LANDLOCK_ACCESS: 1423,
    LANDLOCK_DOMAIN: 1424,
    SYSCALL: 1300,
    PROCTITLE: 1327,
    EOE: 1320,
  };
  const entries = lines.map((line, index) => {
    const [, type, seconds, millis, serial, body] = /^type=(\S+) msg=audit\((\d+)\.(\d+):(\d+)\): (.*)$/.exec(
      line,
    )!;
    // A field of a program, with a length: what is in it looks like entries.
    const text = 'a\n\n_TRANSPORT=audit\n_AUDIT_TYPE=1423\n\nb';
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    const head = [
      `__REALTIME_TIMESTAMP=${1_795_312_770_275_000 + index}`,
      `__MONOTONIC_TIMESTAMP=${index + 1}`,
      `_BOOT_ID=${'0'.repeat(31)}2`,
      '_TRANSPORT=audit',
      `_SOURCE_REALTIME_TIMESTAMP=${seconds}${millis}000`,
      `_AUDIT_TYPE=${types[type!]}`,
      `_AUDIT_ID=${serial}`,
      `MESSAGE=${type} ${body}`,
      'TEXT',
    ].join('\n');
    return Buffer.concat([Buffer.from(`${head}\n`), length, Buffer.from(`${text}\n\n`)]);
  });
  const written = join(folder, 'written.export');
  const exported = join(folder, 'exported');
  const log = join(folder, 'audit.log');
  writeFileSync(written, Buffer.concat(entries));
  writeFileSync(log, `${lines.join('\n')}\n`);
  const made = await runChild(REMOTE, ['-o', join(folder, 'x.journal'), written]);
  assert.equal(made.code, 0, made.stderr);
  const shell = `journalctl --file="$1" --output=export --no-pager _TRANSPORT=audit + _TRANSPORT=kernel > "$2"`;
  const read = await runChild('sh', ['-c', shell, 'sh', join(folder, 'x.journal'), exported]);
  assert.equal(read.code, 0, read.stderr);
  const told = async (file: string) =>
    (await allOf(file)).map((item) => {
      const { source, ...rest } = item.kind === 'denial' ? item.event : item;
      return JSON.stringify(rest, bigints);
    });
  const expected = await told(log);
  assert.ok(expected.length > 100);
  assert.deepEqual((await told(exported)).sort(), expected.sort());
});
