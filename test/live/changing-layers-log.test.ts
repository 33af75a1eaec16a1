/** What is written down of layers that change: every edit, and with each denial the version that said no. */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { layersAt, readLayerChanges } from '../../packages/landward/src/audit/registry/layer-changes.ts';
import { layersOfRun, listRuns, readDenials } from '../../packages/landward/src/audit/registry/read.ts';
import { openSandbox } from '../../packages/landward/src/index.ts';
import { explainRun } from '../../packages/landward/src/launch/explain.ts';
import { reportExplained } from '../../packages/landward/src/launch/explain-report.ts';
import { renderRuleEdit } from '../../packages/landward/src/model/layers/rule-orders.ts';
import { needs } from '../kit/needs.ts';
import { basePolicy, LIMIT_SYSTEM, Talk } from '../kit/sandbox-talk.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const here = needs({ abi: 3, supervisor: true, tools: ['python3'] });

test(
  'every edit is in the registry, and a denial is explained by the version that denied [R-001-18]',
  here,
  async (t) => {
    const root = temporaryDirectory(t, 'log');
    const before = process.env.XDG_STATE_HOME;
    process.env.XDG_STATE_HOME = join(root, 'state');
    t.after(() => {
      if (before === undefined) delete process.env.XDG_STATE_HOME;
      else process.env.XDG_STATE_HOME = before;
    });
    mkdirSync(join(root, 'a'));
    writeFileSync(join(root, 'a', 'f'), 'x');
    using sandbox = openSandbox(basePolicy(`${root}/a`));
    using layer = await sandbox.addLayer(
      { fs: { ...LIMIT_SYSTEM, read: [...LIMIT_SYSTEM.read, `${root}/a`] } },
      { mutable: 'any', name: 'files\n2' },
    );
    const open = `open(${JSON.stringify(`${root}/a/f`)}).read()`;
    const cut = `os.truncate(${JSON.stringify(`${root}/a/f`)}, 0)`;
    {
      await using talk = new Talk(sandbox);
      assert.deepEqual(await talk.all(open, cut), ['x', 'EACCES']);
      await layer.modify({ remove: { fs: { read: [`${root}/a`] } } });
      await layer.commit();
      assert.deepEqual(await talk.all(open, cut), ['EACCES', 'EACCES']);
      await layer.modify({ add: { fs: { read: [`${root}/a`] } } });
      await layer.commit();
      assert.equal(await talk.ask(open), 'x');
      await layer.seal();
    }
    // A run of later is told how the layers came to be what they are.
    {
      await using late = new Talk(sandbox);
      assert.equal(await late.ask(open), 'x');
    }
    const state = join(root, 'state', 'landward');
    const [second, first] = [...listRuns(state)];
    assert.ok(first !== undefined && second !== undefined);
    const lines = (run: typeof first) => readLayerChanges(run).map(({ entry }) => renderRuleEdit(entry));
    const key = readLayerChanges(first)[0]!.entry.layer;
    const line = (operation: string, from: number, to: number, widened: string) =>
      `op=${operation}-layer layer=${key} name="files\\n2" editor="pid ${process.pid}" from=${from} to=${to} widened=${widened}`;
    assert.deepEqual(lines(first), [
      line('commit', 0, 1, 'no'),
      line('commit', 1, 2, 'yes'),
      line('seal', 2, 2, 'no'),
    ]);
    assert.deepEqual(lines(second), [line('commit', 1, 2, 'yes'), line('seal', 2, 2, 'no')]);
    // The same denial by another version is another one.
    const denials = [...readDenials(first)].flatMap((item) => (item.kind === 'denial' ? [item.event] : []));
    const of = (name: string) =>
      denials.filter(
        ({ operation, object }) =>
          operation === name && object.kind === 'path' && object.path === `${root}/a/f`,
      );
    assert.deepEqual(
      of('truncate').map(({ blame }) => blame?.version),
      [0, 1],
    );
    const [denied] = of('openat');
    assert.equal(denied?.blame?.version, 1);
    const layers = layersOfRun(state, first.record)!;
    assert.deepEqual(layersAt(layers, readLayerChanges(first), 0), layers);
    assert.equal(
      layersAt(layers, readLayerChanges(first), denied!.time)[denied!.blame!.layer]!.state?.version,
      1,
    );
    const explained = await explainRun(first.record.id, { policies: [], cwd: root });
    const reason = explained.explanations.find(({ event }) => event.operation === 'openat')!;
    // Asked of the layers as they are now, nothing would say no.
    assert.equal(reason.reason, 'not-granted');
    assert.equal(reason.event.blame?.name, 'files\n2');
    const text = reportExplained(explained, 'text', '0');
    assert.match(text, /The layer "files\\n2" was at version 1 then, committed by pid \d+ at \d{4}-/);
    assert.doesNotMatch(text, /files\n2/);
  },
);
