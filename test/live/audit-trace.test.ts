import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { openSource } from '../../packages/landward/src/audit/sources/open.ts';
import type { SourceItem } from '../../packages/landward/src/audit/sources/source.ts';
import { runChild } from '../kit/child.ts';
import { root, unmet } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const TRACING = '/sys/kernel/tracing';

function traceUnmet(): string | undefined {
  const reason = unmet({ abi: 7, root: true });
  if (reason !== undefined) return reason;
  return existsSync(join(TRACING, 'events/landlock'))
    ? undefined
    : `needs the trace events of Landlock (Linux 7.3) below ${TRACING}`;
}

const reason = traceUnmet();

test(
  'trace events tell every denial with its domain, and the instance is removed',
  reason === undefined ? {} : { skip: reason },
  async (t) => {
    const folder = temporaryDirectory(t, 'trace');
    const items: SourceItem[] = [];
    const stop = new AbortController();
    t.after(() => stop.abort());
    const reading = (async () => {
      for await (const item of await openSource('tracepoint', { signal: stop.signal })) items.push(item);
    })();
    const instance = join(TRACING, `instances/landward-${process.pid}`);
    const until = async (what: () => boolean) => {
      for (let round = 0; !what() && round < 400; round++)
        await new Promise((resume) => setTimeout(resume, 25));
    };
    await until(() => existsSync(instance));
    await new Promise((resume) => setTimeout(resume, 300));
    const result = await runChild(process.execPath, [
      join(root, 'test/kit/every-denial.ts'),
      folder,
      'nobody',
    ]);
    assert.equal(result.code, 0, result.stderr);
    const { pid } = JSON.parse(result.stdout);
    const created = () =>
      items.find((item) => item.kind === 'domain' && item.what.state === 'created' && item.what.tid === pid);
    const freed = () =>
      items.find(
        (item) =>
          item.kind === 'domain' &&
          item.what.state === 'freed' &&
          item.id === (created() as { id: bigint } | undefined)?.id,
      );
    await until(() => freed() !== undefined);
    stop.abort();
    await reading;
    assert.deepEqual(
      items.filter((item) => item.kind === 'loss'),
      [],
    );
    const own = items.flatMap((item) =>
      item.kind === 'denial' && item.event.process?.pid === pid ? [item.event] : [],
    );
    const domain = created();
    const end = freed();
    assert.ok(domain?.kind === 'domain' && end?.kind === 'domain' && end.what.state === 'freed');
    assert.equal(BigInt(own.length), end.what.denials, own.map(({ missing }) => missing.join()).join(' '));
    assert.ok(own.length >= 25);
    for (const event of own) {
      assert.deepEqual(event.domain, { kind: 'kernel', id: domain.id });
      assert.ok(Math.abs(event.time - Date.now()) < 300_000, 'times are of this clock');
    }
    const rights = own.map(({ missing }) => missing.join()).sort();
    for (const right of [
      'fs.read_file',
      'fs.change_topology',
      'net.bind_tcp',
      'net.connect_tcp',
      'scope.signal',
      'ptrace',
    ])
      assert.ok(rights.includes(right), right);
    assert.equal(readdirSync(join(TRACING, 'instances')).includes(`landward-${process.pid}`), false);
  },
);
