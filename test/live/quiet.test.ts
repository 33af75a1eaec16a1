/** Quiet rules on a kernel that knows them: the ruleset is taken, by the way of `run` and by a compiled launcher. */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runChild } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const landward = join(import.meta.dirname, '../kit/landward.ts');

test('quiet denials deny as loud ones do', needs({ abi: 10 }), async (t) => {
  const work = temporaryDirectory(t, 'quiet');
  mkdirSync(join(work, 'closed'));
  for (const name of ['open', 'closed/secret']) writeFileSync(join(work, name), `${name}\n`);
  const policy = join(work, 'policy.toml');
  writeFileSync(
    policy,
    `extends = ["@shell"]
[fs]
read = ["$project/open"]
deny = [{ path = "$project/closed", quiet = true }]
[net]
deny = [{ target = "tcp:25", rights = ["connect"], quiet = true }]
`,
  );
  const script = 'cat open; cat closed/secret';
  const run = (command: string, args: readonly string[]) => runChild(command, args, { cwd: work });
  const launcher = join(work, 'launcher');
  const compiled = await run(process.execPath, [landward, 'compile', '-p', policy, '-o', launcher]);
  assert.equal(compiled.code, 0, compiled.stderr);
  for (const { stdout, stderr } of [
    await run(process.execPath, [landward, 'run', '-p', policy, '--', '/bin/sh', '-c', script]),
    await run(launcher, ['/bin/sh', '-c', script]),
  ]) {
    assert.equal(stdout, 'open\n', stderr);
    assert.match(stderr, /closed\/secret/);
  }
});
