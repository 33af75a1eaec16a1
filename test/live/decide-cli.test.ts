/**
 * `landward run --decide FILE`: a function from a module decides for a command, cannot be changed by it, and asks on the
 * terminal with `--ask`.
 */

import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runChild } from '../kit/child.ts';
import { dialogue } from '../kit/dialogue.ts';
import { needs, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const live = needs({ abi: 5, supervisor: true });

function setting(t: TestContext, text: (dir: string) => string) {
  const dir = temporaryDirectory(t, 'decide-cli');
  const guard = join(dir, 'guard.mts');
  writeFileSync(guard, text(dir));
  writeFileSync(join(dir, 'one'), 'content of one\n');
  writeFileSync(join(dir, 'two'), 'content of two\n');
  const env = { ...process.env, XDG_STATE_HOME: temporaryDirectory(t, 'state') };
  const words = (...more: readonly string[]) => [
    join(root, 'test/kit/landward.ts'),
    'run',
    '--write',
    dir,
    '--read',
    '/',
    '--exec',
    '/',
    ...more,
  ];
  const run = (...more: readonly string[]) => runChild(process.execPath, words(...more), { env, cwd: dir });
  return { dir, guard, run, words, env };
}

const SHUT = (dir: string) => `
  interface Request { readonly object: { readonly kind: string; readonly path?: string } }
  let asked = 0;
  export default ({ object }: Request) => {
    asked++;
    return object.path === ${JSON.stringify(join(dir, 'two'))} ? 'deny' : undefined;
  };`;

test('a function from a file decides, and is named where it denies', live, async (t) => {
  const { guard, run } = setting(t, SHUT);
  const result = await run('--decide', guard, '--', 'cat', 'one', 'two');
  assert.equal(result.stdout, 'content of one\n');
  assert.equal(result.code, 1);
  assert.match(result.stderr, /was denied fs\.read_file .*, by .*guard\.mts$/m);
  const explained = await run('--decide', guard, '--explain', '--', 'cat', 'one', 'two');
  assert.match(explained.stderr, /by .*guard\.mts/);
});

test('the program cannot change the function that decides about it', live, async (t) => {
  const { guard, run } = setting(t, SHUT);
  const before = readFileSync(guard, 'utf8');
  const tried = await run(
    '--decide',
    guard,
    '--',
    'sh',
    '-c',
    'echo x > one; echo x >> guard.mts; mv two guard.mts; rm -f guard.mts; mv guard.mts g; ln guard.mts h && echo x >> h; cat one',
  );
  assert.equal(tried.stdout, 'x\n');
  assert.equal(readFileSync(guard, 'utf8'), before);
  // Without being the function of the run, the same file is like any other.
  await run('--', 'sh', '-c', 'echo x >> guard.mts');
  assert.notEqual(readFileSync(guard, 'utf8'), before);
});

test('who refuses the start of the command is named, and why', live, async (t) => {
  for (const [body, by, why] of [
    ["() => 'deny'", /denied by .*guard\.mts$/m, /The rules allow it/],
    ["() => 'nope'", /denied by .*guard\.mts \(no such answer\)$/m, /answered "nope", which denies/],
    ["() => 'ask'", /denied by .*guard\.mts \(wants to ask, and there is nobody\)$/m, /The rules allow it/],
    ["() => { throw new Error('boom') }", /denied by .*guard\.mts \(threw\)$/m, /Error: boom/],
  ] as const) {
    const { guard, run } = setting(t, () => `export default ${body};`);
    const { code, stderr } = await run('--decide', guard, '--', 'cat', 'one');
    assert.equal(code, 126);
    assert.match(stderr, by);
    assert.match(stderr, why);
    assert.doesNotMatch(stderr, /Grant fs\.execute/);
  }
});

test('a file that is no function, is not there, or belongs to everybody is refused', live, async (t) => {
  const { dir, guard, run } = setting(t, () => 'export default 7;');
  const wrong = [
    ['export default 7;', /no function that decides/],
    ['export const decide = () => undefined;', /no function that decides/],
    ['export default { about: ["fs"] };', /is missing/],
    ['export default { decide: () => 1, about: ["files"] };', /has "files"/],
    ['throw new Error("\\u001b[31mred");', /cannot be loaded/],
  ] as const;
  for (const [text, message] of wrong) {
    writeFileSync(guard, text);
    const result = await run('--decide', guard, '--', 'true');
    assert.equal(result.code, 125, text);
    assert.match(result.stderr, message);
    assert.ok(!result.stderr.includes('\u001b[31m'));
    // A module is loaded once a process, so that each text needs a process of its own, which it has.
  }
  assert.equal((await run('--decide', join(dir, 'none.mjs'), '--', 'true')).code, 125);
  writeFileSync(guard, 'export default () => undefined;');
  chmodSync(guard, 0o666);
  const open = await run('--decide', guard, '--', 'true');
  assert.equal(open.code, 125);
  assert.match(open.stderr, /everybody may write to it/);
  // A person whom nothing asks changes nothing.
  assert.equal((await run('--ask', '--', 'true')).code, 0);
});

const ASKING = (dir: string) => `
  export default ({ object }) =>
    object.kind === 'path' && object.path.startsWith(${JSON.stringify(`${dir}/`)}) ? 'ask' : undefined;`;

test(
  'a person is asked on the terminal, and remembered only where they say so',
  needs({ abi: 5, supervisor: true, tools: ['python3'] }),
  async (t) => {
    const { dir, guard, words, env } = setting(t, ASKING);
    const command = [
      process.execPath,
      ...words('--decide', guard, '--ask', '--', 'sh', '-c', 'cat one; cat one; cat two; cat two; cat one'),
    ];
    const expect = (name: string) => `asks for fs.read_file on "${dir}/${name}"[^:]*: `;
    const { output, missed } = await dialogue(
      command,
      [
        { expect: expect('one'), type: 'n\n' },
        { expect: expect('one'), type: 'perhaps\n' },
        { expect: expect('one'), type: 'always\n' },
        { expect: expect('two'), type: 'y\n' },
        { expect: expect('two'), type: 'v\n' },
      ],
      { env, cwd: dir },
    );
    assert.equal(missed, null, output);
    assert.equal(output.match(/^content of one/gm)?.length, 2);
    assert.equal(output.match(/^content of two/gm)?.length, 1);
  },
);

test(
  'a person can answer where the program has changed the mode of the terminal, and deny by ending the input',
  needs({ abi: 5, supervisor: true, tools: ['python3', 'stty'] }),
  async (t) => {
    const { dir, guard, words, env } = setting(t, ASKING);
    const script = 'cat one; stty raw; cat two; stty sane';
    const command = [process.execPath, ...words('--decide', guard, '--ask', '--', 'sh', '-c', script)];
    const { output, missed } = await dialogue(
      command,
      [
        { expect: `on "${dir}/one"[^:]*: `, type: '\u0004' },
        { expect: 'no answer, which denies' },
        { expect: `on "${dir}/two"[^:]*: `, type: 'y\r' },
        { expect: 'content of two' },
      ],
      { env, cwd: dir },
    );
    assert.equal(missed, null, output);
    assert.doesNotMatch(output, /content of one/);
  },
);

test(
  'without a terminal nobody can be asked, which denies',
  needs({ abi: 5, supervisor: true, tools: ['setsid'] }),
  async (t) => {
    const { dir, guard, words, env } = setting(t, ASKING);
    const args = ['-w', process.execPath, ...words('--decide', guard, '--ask', '--', 'cat', 'one')];
    const result = await runChild('setsid', args, { env, cwd: dir, input: 'y\ny\n' });
    assert.equal(result.stdout, '');
    assert.match(result.stderr, /no terminal to ask on/);
  },
);
