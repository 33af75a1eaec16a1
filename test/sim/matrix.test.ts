/** The parts of the kernel matrix that need no machine: the archive, the reading of results and the page. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { data, directory, packArchive, program } from '../../tools/matrix-initramfs.ts';
import { readResults, renderPage } from '../../tools/matrix-page.ts';

test('the archive lists its files with modes and contents, aligned as Linux reads them', () => {
  const files = [directory('bin'), program('bin/sh', Buffer.from('abc')), data('note', Buffer.alloc(9, 7))];
  const archive = packArchive(files);
  const seen: unknown[] = [];
  for (let at = 0; ; ) {
    assert.equal(archive.toString('latin1', at, at + 6), '070701');
    const field = (i: number) =>
      Number.parseInt(archive.toString('latin1', at + 6 + 8 * i, at + 14 + 8 * i), 16);
    const name = archive.toString('utf8', at + 110, at + 110 + field(11) - 1);
    if (name === 'TRAILER!!!') break;
    const start = Math.ceil((at + 110 + field(11)) / 4) * 4;
    seen.push({ path: name, mode: field(1), content: archive.subarray(start, start + field(6)) });
    at = Math.ceil((start + field(6)) / 4) * 4;
  }
  assert.deepEqual(seen, files);
});

const image = { name: 'linux-image-7.3.4-amd64', version: '7.3.4-1', suite: 'sid', architecture: 'amd64' };

const run = { tests: ['a*'], cases: '60', seed: '1', commit: 'abc1234' };

function read(files: Readonly<Record<string, string>>) {
  const out = mkdtempSync(join(tmpdir(), 'landward-matrix-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(out, name), text);
    return readResults({ version: '7.3', abi: 11 }, image, out, run);
  } finally {
    rmSync(out, { recursive: true });
  }
}

const complete = {
  kernel: '7.3.4\nlandlock\n',
  'landlock.log': 'noise\n{"abi":11,"errata":15}\n',
  'tests.log': 'ok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP needs d\n# pass 1\n# fail 1\n# skipped 1\n',
  'tests.status': '1\n',
  'differential.log': 'ABI 11, errata 15: 60 cases, 6000 operations, no difference (9.0 s)\nmore\n',
  'differential.status': '0\n',
};

test('results are what the machine wrote', () => {
  const result = read(complete);
  assert.deepEqual(result.tests, { pass: 1, fail: 1, skip: 1, failures: ['b'], skips: ['c # SKIP needs d'] });
  assert.equal(result.foundAbi, 11);
  assert.equal(result.release, '7.3.4');
  assert.match(result.differential!, /6000 operations, no difference/);
  const page = renderPage([result, { version: '6.1', abi: 2, package: null, run }]);
  assert.match(page, /\| 7\.3\.4 \| sid 7\.3\.4-1 \| 11 \| 0xf \| 1 pass, 1 fail, 1 skip \|/);
  assert.match(page, /\| 6\.1 \| not in any suite of the mirror \|/);
  assert.match(page, /- fails: b\n- c: skipped, needs d/);
});

test('a run that did not end is not shown as one without failures', () => {
  const { 'tests.status': _tests, 'differential.status': _differential, ...begun } = complete;
  const result = read(begun);
  assert.equal(result.tests, undefined);
  assert.equal(result.differential, 'did not end');
  assert.match(renderPage([result]), /\| did not end \| did not end \| abc1234 \|/);
  assert.equal(read({}).foundAbi, undefined);
  const failed = read({
    ...complete,
    'differential.status': '1',
    'differential.log': 'seed 4: difference\n',
  });
  assert.equal(failed.differential, 'failed: seed 4: difference');
  assert.equal(read({ ...complete, 'tests.log': 'ok 1 - a\n' }).tests, undefined);
});
