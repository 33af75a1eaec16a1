/**
 * `why` against the running kernel on what a path may lead to: symbolic links, hard links and bind mounts. The bind mount
 * lies in a mount namespace of its own, in which both `why` and the confined program run.
 */

import assert from 'node:assert/strict';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile, host as planHost, spawn } from '../../packages/landward/src/index.ts';
import { why } from '../../packages/landward/src/launch/why.ts';
import { landwardBin, runChild } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const source = join(root, 'packages/landward/src');

test(
  'why and the kernel agree on symbolic links, hard links and bind mounts',
  needs({ abi: 1, root: true, tools: ['unshare', 'mount'] }),
  async (t) => {
    const work = temporaryDirectory(t);
    for (const name of ['granted', 'closed', 'over']) mkdirSync(join(work, name));
    for (const path of ['granted/in', 'closed/out', 'closed/ruled', 'closed/linked-in'])
      writeFileSync(join(work, path), 'content\n');
    symlinkSync('../closed/out', join(work, 'granted/to-out'));
    symlinkSync('../granted/in', join(work, 'closed/to-in'));
    linkSync(join(work, 'closed/ruled'), join(work, 'closed/other-name'));
    linkSync(join(work, 'closed/linked-in'), join(work, 'granted/linked'));
    const policy = join(work, 'policy.json');
    const read = [join(work, 'granted'), join(work, 'closed/ruled')];
    writeFileSync(policy, JSON.stringify({ extends: ['@shell'], fs: { exec: ['/usr'], read } }));
    const expected = {
      'granted/in': true,
      'granted/to-out': false,
      'closed/out': false,
      'closed/to-in': true,
      'closed/ruled': true,
      'closed/other-name': true,
      'granted/linked': true,
      'closed/linked-in': false,
      'over/in': true,
      'over/to-out': false,
    };
    const paths = Object.keys(expected).map((name) => join(work, name));
    const ask = `
      const { loadForRun } = await import('${source}/launch/run-policy.ts');
      const { planHost } = await import('${source}/launch/host.ts');
      const { why } = await import('${source}/launch/why.ts');
      const [policy, ...paths] = process.argv.slice(1);
      const { plan } = await loadForRun({ policy: [policy] }, { keepGaps: true });
      const may = (path) => why(plan, planHost(), 'read ' + path, '/').kernel.allowed;
      console.log(JSON.stringify(paths.map(may)));`;
    writeFileSync(join(work, 'ask.mjs'), ask);
    writeFileSync(join(work, 'read.sh'), 'for path; do cat "$path" 2>/dev/null || echo refused; done');
    const quoted = paths.map((path) => `'${path}'`).join(' ');
    const script = [
      `mount --bind '${join(work, 'granted')}' '${join(work, 'over')}'`,
      `'${process.execPath}' --input-type=module -e "$(cat '${join(work, 'ask.mjs')}')" -- '${policy}' ${quoted}`,
      `'${process.execPath}' '${landwardBin}' run -p '${policy}' -- sh -c "$(cat '${join(work, 'read.sh')}')" sh ${quoted}`,
    ].join('\n');
    const { stdout, stderr, code } = await runChild('unshare', ['-m', 'sh', '-ec', script]);
    assert.equal(code, 0, stderr);
    const [answers, ...did] = stdout.trim().split('\n');
    const asked: boolean[] = JSON.parse(answers!);
    const said = Object.keys(expected).map((name, index) => [
      name,
      { why: asked[index], kernel: did[index] === 'content' },
    ]);
    assert.deepEqual(
      Object.fromEntries(said),
      Object.fromEntries(Object.entries(expected).map(([name, may]) => [name, { why: may, kernel: may }])),
    );
  },
);

test('reading a directory is listing it, in the answer as on the kernel', needs({ abi: 1 }), async (t) => {
  const work = temporaryDirectory(t);
  for (const name of ['listed', 'run']) mkdirSync(join(work, name));
  const system = ['/usr', '/bin', '/lib', '/lib64', '/etc/ld.so.cache'].map((path) => ({
    path,
    optional: true,
  }));
  const plan = await compile({
    fs: { read: [...system, join(work, 'listed')], exec: [...system, join(work, 'run')] },
  });
  for (const [name, may] of [
    ['listed', true],
    ['run', false],
  ] as const) {
    const { decision, kernel } = why(plan, planHost(), `read ${join(work, name)}`, work);
    const { exitCode } = await spawn('/bin/sh', ['-c', 'exec ls "$0"', join(work, name)], {
      plan,
      reject: false,
    });
    assert.deepEqual([decision.verdict === 'allow', kernel!.allowed, exitCode === 0], [may, may, may], name);
  }
});
