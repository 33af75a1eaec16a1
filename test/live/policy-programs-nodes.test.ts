/** The engine of policy programs on the versions of Node that landward runs on, and where there is no WebAssembly. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runChild } from '../kit/child.ts';
import { root } from '../kit/needs.ts';
import { nodeOf } from '../kit/nodes.ts';
import { stripped } from '../kit/stripped.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

interface Told {
  readonly engine: string;
  readonly answers: unknown;
  readonly guard: boolean;
}

test('every Node answers alike, also where programs are interpreted (--jitless) [R-002-11]', async (t) => {
  const script = stripped(join(root, 'test/kit/programs-elsewhere.ts'), temporaryDirectory(t));
  const guard = readFileSync(join(root, 'test/fixtures/programs/guard.bpf.o')).toString('base64');
  const ask = async (node: string, ...flags: readonly string[]): Promise<Told> => {
    const { stdout, stderr } = await runChild(node, [...flags, script, guard]);
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as Told;
  };
  const here = await ask(process.execPath);
  assert.equal(here.engine, 'object');
  const interpreted = await ask(process.execPath, '--jitless');
  assert.equal(interpreted.engine, 'undefined', 'the flag takes WebAssembly away');
  assert.deepEqual({ ...interpreted, engine: here.engine }, here);
  for (const major of [22, 24]) {
    const place = nodeOf(major);
    if ('reason' in place) t.diagnostic(`Node ${major} cannot be had: ${place.reason}`);
    else assert.deepEqual(await ask(place.path), here, `Node ${major}`);
  }
});
