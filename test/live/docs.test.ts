import assert from 'node:assert/strict';
import { chmodSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { landwardBin, runChild } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { type Block, blocksOf, matches } from '../kit/page.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

/** Pages with executed examples. What they show is measured on this ABI: the output names what is enforced. */
const PAGES = ['README.md', ...globSync('docs/*.md', { cwd: root }).sort()];

async function runBlock(block: Block, cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  if (block.kind === 'file') {
    const file = join(cwd, block.file.replace(/^~/, env.HOME!));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, block.text);
  } else if (block.kind === 'module') {
    const args = ['-C', 'landward-source', '--input-type=module-typescript', '-e', block.text];
    const result = await runChild(process.execPath, args, { cwd, env });
    assert.equal(result.code, 0, `line ${block.line}: ${result.stderr}`);
    assert.ok(matches(block.output, result.stdout), `line ${block.line}: printed\n${result.stdout}`);
  } else
    for (const { line, text, output, status } of block.commands) {
      const result = await runChild('bash', ['-c', `${text} 2>&1`], { cwd, env });
      assert.ok(matches(output, result.stdout), `line ${line}: ${text}\nprinted\n${result.stdout}`);
      assert.equal(result.code, status, `line ${line}: ${text}\nprinted\n${result.stdout}`);
    }
}

for (const page of PAGES) {
  const blocks = blocksOf(readFileSync(join(root, page), 'utf8'));
  if (blocks.length === 0) continue;
  test(`${page}: ${blocks.length} examples do what they show`, needs({ abi: 7 }), async (t) => {
    const home = temporaryDirectory(t, 'docs');
    const project = join(home, 'project');
    const bin = join(home, '.bin');
    // The home of the page lies in /tmp, which presets let programs write.
    const temporary = temporaryDirectory(t, 'docs-tmp');
    for (const folder of [project, bin, join(home, '.ssh')]) mkdirSync(folder);
    writeFileSync(join(home, '.ssh/id_ed25519'), 'the private key\n');
    // A module of the page resolves `landward` as in a project that has installed it.
    mkdirSync(join(project, 'node_modules'));
    await runChild('ln', ['-s', join(root, 'packages/landward'), join(project, 'node_modules/landward')]);
    const shim = join(bin, 'landward');
    writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${landwardBin}' "$@"\n`);
    chmodSync(shim, 0o755);
    const env = {
      HOME: home,
      TMPDIR: temporary,
      PATH: `${bin}:${dirname(process.execPath)}:/usr/bin:/bin`,
      LANG: 'C.UTF-8',
    };
    for (const block of blocks) await runBlock(block, project, env);
  });
}

test('the README has executed examples', () => {
  assert.ok(blocksOf(readFileSync(join(root, 'README.md'), 'utf8')).length >= 2);
});
