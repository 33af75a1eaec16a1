/** The inbox: wake-ups, jobs that block, their ends and cancelling, what threads inherit; and memory of other processes. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { ARCH, attempt, call } from '../../packages/landward/src/kernel/call.ts';
import { type Image, ImageBuilder, readBytes, readSlot } from '../../packages/landward/src/kernel/image.ts';
import { Inbox, type JobEnd } from '../../packages/landward/src/kernel/inbox.ts';
import { readMemory, readString, writeMemory } from '../../packages/landward/src/kernel/memory.ts';
import { native } from '../../packages/landward/src/kernel/native.ts';
import { waitPidfd } from '../../packages/landward/src/kernel/process.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { AT_FDCWD, EFD, O } from '../../packages/landward/src/uapi/open.ts';
import { PR } from '../../packages/landward/src/uapi/prctl.ts';
import { runScript } from '../kit/child.ts';
import { watch } from '../kit/listener.ts';
import { needs } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const ONE = new BigUint64Array([1n]);
const open = O[ARCH];

/** Waits until as many jobs have ended, and gives their ends by number. */
function ends(inbox: Inbox, count: number): Map<number, JobEnd> {
  const seen = new Map<number, JobEnd>();
  const deadline = Date.now() + 30_000;
  while (seen.size < count) {
    assert(Date.now() < deadline, `${seen.size} of ${count} jobs have ended`);
    const entries = inbox.next(100);
    for (let i = 0; i < entries; i++) if (inbox.kind(i) === 'job') seen.set(inbox.job(i).job, inbox.job(i));
  }
  return seen;
}

function image(lay: (build: ImageBuilder) => void): Image {
  const build = new ImageBuilder(ARCH);
  lay(build);
  return build.build();
}

/** A job that opens a path. */
const opening = (path: string, flags: number = open.RDONLY) =>
  image((build) =>
    build.step('openat', [AT_FDCWD, build.string(path), flags | open.CLOEXEC, 0], `open ${path}`),
  );

function fifo(t: TestContext): string {
  const path = join(temporaryDirectory(t, 'fifo'), 'fifo');
  call('make a FIFO', 'mknodat', AT_FDCWD, Buffer.from(`${path}\0`), 0o010600, 0);
  return path;
}

const threads = () => readdirSync('/proc/self/task').length;

/** Waits without the event loop, as a deciding thread does. */
function until(what: string, holds: () => boolean): void {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    assert(Date.now() < deadline, `waited too long: ${what}`);
    attempt('clock_nanosleep', 1, 0, new BigInt64Array([0n, 1_000_000n]), null);
  }
}

test('a write to the eventfd is an entry; without one the wait ends in time', () => {
  using inbox = new Inbox();
  assert.equal(inbox.next(0), 0);
  assert.equal(inbox.next(20), 0);
  assert.equal(attempt('write', inbox.wakeFd, ONE, 8), 8);
  assert.equal(inbox.next(5000), 1);
  assert.equal(inbox.kind(0), 'wake');
});

test('an eventfd of the caller serves as well, and stays open', () => {
  const wakeFd = call('make an eventfd', 'eventfd2', 0, EFD.CLOEXEC);
  {
    using inbox = new Inbox({ wakeFd });
    attempt('write', wakeFd, ONE, 8);
    assert.equal(inbox.next(5000), 1);
  }
  assert.equal(attempt('close', wakeFd), 0);
});

test('what is no inbox, no job and no image is refused', () => {
  const inbox = new Inbox();
  for (const wrong of [{}, null, 1] as unknown as object[])
    assert.throws(() => native().inboxNext(wrong, new Uint8Array(96), 0), TypeError);
  assert.throws(() => native().inboxSubmit({}, new Uint8Array(100), 0), TypeError);
  assert.throws(() => inbox.submit({ ...opening('/'), bytes: new Uint8Array(100) }), TypeError);
  assert.throws(() => inbox.submit(opening('/'), { spawn: true }), TypeError);
  assert.equal(inbox.peek(77, opening('/')), false);
  assert.equal(inbox.add(inbox.wakeFd, 1), 0);
  inbox.close();
  inbox.close();
  assert.throws(() => inbox.next(0), TypeError);
  assert.throws(() => native().inboxOpen(3, 1, 1), TypeError);
  assert.throws(() => new Inbox({ wakeFd: 1_000_000 }), { code: 'KERNEL' });
});

test('a job tells its last result, the step that failed, and its slots', () => {
  using inbox = new Inbox();
  const build = new ImageBuilder(ARCH);
  const pid = build.slot();
  const name = build.reserve(400);
  build.step('getpid', [], 'ask', { store: pid });
  build.step('uname', [name], 'ask for the name');
  const asking = build.build();
  const job = inbox.submit(asking);
  const failing = inbox.submit(opening('/nonexistent'));
  const good = inbox.submit(opening('/'));
  const all = ends(inbox, 3);
  assert.deepEqual(all.get(job), { job, step: -1, errno: 0, pid: -1, pidfd: -1, result: 0 });
  assert.deepEqual(all.get(failing), {
    job: failing,
    step: 0,
    errno: ERRNO.ENOENT,
    pid: -1,
    pidfd: -1,
    result: 0,
  });
  assert.equal(attempt('close', all.get(good)!.result), 0);
  assert.equal(readSlot(asking, pid), 0);
  assert.equal(inbox.peek(job, asking), true);
  assert.equal(readSlot(asking, pid), process.pid);
  assert.equal(Buffer.from(readBytes(asking, name, 5).buffer, asking.data + name.at, 5).toString(), 'Linux');
  for (const done of [job, failing, good]) inbox.forget(done);
  assert.equal(inbox.peek(job, asking), false);
});

test('a thousand jobs block at once, and end when they can', (t) => {
  const before = threads();
  const path = fifo(t);
  {
    using inbox = new Inbox();
    const jobs = Array.from({ length: 1000 }, () => inbox.submit(opening(path)));
    until('all of them block', () => threads() > 1000);
    const end = call('open the FIFO', 'openat', AT_FDCWD, Buffer.from(`${path}\0`), open.WRONLY, 0);
    const all = ends(inbox, 1000);
    assert.deepEqual(
      [...all.keys()].sort((a, b) => a - b),
      jobs,
    );
    for (const { errno, result, job } of all.values()) {
      assert.equal(errno, 0);
      assert.equal(attempt('close', result), 0);
      inbox.forget(job);
    }
    attempt('close', end);
    until('threads that nobody needs have left', () => threads() < before + 10);
  }
  until('all threads have left', () => threads() <= before);
});

test('where no thread can be had the job fails, and a later one does not', (t) => {
  using inbox = new Inbox({ threads: 3 });
  const path = fifo(t);
  const blocked = [inbox.submit(opening(path)), inbox.submit(opening(path))];
  const refused = inbox.submit(opening(path));
  const first = ends(inbox, 1);
  assert.deepEqual(
    [...first.values()].map(({ step, errno }) => [step, errno]),
    [[-1, ERRNO.EAGAIN]],
  );
  for (const job of [...blocked, refused]) inbox.cancel(job);
  const rest = ends(inbox, 2);
  for (const { errno } of rest.values()) assert.equal(errno, ERRNO.EINTR);
  const later = inbox.submit(opening('/'));
  attempt('close', ends(inbox, 1).get(later)!.result);
});

test('cancelling interrupts what blocks, a hundred times', (t) => {
  using inbox = new Inbox();
  const path = fifo(t);
  for (let round = 0; round < 100; round++) {
    const job = inbox.submit(opening(path));
    inbox.cancel(job); // Before, while or after it begins.
    const { errno } = ends(inbox, 1).get(job)!;
    assert([ERRNO.EINTR, ERRNO.ECANCELED].includes(errno as never), `errno ${errno}`);
    inbox.forget(job);
    // Nothing of the interruption is left for the next job.
    const next = inbox.submit(opening('/'));
    const end = ends(inbox, 1).get(next)!;
    assert.equal(end.errno, 0);
    attempt('close', end.result);
    inbox.forget(next);
  }
});

test('a start by a job: the program runs, its listener is taken, its death is told', () => {
  using inbox = new Inbox();
  const { listener, job } = watch(inbox, 3, ['execve'], ['/bin/true']);
  const seen: string[] = [];
  let pidfd = -1;
  while (!seen.includes('hungup') || pidfd < 0) {
    const count = inbox.next(1000);
    for (let i = 0; i < count; i++) {
      seen.push(inbox.kind(i));
      if (inbox.kind(i) === 'notification') {
        const answer = new BigUint64Array([inbox.id(i), 0n, 1n << 32n]); // Go on.
        assert.equal(attempt('ioctl', listener, 0xc0182101, answer), 0);
      } else if (inbox.kind(i) === 'job') {
        assert.equal(inbox.job(i).job, job);
        pidfd = inbox.job(i).pidfd;
      }
    }
  }
  assert.equal(waitPidfd(pidfd, { block: true })?.code, 0);
  attempt('close', pidfd);
  attempt('close', listener);
});

/** A child that waits before its execve. */
function waiting(before: (build: ImageBuilder) => void = () => {}) {
  const go = call('make an eventfd', 'eventfd2', 0, EFD.CLOEXEC);
  const laid = image((build) => {
    before(build);
    build.step('read', [go, build.reserve(8), 8], 'wait');
    build.step(
      'execve',
      [build.string('/bin/sleep'), build.strings(['sleep', '1000']), build.strings([])],
      'start',
    );
  });
  return { go, laid };
}

for (const when of ['at once', 'when the child exists'])
  test(`cancelling a start ${when} ends what is being started`, () => {
    using inbox = new Inbox();
    const { go, laid } = waiting((build) =>
      build.step('write', [inbox.wakeFd, build.bytes(new Uint8Array(ONE.buffer)), 8], 'tell'),
    );
    const job = inbox.submit(laid, { spawn: true });
    if (when !== 'at once') assert.equal(inbox.next(10_000), 1);
    inbox.cancel(job);
    const { errno, pid, pidfd } = ends(inbox, 1).get(job)!;
    if (when === 'at once' && errno !== 0) assert.deepEqual([errno, pid], [ERRNO.ECANCELED, -1]);
    else {
      assert.equal(errno, 0);
      assert.equal(waitPidfd(pidfd, { block: true })?.signal, 9);
      attempt('close', pidfd);
    }
    attempt('close', go);
  });

test('the thread of a kept start lives as long as the program, so its death signal stays away', async () => {
  const child = await runScript(`
    import { ARCH, attempt, call } from './packages/landward/src/kernel/call.ts';
    import { ImageBuilder } from './packages/landward/src/kernel/image.ts';
    import { Inbox } from './packages/landward/src/kernel/inbox.ts';
    import { waitPidfd } from './packages/landward/src/kernel/process.ts';
    const start = (inbox, keep) => {
      const build = new ImageBuilder(ARCH);
      build.step('prctl', [${PR.SET_PDEATHSIG}, 15], 'tie');
      build.step('execve', [build.string('/bin/sleep'), build.strings(['sleep', '1']), build.strings([])], 'start');
      inbox.submit(build.build(), { spawn: true, keep, once: !keep });
      for (;;) for (let i = 0, n = inbox.next(100); i < n; i++) if (inbox.kind(i) === 'job') return inbox.job(i).pidfd;
    };
    const inbox = new Inbox();
    // Without keep the thread goes, and the program with it.
    for (const keep of [false, true]) {
      const { signal, code } = waitPidfd(start(inbox, keep), { block: true });
      console.log(keep, signal, code);
    }
    inbox.close();`);
  assert.equal(child.stdout, 'false 15 null\ntrue null 0\n', child.stderr);
});

test(
  'jobs are bound by the Landlock domain of the thread that opened the inbox',
  needs({ abi: 1 }),
  async () => {
    const child = await runScript(`
    import { Worker } from 'node:worker_threads';
    const code = \`
      import { parentPort } from 'node:worker_threads';
      const { ARCH, call } = await import('\${process.cwd()}/packages/landward/src/kernel/call.ts');
      const { ImageBuilder } = await import('\${process.cwd()}/packages/landward/src/kernel/image.ts');
      const { Inbox } = await import('\${process.cwd()}/packages/landward/src/kernel/inbox.ts');
      const ask = (inbox) => {
        const build = new ImageBuilder(ARCH);
        build.step('openat', [-100, build.string('/etc/passwd'), 0x80000, 0], 'open');
        inbox.submit(build.build(), { once: true });
        for (;;) for (let i = 0, n = inbox.next(100); i < n; i++) if (inbox.kind(i) === 'job') return inbox.job(i).errno;
      };
      const free = new Inbox();
      const before = ask(free);
      const ruleset = call('make', 'landlock_create_ruleset', new BigUint64Array([4n]), 8, 0);
      call('nnp', 'prctl', 38, 1, 0, 0, 0);
      call('restrict', 'landlock_restrict_self', ruleset, 0);
      const bound = new Inbox();
      // Each job has a new thread. Those of the first inbox come from before the restriction.
      parentPort.postMessage([before, ask(bound), ask(bound), ask(free)]);
      bound.close();
      free.close();
    \`;
    const worker = new Worker(code, { eval: true });
    worker.on('message', (answers) => console.log(JSON.stringify(answers))).on('error', (error) => console.log(error));`);
    assert.equal(child.stdout, `[0,${ERRNO.EACCES},${ERRNO.EACCES},0]\n`, child.stderr);
  },
);

test('a job that changes its thread leaves no trace in later ones', needs({ root: true }), () => {
  using inbox = new Inbox();
  const asking = (uid: number | null) =>
    image((build) => {
      if (uid !== null) build.step('setresuid', [-1, uid, -1], 'become another');
      build.step('geteuid', [], 'ask');
    });
  for (let round = 0; round < 20; round++) {
    const changed = inbox.submit(asking(1000 + round), { once: true });
    assert.equal(ends(inbox, 1).get(changed)?.result, 1000 + round);
    const after = inbox.submit(asking(null));
    assert.equal(ends(inbox, 1).get(after)?.result, 0);
  }
});

test('a directory and a umask of this thread are not those of jobs', () => {
  using inbox = new Inbox();
  const job = inbox.submit(
    image((build) => {
      build.step('chdir', [build.string('/usr')], 'enter');
      build.step('umask', [0o77], 'mask');
    }),
    { once: true },
  );
  const before = process.cwd();
  assert.equal(ends(inbox, 1).get(job)?.errno, 0);
  assert.equal(process.cwd(), before);
});

test('a Worker that ends with jobs under way frees nothing too early', async (t) => {
  const child = await runScript(
    `
    import { readdirSync } from 'node:fs';
    import { Worker } from 'node:worker_threads';
    const code = \`
      const { ARCH } = await import('\${process.cwd()}/packages/landward/src/kernel/call.ts');
      const { ImageBuilder } = await import('\${process.cwd()}/packages/landward/src/kernel/image.ts');
      const { Inbox } = await import('\${process.cwd()}/packages/landward/src/kernel/inbox.ts');
      const inbox = new Inbox();
      for (let i = 0; i < 20; i++) {
        const build = new ImageBuilder(ARCH);
        build.step('openat', [-100, build.string(process.argv[2]), 0, 0], 'open');
        inbox.submit(build.build());
      }
      inbox.next(20);
      \${'process.exit()'};
    \`;
    const threads = () => readdirSync('/proc/self/task').length;
    const run = () => new Promise((done) => new Worker(code, { eval: true, argv: [process.argv[1]] }).on('exit', done));
    await run();
    const before = threads();
    for (let i = 0; i < 5; i++) await run();
    for (let i = 0; i < 500 && threads() > before; i++) await new Promise((go) => setTimeout(go, 10));
    console.log(threads() <= before);`,
    [fifo(t)],
  );
  assert.equal(child.stdout, 'true\n', child.stderr);
});

test('memory of a process is read and written up to the first hole, and a text up to its NUL', () => {
  const size = 3 * 4096;
  const at = native().sys(9, null, size, 3, 0x22, -1, 0);
  assert(at > 0);
  const self = process.pid;
  const text = new TextEncoder().encode(`${'x'.repeat(5000)}\0rest`);
  assert.equal(writeMemory(self, at + 100, text), text.length);
  const to = new Uint8Array(size);
  assert.equal(readMemory(self, at + 100, to, text.length), text.length);
  assert.deepEqual(to.subarray(0, text.length), text);
  assert.equal(readString(self, at + 100, to), 5000);
  assert.equal(readString(self, at + 100, to, 5000), -ERRNO.ENAMETOOLONG);
  assert.equal(readString(self, at + 100, to, 5001), 5000);
  // The last page goes, the one before becomes read-only.
  attempt('munmap', at + 8192, 4096);
  assert.equal(readMemory(self, at + 8000, to, 1000), 192);
  assert.equal(readMemory(self, at + 8192, to, 1), -ERRNO.EFAULT);
  assert.equal(writeMemory(self, at + 8192 - 2, new Uint8Array([65, 65, 65, 65])), 2);
  assert.equal(readString(self, at + 8190, to, 100), -ERRNO.EFAULT);
  attempt('mprotect', at + 4096, 4096, 1);
  assert.equal(writeMemory(self, at + 4000, new Uint8Array(200).fill(66)), 96);
  assert.equal(readMemory(self, at + 4000, to, 0), 0);
  attempt('munmap', at, 8192);
  assert.equal(readMemory(0x3fff_ffff, at, to, 10), -ERRNO.ESRCH);
  assert.throws(() => native().readMemory(self, at, to, size + 1), TypeError);
  assert.match(readFileSync('/proc/self/comm', 'utf8'), /./);
});
