/** Edits of policy texts: the value is in, every comment and line is where it was, and the result reads as before plus the value. */

import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { unifiedDiff } from '../../packages/landward/src/audit/allow/diff.ts';
import { editPolicy } from '../../packages/landward/src/audit/allow/edit.ts';
import type { Explanation, Suggestion } from '../../packages/landward/src/audit/explain/explanation.ts';
import { applyEdit, proposeEdits } from '../../packages/landward/src/launch/allow.ts';

const suggestion = (section: Suggestion['section'], key: string, value: string): Suggestion => ({
  file: 'landward.toml',
  layer: 0,
  kind: 'add',
  section,
  key,
  value,
  rights: [],
  suffices: true,
  alsoOpens: { count: 0, more: false, secret: 0, samples: [] },
});

const read = (text: string, value = '/srv') => editPolicy(text, 'a.toml', suggestion('fs', 'read', value));

test('a list on one line grows by one value', async () => {
  assert.equal(
    await read('# head\n[fs]\nread = ["/a"] # why\nwrite = []\n'),
    '# head\n[fs]\nread = ["/a", "/srv"] # why\nwrite = []\n',
  );
  assert.equal(await read('[fs]\nread = []\n'), '[fs]\nread = ["/srv"]\n');
  assert.equal(await read('[fs]\nread = ["/a",]\n'), '[fs]\nread = ["/a", "/srv"]\n');
});

test('a list on many lines gets a line of its own, and comments stay on theirs', async () => {
  assert.equal(
    await read('[fs]\nread = [\n    "/a", # one\n    "/b" # two\n]\n'),
    '[fs]\nread = [\n    "/a", # one\n    "/b", # two\n    "/srv",\n]\n',
  );
  assert.equal(
    await read('[fs]\nread = [\n  "/a",\n  # the end\n]\n'),
    '[fs]\nread = [\n  "/a",\n  "/srv",\n  # the end\n]\n',
  );
  assert.equal(await read('[fs]\nread = ["/a",\n  "/b"]\n'), '[fs]\nread = ["/a",\n  "/b",\n  "/srv",]\n');
});

test('a missing key and a missing section are made', async () => {
  assert.equal(
    await read('[fs]\nwrite = ["/w"]   # w\n\n[net]\nconnect = []\n'),
    '[fs]\nwrite = ["/w"]   # w\nread = ["/srv"]\n\n[net]\nconnect = []\n',
  );
  assert.equal(await read('[fs]\n[net]\n'), '[fs]\nread = ["/srv"]\n[net]\n');
  assert.equal(
    await read('extends = ["@node"]\n\n[[test]]\ndeny = "read /x"'),
    'extends = ["@node"]\n\n[[test]]\ndeny = "read /x"\n\n[fs]\nread = ["/srv"]\n',
  );
  assert.equal(await read(''), '[fs]\nread = ["/srv"]\n');
});

test('dotted keys, inline tables, tables as values and a value that is there', async () => {
  assert.equal(await read('fs.read = ["/a"]\n'), 'fs.read = ["/a", "/srv"]\n');
  assert.equal(await read('fs = { read = ["/a"] }\n'), 'fs = { read = ["/a", "/srv"] }\n');
  assert.equal(await read('fs = { write = ["/a"] }\n'), 'fs = { write = ["/a"], read = ["/srv"] }\n');
  assert.equal(
    await read('[fs]\nread = [{ path = "/a", missing = "optional" }]\n'),
    '[fs]\nread = [{ path = "/a", missing = "optional" }, "/srv"]\n',
  );
  assert.equal(await read('[fs]\nread = ["/srv"]\n'), '[fs]\nread = ["/srv"]\n');
});

test('a scalar is set, and what is no list is refused', async () => {
  assert.equal(
    await editPolicy('[process]\nsignal = "domain" # x\n', 'a.toml', suggestion('process', 'signal', 'any')),
    '[process]\nsignal = "any" # x\n',
  );
  await assert.rejects(read('[fs]\nread = "/a"\n'), { code: 'USAGE' });
  await assert.rejects(editPolicy('', 'a.toml', { ...suggestion('fs', 'deny', 'x'), kind: 'remove' }), {
    code: 'USAGE',
  });
});

test('JSON with comments keeps them', async () => {
  const text = '{\n  // head\n  "fs": {\n    "read": ["/a"], // why\n    "write": []\n  }\n}\n';
  const edited = await editPolicy(text, 'a.jsonc', suggestion('fs', 'read', '/srv'));
  assert.match(edited, /\/\/ head/);
  assert.match(edited, /\/\/ why/);
  assert.match(edited, /"\/a",\s*"\/srv"/);
  assert.match(
    await editPolicy('{}', 'a.json', suggestion('net', 'connect', 'tcp:1')),
    /"connect": \[\s*"tcp:1"/,
  );
});

const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

test('whatever the value, the text parses to what it was plus the value', async () => {
  const { parse } = await import('smol-toml');
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.array(fc.string(), { maxLength: 3 }),
      async (value, list) => {
        const before = `top = 1\n[fs]\nread = ${JSON.stringify(list.filter((item) => /^[ -~]*$/.test(item)))}\n[net]\n`;
        if (/[\u007f\ud800-\udfff]/.test(value)) return;
        const old = parse(before) as { fs: { read: string[] } };
        const now = parse(await read(before, value)) as { fs: { read: string[] } };
        const expected = old.fs.read.includes(value) ? old.fs.read : [...old.fs.read, value];
        assert.deepEqual(plain(now), plain({ ...old, fs: { read: expected } }));
      },
    ),
    { numRuns: 300, seed: 5 },
  );
});

test('the diff shows the lines around, and nothing that a terminal would obey', () => {
  const diff = unifiedDiff('a\nb\nc\nd\ne\n', 'a\nb\nc\nX\u001b[2J\nd\ne\n', 'p\u001b.toml');
  assert.ok(!diff.includes('\u001b'));
  assert.match(diff, /^@@ -1,6 \+1,7 @@$/m);
  assert.match(diff, /^\+X/m);
  assert.equal(unifiedDiff('a', 'a', 'f'), '');
});

test('an edit that could not be read again is not proposed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'landward-allow-'));
  try {
    const file = join(folder, 'landward.toml');
    const text = 'fs.read = ["/a"]\n[net]\nconnect = []\n';
    writeFileSync(file, text);
    const one = { ...suggestion('fs', 'write', '/srv'), file };
    const explanation = { suggestions: [one] } as unknown as Explanation;
    const request = { explanations: [explanation], numbers: [], consents: [], cwd: folder };
    await assert.rejects(proposeEdits(request), { code: 'USAGE', message: /as .*landward\.toml is written/ });
    assert.equal(readFileSync(file, 'utf8'), text);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a policy keeps its owner and mode, and what cannot be replaced is left as it is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'landward-allow-'));
  try {
    const file = join(folder, 'landward.toml');
    const link = join(folder, 'link.toml');
    writeFileSync(file, '[fs]\n');
    chmodSync(file, 0o660);
    if (process.getuid?.() === 0) chownSync(file, 1234, 1235);
    symlinkSync(file, link);
    const before = statSync(file);
    const edit = { file: link, before: '[fs]\n', after: '[fs]\nread = []\n', diff: '', suggestions: [] };
    applyEdit(edit);
    const after = statSync(file);
    assert.equal(readFileSync(file, 'utf8'), edit.after);
    assert.deepEqual([after.uid, after.gid, after.mode], [before.uid, before.gid, before.mode]);
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.throws(() => applyEdit(edit), { code: 'USAGE', message: /has changed meanwhile/ });
    const nowhere = join(folder, 'none/landward.toml');
    assert.throws(() => applyEdit({ ...edit, file: nowhere, before: '' }), {
      code: 'USAGE',
      message: /cannot be replaced: ENOENT/,
    });
    assert.deepEqual(readdirSync(folder).sort(), ['landward.toml', 'link.toml']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
