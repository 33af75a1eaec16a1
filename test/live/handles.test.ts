/** Descriptors that stand for something: what they stand for is kept as long as they are open anywhere, and no longer. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { attempt } from '../../packages/landward/src/kernel/call.ts';
import { Handles } from '../../packages/landward/src/supervisor/handles.ts';
import { needs } from '../kit/needs.ts';

const close = (fd: number) => attempt('close', fd);
const openFiles = () => readdirSync('/proc/self/fd').length;

function made<T>(handles: Handles<T>, what: T): number {
  const fd = handles.make(what);
  assert.ok(fd >= 0, `${fd}`);
  return fd;
}

test(
  'what a descriptor stands for is kept while another process has it, and let go of afterwards',
  needs({ tools: ['sleep'] }),
  async () => {
    const before = openFiles();
    {
      using handles = new Handles<object>();
      const kept = {};
      const fd = made(handles, kept);
      const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
      await once(child, 'spawn');
      close(fd);
      for (let count = 0; count < 2000; count++) close(made(handles, {}));
      assert.ok(handles.size <= 520, `${handles.size} are held, of which one is open`);
      const pidfd = attempt('pidfd_open', child.pid!, 0);
      const again = attempt('pidfd_getfd', pidfd, 3, 0);
      assert.equal(handles.find(again), kept);
      assert.equal(handles.find(pidfd), null);
      close(pidfd);
      close(again);
      child.kill('SIGKILL');
      await once(child, 'exit');
      for (let count = 0; count < 600; count++) close(made(handles, {}));
      const fresh = made(handles, kept);
      assert.equal(handles.find(fresh), kept, 'what was let go of can be made again');
      close(fresh);
      assert.ok(openFiles() <= before + 12, 'hundreds of handles need few files here');
    }
    assert.ok(openFiles() <= before + 1);
  },
);

test('many are open at once, each means its own, and the same thing has one number', () => {
  using handles = new Handles<number[]>();
  const things = Array.from({ length: 1500 }, (_, index) => [index]);
  const fds = things.map((thing) => made(handles, thing));
  const twice = made(handles, things[7]!);
  assert.equal(handles.find(twice), things[7]);
  close(fds[7]!);
  for (const index of [0, 399, 400, 1499]) assert.equal(handles.find(fds[index]!), things[index]);
  assert.equal(handles.size, 1500);
  // Watching handles takes ways from the supervisor's own, which makes others then.
  const watcher = attempt('epoll_create1', 0);
  for (const fd of fds.slice(1450, 1500)) attempt('epoll_ctl', watcher, 1, fd, new Uint32Array(4));
  const more = Array.from({ length: 900 }, (_, index) => made(handles, [index]));
  assert.deepEqual(handles.find(more[899]!), [899]);
  assert.equal(handles.find(twice), things[7], 'one descriptor of two is enough');
  for (const fd of [...fds.filter((_, index) => index !== 7), twice, watcher, ...more]) close(fd);
});

test('what was changed stands for nothing', () => {
  using handles = new Handles<string>();
  const fd = made(handles, 'domain');
  const other = attempt('eventfd2', 0, 0);
  attempt('epoll_ctl', fd, 1, other, new Uint32Array(4));
  assert.equal(handles.find(fd), null);
  close(other);
  assert.equal(handles.find(fd), 'domain');
  close(fd);
});
