/** Faults around notified calls: signals, many threads, death, no descriptors; that nothing is lost, doubled or left. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { ARCH, attempt, call } from '../../packages/landward/src/kernel/call.ts';
import { Inbox } from '../../packages/landward/src/kernel/inbox.ts';
import { readString } from '../../packages/landward/src/kernel/memory.ts';
import { addFd, isPending, sendErrno, sendValue } from '../../packages/landward/src/kernel/notify.ts';
import { waitPidfd } from '../../packages/landward/src/kernel/process.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { AT_FDCWD } from '../../packages/landward/src/uapi/open.ts';
import { RLIMIT } from '../../packages/landward/src/uapi/resource.ts';
import { type SyscallName, syscallNumber } from '../../packages/landward/src/uapi/syscalls.ts';
import { watch } from '../kit/listener.ts';
import { hasCompiler, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const compiler = hasCompiler() ? {} : { skip: 'needs a C compiler (apt-get install gcc)' };
const CALLS: readonly SyscallName[] = ['getppid', 'mkdirat'];
const number = (name: SyscallName) => syscallNumber(ARCH, name)!;

interface Ran {
  readonly output: unknown;
  readonly notified: number;
  readonly ended: ReturnType<typeof waitPidfd>;
}

interface Faults {
  /** The room of the ring. */
  readonly entries?: number;
  readonly cwd?: string;
  /** Flags of the filter instead of WAIT_KILLABLE_RECV. */
  readonly flags?: number;
  /** Called after every look into the inbox. */
  readonly idle?: () => void;
}

/** Runs the program and lets `answer` see every notification. */
function supervise(
  t: TestContext,
  words: readonly string[],
  answer: (inbox: Inbox, entry: number, listener: number) => void,
  options: Faults = {},
): Ran {
  const folder = temporaryDirectory(t, 'run');
  const file = join(folder, 'output');
  const stdout = openSync(file, 'w');
  const binary = join(folder, 'notified');
  const source = join(root, 'test/kit/notified.c');
  const cc = spawnSync('cc', ['-O1', '-pthread', '-o', binary, source], { encoding: 'utf8' });
  assert.equal(cc.status, 0, cc.stderr);
  using inbox = new Inbox({ entries: options.entries ?? 1024 });
  let notified = 0;
  const watched = watch(inbox, 7, CALLS, [binary, ...words], {
    stdout,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.flags === undefined ? {} : { flags: options.flags }),
  });
  closeSync(stdout);
  let pidfd = -1;
  let hungup = false;
  const end = Date.now() + 60_000;
  while (!hungup || pidfd < 0) {
    assert(Date.now() < end, 'the program does not end');
    const count = inbox.next(100);
    for (let i = 0; i < count; i++) {
      const kind = inbox.kind(i);
      if (kind === 'notification') {
        notified++;
        assert.equal(inbox.key(i), 7);
        answer(inbox, i, watched.listener);
      } else if (kind === 'job') {
        assert.equal(inbox.job(i).errno, 0);
        pidfd = inbox.job(i).pidfd;
        inbox.forget(watched.job);
      } else if (kind === 'hungup') hungup = true;
      else assert.equal(kind, 'wake');
    }
    options.idle?.();
  }
  attempt('close', watched.listener);
  const ended = waitPidfd(pidfd, { block: true });
  attempt('close', pidfd);
  const text = readFileSync(file, 'utf8');
  return { output: text === '' ? null : JSON.parse(text), notified, ended };
}

/** Answers getppid with the id of the thread. */
function answerTid(inbox: Inbox, entry: number, listener: number): void {
  assert.equal(inbox.nr(entry), number('getppid'));
  assert.equal(sendValue(listener, inbox.id(entry), inbox.tid(entry)), 0);
}

for (const restart of [1, 0])
  test(`in a storm of signals (SA_RESTART ${restart}) no call runs twice and none is lost`, compiler, (t) => {
    const folder = temporaryDirectory(t, 'storm');
    const path = Buffer.alloc(4096);
    const count = 1000;
    const { output, notified, ended } = supervise(
      t,
      ['storm', String(count), String(restart)],
      (inbox, i, listener) => {
        assert.equal(inbox.nr(i), number('mkdirat'));
        const length = readString(inbox.tid(i), inbox.arg(i, 1), path);
        assert(length > 1, `the path cannot be read: ${length}`);
        const name = join(folder, path.toString('latin1', 0, length));
        const made = attempt('mkdirat', AT_FDCWD, Buffer.from(`${name}\0`), 0o700);
        const sent = made < 0 ? sendErrno(listener, inbox.id(i), -made) : sendValue(listener, inbox.id(i), 0);
        // Whatever was performed must reach the program.
        assert.equal(sent, 0);
      },
      { cwd: folder },
    );
    assert.equal(ended?.code, 0);
    const seen = output as { made: number; interrupted: number; other: number; signals: number };
    assert(seen.signals > 10, `too few signals to tell: ${seen.signals}`);
    assert.equal(seen.other, 0, 'a directory that existed already was made twice');
    assert.equal(seen.made, notified);
    assert.equal(readdirSync(folder).length, seen.made);
    assert.equal(seen.made + seen.interrupted, count);
    if (restart === 1) assert.equal(seen.interrupted, 0);
  });

test('without WAIT_KILLABLE_RECV the same storm runs calls twice: the test can fail', compiler, (t) => {
  const folder = temporaryDirectory(t, 'storm');
  const path = Buffer.alloc(4096);
  let unheard = 0;
  supervise(
    t,
    ['storm', '1000', '1'],
    (inbox, i, listener) => {
      const length = readString(inbox.tid(i), inbox.arg(i, 1), path);
      const name = join(folder, path.toString('latin1', 0, Math.max(length, 0)));
      const made = attempt('mkdirat', AT_FDCWD, Buffer.from(`${name}\0`), 0o700);
      const sent = made < 0 ? sendErrno(listener, inbox.id(i), -made) : sendValue(listener, inbox.id(i), 0);
      if (made === 0 && sent < 0) unheard++;
    },
    { cwd: folder, flags: 0 },
  );
  assert(unheard > 0);
});

test('a thousand threads ask at once, and each gets its own answer', compiler, (t) => {
  const waiting: { id: bigint; tid: number }[] = [];
  const { output, notified, ended } = supervise(t, ['threads', '1000'], (inbox, i, listener) => {
    waiting.push({ id: inbox.id(i), tid: inbox.tid(i) });
    if (waiting.length < 1000) return;
    // The last first, so that no order of answers is taken for granted.
    for (const { id, tid } of waiting.reverse()) assert.equal(sendValue(listener, id, tid), 0);
  });
  assert.equal(ended?.code, 0);
  assert.deepEqual(output, { wrong: 0 });
  assert.equal(notified, 1000);
  assert.equal(new Set(waiting.map(({ tid }) => tid)).size, 1000);
});

test('a full ring, and a reader that stays away, let the targets wait and drop nothing', compiler, (t) => {
  // Away for a moment the reader receives itself, for longer the receiver stands in: both, and the changes between.
  let rounds = 0;
  const nap = (ms: number) =>
    attempt('clock_nanosleep', 1, 0, new BigInt64Array([0n, BigInt(ms) * 1_000_000n]), null);
  const { output, notified } = supervise(t, ['threads', '300'], answerTid, {
    entries: 4,
    idle: () => nap(rounds++ % 5),
  });
  assert.deepEqual(output, { wrong: 0 });
  assert.equal(notified, 300);
});

test('a target that dies between receive and answer is told, and its listener hangs up', compiler, (t) => {
  let seen = 0;
  const { ended } = supervise(t, ['loop', '10'], (inbox, i, listener) => {
    seen++;
    assert.equal(isPending(listener, inbox.id(i)), true);
    const pidfd = call('open the target', 'pidfd_open', inbox.tid(i), 0);
    call('kill the target', 'pidfd_send_signal', pidfd, 9, null, 0);
    while (isPending(listener, inbox.id(i))) attempt('sched_yield');
    attempt('close', pidfd);
    assert.equal(sendErrno(listener, inbox.id(i), ERRNO.EPERM), -ERRNO.ENOENT);
    assert.equal(addFd(listener, inbox.id(i), 0, { send: true }), -ERRNO.ENOENT);
    const nothing = new Uint8Array(8);
    assert.equal(readString(inbox.tid(i), 4096, nothing) < 0, true);
  });
  assert.equal(seen, 1);
  assert.equal(ended?.signal, 9);
});

test('without descriptors of our own calls are received and refused', compiler, (t) => {
  const limit = new BigUint64Array(2);
  call('read the limit', 'prlimit64', 0, RLIMIT.NOFILE, null, limit);
  let refused = 0;
  const { output, notified } = supervise(t, ['loop', '5'], (inbox, i, listener) => {
    const low = new BigUint64Array([3n, limit[1]!]);
    call('lower the limit', 'prlimit64', 0, RLIMIT.NOFILE, low, null);
    try {
      const fd = attempt('openat', AT_FDCWD, Buffer.from('/\0'), 0);
      assert.equal(fd, -ERRNO.EMFILE);
      refused++;
      assert.equal(sendErrno(listener, inbox.id(i), -fd), 0);
    } finally {
      call('restore the limit', 'prlimit64', 0, RLIMIT.NOFILE, limit, null);
    }
  });
  assert.equal(refused, 5);
  assert.equal(notified, 5);
  assert.deepEqual(output, { wrong: 5 });
});

test('a hundred thousand calls leave no descriptor and no memory behind', compiler, (t) => {
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const run = (count: number) => supervise(t, ['loop', String(count)], answerTid);
  run(10_000);
  const settled = () => {
    // The last thread of an inbox closes its descriptors.
    let last = -1;
    for (
      let same = 0;
      same < 20;
      attempt('clock_nanosleep', 1, 0, new BigInt64Array([0n, 5_000_000n]), null)
    ) {
      const now = descriptors();
      same = now === last ? same + 1 : 0;
      last = now;
    }
    return last;
  };
  const before = { fds: settled(), rss: process.memoryUsage.rss() };
  const { output, notified } = run(100_000);
  assert.deepEqual(output, { wrong: 0 });
  assert.equal(notified, 100_000);
  assert.equal(settled(), before.fds);
  const grown = process.memoryUsage.rss() - before.rss;
  // One entry leaked a call would be ten megabytes.
  assert(grown < 8 * 1024 * 1024, `grown by ${grown} bytes`);
});
