import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { type ChildResult, runLandward } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';
import { makeWorld, policyText } from './world.ts';

/** Runs a program that rewrites the very policy it runs under, which lies in its writable project. */
async function rewrite(require_: string): Promise<{ result: ChildResult; before: string; after: string }> {
  const world = makeWorld();
  try {
    const file = join(world.project, 'policy.toml');
    const before = policyText(world, { sections: { require: require_ } });
    writeFileSync(file, before);
    const words = ['run', '-p', file, '--', world.probe, 'copy-range', join(world.library, 'file'), file];
    const result = await runLandward(words, { cwd: world.project });
    return { result, before, after: readFileSync(file, 'utf8') };
  } finally {
    world.remove();
  }
}

test(
  '21 a policy file inside the writable project: held shut by the supervisor',
  needs({ abi: 6, supervisor: true }),
  async () => {
    const { result, before, after } = await rewrite('');
    assert.match(result.stdout, /^ERRNO 13 /, JSON.stringify(result));
    assert.equal(after, before);
  },
);

test(
  '21 a policy file inside the writable project: rewritten where the gap is accepted',
  needs({ abi: 6 }),
  async () => {
    const { result, before, after } = await rewrite('degrade = ["self"]');
    assert.match(result.stdout, /^DONE/, JSON.stringify(result));
    assert.notEqual(after, before);
  },
);

test('21 a policy that is found in a project cannot widen', needs({ abi: 6 }), async () => {
  const world = makeWorld();
  try {
    const run = () =>
      runLandward(['run', '--exec', '/usr', '--exec', world.tools, '--', world.probe, 'read', world.secret], {
        cwd: world.project,
        // @default, which the options add to, lets programs write the temporary directory.
        env: { ...process.env, TMPDIR: world.tools },
      });
    const held = await run();
    assert.match(held.stdout, /^ERRNO 13 /, JSON.stringify(held));
    writeFileSync(
      join(world.project, 'landward.toml'),
      `[fs]\nread = [${JSON.stringify(world.outside)}]\nexec = ["/"]\n`,
    );
    const widened = await run();
    assert.equal(`${widened.stdout}${widened.stderr}`.includes(world.token), false, JSON.stringify(widened));
  } finally {
    world.remove();
  }
});
