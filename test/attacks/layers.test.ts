import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { landwardBin, runLandward } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { makeWorld, type PolicyChange, policyText, type World } from './world.ts';

/** What landward itself needs when it runs inside a domain: Node, its own files, and a look at this kernel. */
const nested: PolicyChange = { read: [root, '/proc', '/sys', '/etc'], exec: [process.execPath] };

function policy(world: World, name: string, change: PolicyChange): string {
  const file = join(world.library, name);
  writeFileSync(file, policyText(world, change));
  return file;
}

const layer = (file: string) => [process.execPath, landwardBin, 'run', '-p', file, '--'];

async function rename(inner: (world: World) => PolicyChange): Promise<{ stdout: string; moved: boolean }> {
  const world = makeWorld();
  try {
    for (const name of ['a', 'b']) mkdirSync(join(world.project, name));
    writeFileSync(join(world.project, 'a/file'), '');
    const outer = policy(world, 'outer.toml', nested);
    const second = policy(world, 'inner.toml', { ...nested, ...inner(world) });
    const words = [world.probe, 'rename', join(world.project, 'a/file'), join(world.project, 'b/file')];
    const result = await runLandward(['run', '-p', outer, '--', ...layer(second), ...words], {
      cwd: world.project,
    });
    assert.equal(result.stderr, '');
    return { stdout: result.stdout, moved: existsSync(join(world.project, 'b/file')) };
  } finally {
    world.remove();
  }
}

test('34 a move between two granted trees works below two layers', needs({ abi: 6 }), async () => {
  const { stdout, moved } = await rename(() => ({}));
  assert.match(stdout, /^DONE/);
  assert.equal(moved, true);
});

test('34 a move fails when one of two layers grants no fs.refer', needs({ abi: 6 }), async () => {
  // The project stays writable in every other way: the missing right alone decides.
  const { stdout, moved } = await rename(({ project }) => ({
    ownProject: false,
    read: [...nested.read!, project],
    modify: [project],
    fs: `create = [${JSON.stringify(project)}]\ndelete = [${JSON.stringify(project)}]`,
  }));
  assert.match(stdout, /^ERRNO 18 /);
  assert.equal(moved, false);
});

test(
  '39 the seventeenth layer is refused, and the program does not start without it',
  needs({ abi: 6 }),
  async () => {
    const world = makeWorld();
    try {
      const file = policy(world, 'policy.toml', nested);
      const run = (layers: number) =>
        runLandward(
          [
            'run',
            '-p',
            file,
            '--',
            ...Array.from({ length: layers - 1 }, () => layer(file)).flat(),
            world.probe,
            'euid',
          ],
          { cwd: world.project, timeout: 120_000 },
        );
      const sixteen = await run(16);
      assert.match(sixteen.stdout, /^DONE/, sixteen.stderr);
      const seventeen = await run(17);
      assert.equal(seventeen.code, 125);
      assert.equal(seventeen.stdout, '');
      assert.match(seventeen.stderr, /16|E2BIG/);
    } finally {
      world.remove();
    }
  },
);
