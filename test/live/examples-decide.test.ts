/**
 * The examples of functions that decide, as files and on their page, and what eBPF says of the same: each form must stop the
 * same script at the same places.
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runChild } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const live = needs({ abi: 5, supervisor: true, tools: ['bash'] });
const file = (name: string) => join(root, 'examples', name);

function setting(t: TestContext) {
  const [dir, made] = [temporaryDirectory(t, 'example'), temporaryDirectory(t, 'made')];
  const env = { ...process.env, XDG_STATE_HOME: temporaryDirectory(t, 'state') };
  return {
    dir,
    /** Makes an object file with an example. */
    async object(name: string) {
      const object = join(made, 'example.bpf.o');
      const result = await runChild(process.execPath, ['-C', 'landward-source', file(name), object]);
      assert.equal(result.code, 0, result.stderr);
      return object;
    },
    /** Lines that a script prints, confined. */
    async lines(options: readonly string[], script: string) {
      const words = ['run', '--read', '/', '--exec', '/', ...options, '--', 'bash', '-c', script];
      const result = await runChild(process.execPath, [join(root, 'test/kit/landward.ts'), ...words], {
        cwd: dir,
        env,
      });
      return { lines: result.stdout.trim().split('\n'), stderr: result.stderr };
    },
  };
}

test(
  'no file that is older than the sandbox is changed, by a function and by a program [R-002-38]',
  live,
  async (t) => {
    const { dir, object, lines } = setting(t);
    const script = `
    try() { "$@" > /dev/null 2>&1 && echo yes || echo no; }
    try bash -c 'echo more >> old'; try truncate -s 0 old; try chmod 600 old; try touch old; try mv old moved; try rm -f old
    try cat old; try cp old new; try bash -c 'echo more >> new'; try mv new newer; try rm newer; try mv -f /proc/none old`;
    const wanted = 'no no no no no no yes yes yes yes yes no'.split(' ');
    for (const options of [
      ['--decide', file('no-old-files/guard.mts')],
      ['--program', `${await object('no-old-files/program.mts')},old=old`],
    ]) {
      writeFileSync(join(dir, 'old'), 'old\n');
      assert.deepEqual((await lines(['--write', '.', ...options], script)).lines, wanted, options.join(' '));
      assert.equal(readFileSync(join(dir, 'old'), 'utf8'), 'old\n');
    }
    // The control: without either all of it is done.
    const free = await lines(['--write', '.'], script);
    assert.ok(
      free.lines.slice(0, 6).every((line) => line === 'yes'),
      free.lines.join(' '),
    );
  },
);

test('connections are limited, by a function with a clock and by a program that counts', live, async (t) => {
  const { object, lines } = setting(t);
  // Nothing listens there: what is allowed is refused by nobody but the other side.
  const script = `
    for i in 1 2 3 4 5; do
      said=$( { : < /dev/tcp/127.0.0.1/9; } 2>&1 ); [[ $said == *"Connection refused"* ]] && echo tried || echo stopped
    done`;
  const wanted = ['tried', 'tried', 'tried', 'stopped', 'stopped'];
  for (const options of [
    ['--decide', file('rate-limit/limiter.mts')],
    ['--program', await object('rate-limit/quota.mts')],
    // Both: a call that is begun anew after the function's answer counts once.
    ['--program', await object('rate-limit/quota.mts'), '--decide', file('rate-limit/limiter.mts')],
  ])
    assert.deepEqual(
      (await lines(['--connect', 'tcp:9', ...options], script)).lines,
      wanted,
      options.join(' '),
    );
  assert.deepEqual((await lines(['--connect', 'tcp:9'], script)).lines, Array(5).fill('tried'));
});

test('the page shows the files of the examples', () => {
  const page = readFileSync(join(root, 'docs/functions.md'), 'utf8');
  for (const name of ['no-old-files/guard.mts', 'rate-limit/limiter.mts'])
    assert.ok(page.includes(readFileSync(file(name), 'utf8').trim()), name);
});
