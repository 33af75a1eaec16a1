import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
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
