import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attempt } from '../../packages/landward/src/kernel/call.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { runChild } from '../kit/child.ts';
import { landlockAbi, needs, root } from '../kit/needs.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const supervised = needs({ supervisor: true });
const program = join(root, 'test/kit/user-landlock-child.ts');

/** A directory with a file, a link out of it, and room beside it. */
function tree(t: Ending): string {
  const path = join(temporaryDirectory(t, 'user-landlock'), 'inside');
  mkdirSync(path);
  writeFileSync(join(path, 'file'), 'content');
  symlinkSync('/etc/passwd', join(path, 'link'));
  return path;
}

/** Runs a mode of the program under user-space Landlock; what it saw. */
async function run(mode: string, directory: string, words: readonly string[] = [], abi = 11) {
  const landward = join(root, 'test/kit/landward.ts');
  const args = [
    landward,
    'run',
    '--landlock=user',
    `--abi=${abi}`,
    '--',
    process.execPath,
    program,
    mode,
    directory,
  ];
  const [command, ...rest] = [...words, process.execPath, ...args];
  const child = await runChild(command!, rest, { timeout: 90_000 });
  const line = child.stdout.split('\n').findLast((text) => text.startsWith('{'));
  assert.ok(line !== undefined, `no result: ${child.stderr}`);
  return JSON.parse(line) as Record<string, unknown>;
}

const FILES = {
  inside: 'ok',
  outside: 'EACCES',
  link: 'EACCES',
  make: 'ok',
  makeOutside: 'EACCES',
  missing: 'ENOENT',
};

test('a program is shown the Landlock that was asked for, whatever the kernel has', supervised, async (t) => {
  const directory = tree(t);
  const newest = await run('status', directory);
  assert.deepEqual(newest.status, { state: 'available', abi: 11, errata: 15 });
  assert.equal(newest.newest, 'ok');
  const older = await run('status', directory, [], 4);
  assert.equal((older.status as { abi: number }).abi, 4);
  assert.equal(older.newest, 'EINVAL', 'a right of ABI 10 does not exist in ABI 4');
  assert.notEqual(landlockAbi(), 4, 'the kernel itself must differ for this test to say anything');
});

test('a domain holds for its thread, its children and orphans', supervised, async (t) => {
  const directory = tree(t);
  const seen = await run('files', directory);
  for (const [name, result] of Object.entries(FILES)) assert.equal(seen[name], result, name);
  assert.notEqual(seen.child, 'ok');
  assert.match(seen.orphan as string, /Permission denied/);
});

test(
  'an unprivileged program needs no_new_privs, and sees it as it has set it',
  needs({ supervisor: true, root: true, tools: ['setpriv'] }),
  async (t) => {
    const directory = tree(t);
    await runChild('chmod', ['-R', 'a+rwX', join(directory, '..')]);
    const user = ['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups'];
    const seen = await run('files', directory, user);
    assert.equal(seen.unprivileged, 'EPERM');
    assert.deepEqual([seen.before, seen.after], [0, 1]);
    assert.equal(seen.outside, 'EACCES');
    assert.match(seen.orphan as string, /Permission denied/);
  },
);

test('a program cannot take the mark of its domain off', supervised, async (t) => {
  const directory = tree(t);
  const seen = await run('marks', directory);
  for (const [name, result] of Object.entries(FILES)) assert.equal(seen[name], result, name);
  assert.equal(seen.group, -ERRNO.EPERM);
  assert.equal(seen.limit, -ERRNO.EPERM);
});

test('what is no ruleset is not taken for one', supervised, async (t) => {
  const directory = tree(t);
  const seen = await run('forged', directory);
  assert.equal(seen.eventfd, -ERRNO.EBADFD);
  assert.equal(seen.epoll, -ERRNO.EBADFD);
  assert.equal(seen.closed, -ERRNO.EBADF);
});

test('scopes hold for signals and for looking into others', supervised, async (t) => {
  const directory = tree(t);
  const seen = await run('scopes', directory);
  assert.equal(seen.child, 0);
  assert.equal(seen.parent, -ERRNO.EPERM);
  assert.equal(seen.everybody, -ERRNO.EPERM);
  assert.equal(seen.pidfd, -ERRNO.EPERM);
  assert.equal(seen.memory, -ERRNO.EPERM);
});

test('moves between directories need refer on both sides', supervised, async (t) => {
  const directory = tree(t);
  const seen = await run('refer', directory);
  assert.equal(seen.same, 'ok');
  assert.equal(seen.other, 'EXDEV');
});

test('a mark that somebody outside takes away ends the run', supervised, async (t) => {
  const directory = tree(t);
  const landward = join(root, 'test/kit/landward.ts');
  const args = [landward, 'run', '--landlock=user', '--', process.execPath, program, 'waits', directory];
  let stripped = -1;
  const child = await runChild(process.execPath, args, {
    timeout: 90_000,
    started: ({ stdout, stdin }) =>
      stdout!.on('data', (text: string) => {
        const told = /^restricted (\d+)$/m.exec(text);
        if (told === null) return;
        // What `ionice` of the same user does: best effort, level 4, no hint.
        stripped = attempt('ioprio_set', 1, Number(told[1]), (2 << 13) | 4);
        stdin!.write('\n');
      }),
  });
  assert.equal(stripped, 0, 'the priority must have been changed for this test to say anything');
  assert.doesNotMatch(child.stdout, /"outside":"ok"/);
  assert.ok(child.code !== 0 || child.signal !== null);
  assert.ok(!existsSync(join(directory, '../made')));
});
