import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { renderEvent } from '../../packages/landward/src/audit/render.ts';
import { LogFormat } from '../../packages/landward/src/audit/sources/log.ts';
import type { SourceItem } from '../../packages/landward/src/audit/sources/source.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { parseLine2023 } from '../../packages/landward/src/model/records/index.ts';
import { denial, foreign } from '../kit/denials.ts';

// The same cases each time.
fc.configureGlobal({ seed: 20261122 });

const lines = readFileSync(new URL('../fixtures/audit-corpus.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('type='));

function events(text: string): DenialEvent[] {
  const format = new LogFormat();
  format.feed(Buffer.from(text, 'latin1'));
  format.end();
  return format.take().flatMap((item: SourceItem) => (item.kind === 'denial' ? [item.event] : []));
}
const all = events(`${lines.join('\n')}\n`);

test('a record of the kernel is rendered as the kernel wrote it', () => {
  const written = new Set(lines);
  for (const event of all) {
    const rendered = renderEvent(event, 'audit');
    assert.ok(rendered.ok);
    // An event keeps the address of the call, not those that the socket had before.
    if (!rendered.line.includes('daddr=127.0.0.1 dest=443'))
      assert.ok(written.has(rendered.line), rendered.line);
  }
});

test('what is rendered reads back as the same event', () => {
  for (const event of all) {
    const rendered = renderEvent(event, 'audit');
    assert.ok(rendered.ok);
    const { operation, errno, process, ...rest } = event;
    assert.deepEqual(events(`${rendered.line}\n`), [rest]);
  }
});

test('the proposal of 2023 has a line for what it knew, and says why not for the rest', () => {
  const known = all.filter(
    (event) => event.operation !== undefined && event.missing.every((right) => !/^(net|scope)/.test(right)),
  );
  assert.ok(known.length > 3);
  for (const event of known) {
    const rendered = renderEvent(event, '2023');
    assert.ok(rendered.ok, rendered.ok ? '' : rendered.reason);
    const read = parseLine2023(rendered.line);
    assert.ok(read.ok && 'missingFs' in read.value);
    const { domain, errno, missingFs, missingPermission, tid } = read.value;
    assert.deepEqual(
      [domain, errno, [...missingFs, ...(missingPermission === null ? [] : [missingPermission])].sort(), tid],
      [(event.domain as { id: bigint }).id, event.errno, [...event.missing].sort(), event.process?.pid],
    );
  }
  const net = all.find((event) => event.missing.includes('net.connect_tcp'))!;
  assert.deepEqual(renderEvent(net, '2023'), {
    ok: false,
    reason: 'the proposal of 2023 has no net.connect_tcp',
  });
  assert.deepEqual(renderEvent({ ...net, domain: { kind: 'user', id: '1.0' } }, 'audit'), {
    ok: false,
    reason: 'records name a domain of the kernel, and this denial has none',
  });
});

test('no name of a program makes a second line or a second field', () => {
  fc.assert(
    fc.property(
      denial,
      foreign,
      fc.constantFrom('2023' as const, 'audit' as const),
      (event, text, format) => {
        const { object } = event;
        const hostile = object.kind === 'net' ? { ...object, address: text } : object;
        const missing = event.serial === undefined ? [...event.missing, text] : event.missing;
        const rendered = renderEvent(
          { ...event, object: hostile, missing, domain: { kind: 'kernel', id: 5n } },
          format,
        );
        if (!rendered.ok) return;
        assert.match(rendered.line, /^[\x20-\x7e]*$/);
        const quoted = rendered.line.replace(/="[^"]*"/g, '=Q');
        assert.ok(!quoted.includes('"'));
        const keys = quoted.split(' ').map((piece) => piece.split('=')[0]!);
        assert.equal(new Set(keys).size, keys.length, rendered.line);
      },
    ),
    { numRuns: 500 },
  );
});
