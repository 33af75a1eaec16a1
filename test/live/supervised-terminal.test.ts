/**
 * Programs that live in a terminal, under a policy that only the supervisor holds: an editor that writes a file and is denied
 * another, and a shell with job control.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needPackage } from '../kit/debian.ts';
import { dialogue } from '../kit/dialogue.ts';
import { needs, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const NEEDS = needs({ abi: 5, supervisor: true, tools: ['python3', 'bash'] });

/** A project with a file to edit and one to keep closed, and the words that run a program there. */
function setUp(t: Parameters<typeof temporaryDirectory>[0]) {
  const project = temporaryDirectory(t, 'terminal');
  const policies = temporaryDirectory(t, 'policies');
  writeFileSync(join(project, 'notes.txt'), 'first\n');
  writeFileSync(join(project, '.env'), 'TOKEN=1\n');
  const policy = join(policies, 'policy.toml');
  writeFileSync(
    policy,
    `extends = ["@shell"]
[fs]
read = ["/usr", "/etc"]
write = ["${project}", "/dev/tty", "/dev/pts"]
device = ["/dev/tty", "/dev/pts", "/dev/null"]
deny = ["${project}/**/.env"]
[env]
pass = ["*"]
set = { XDG_CONFIG_HOME = "/nonexistent", HOME = "${project}", TERM = "xterm" }
`,
  );
  const words = [process.execPath, join(root, 'test/kit/landward.ts'), 'run', '-p', policy, '--'];
  return { project, words };
}

test('vim edits a file, and is denied the other', { ...NEEDS, ...needPackage('vim', 'vim') }, async (t) => {
  const { project, words } = setUp(t);
  const { output, status, missed } = await dialogue(
    [...words, 'vim', '-u', 'NONE', '-n', '-N', 'notes.txt'],
    [
      { expect: 'first', type: 'osecond\x1b:w\r' },
      { expect: 'written', type: ':e .env\r' },
      { expect: 'Permission [Dd]enied', type: '\r:q!\r' },
    ],
    { cwd: project },
  );
  assert.equal(missed, null, output);
  assert.equal(status, 0, output);
  assert.equal(readFileSync(join(project, 'notes.txt'), 'utf8'), 'first\nsecond\n');
  assert.doesNotMatch(output, /TOKEN/);
});

test('bash stops a job, takes it back to the front, and puts another to the back', NEEDS, async (t) => {
  const { project, words } = setUp(t);
  const prompt = 'bash-[0-9.]+[#$] ';
  const { output, status, missed } = await dialogue(
    [...words, 'bash', '--norc', '--noprofile', '-i'],
    [
      { expect: prompt, type: "sh -c 'printf %s%s be gun; cat; echo over > done.txt'\r" },
      // What comes back shows that cat runs: a stop while the shell waits in vfork would stop nobody.
      { expect: 'begun', type: 'ping\r' },
      { expect: 'ping\\s+ping', type: '\x1a' },
      // A shell that takes the terminal back may drop what was typed before its prompt.
      { expect: `Stopped[\\s\\S]*?${prompt}`, type: 'jobs\r' },
      { expect: `jobs[\\s\\S]*Stopped[^\\n]*done.txt[\\s\\S]*?${prompt}`, type: 'fg\r' },
      { expect: 'fg[\\s\\S]*done.txt', type: 'pong\r' },
      { expect: 'pong\\s+pong', type: '\x04' },
      { expect: prompt, type: 'sleep 0.2 & wait; echo w$?\r' },
      { expect: 'w0', type: 'cat .env; exit 7\r' },
    ],
    { cwd: project },
  );
  assert.equal(missed, null, output);
  assert.equal(status, 7, output);
  assert.ok(existsSync(join(project, 'done.txt')), output);
  assert.doesNotMatch(output, /TOKEN/);
});
