/**
 * A program that uses Landlock itself, as any program does: by its three system calls. Run under user-space Landlock by
 * `test/live/user-landlock.test.ts`; prints what it saw as one line of JSON.
 *
 *     node user-landlock-child.ts MODE DIRECTORY
 */

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../../packages/landward/src/kernel/call.ts';
import {
  addPaths,
  createRuleset,
  landlockStatus,
  restrictSelf,
} from '../../packages/landward/src/kernel/landlock.ts';
import { errnoName } from '../../packages/landward/src/uapi/errno.ts';
import { fsMask, netMask, scopeMask } from '../../packages/landward/src/uapi/masks.ts';
import { PR } from '../../packages/landward/src/uapi/prctl.ts';

const [mode, directory = '/'] = process.argv.slice(2);
const seen: Record<string, unknown> = {};

function errorOf(act: () => unknown): string {
  try {
    act();
    return 'ok';
  } catch (error) {
    const { code, errno } = error as { code?: string; errno?: number };
    return code === 'KERNEL' ? errnoName(errno!) : (code ?? String(error));
  }
}

/** What every program reads to start. */
const PROGRAMS = ['/usr', '/lib', '/lib64', '/bin', '/etc/ld.so.cache', '/dev/null'];

const noNewPrivs = () => attempt('prctl', PR.GET_NO_NEW_PRIVS, 0, 0, 0, 0);

/** Restricts all reading and making of files to the directory. */
function restrict(scoped = 0): void {
  const fs = fsMask('fs.read_file', 'fs.make_reg', 'fs.truncate');
  using ruleset = createRuleset({ fs, scoped });
  const programs = PROGRAMS.filter((path) => existsSync(path));
  addPaths(ruleset, [
    { fd: openSync(directory, 'r'), access: fs, name: directory },
    ...programs.map((name) => ({ fd: openSync(name, 'r'), access: fsMask('fs.read_file'), name })),
  ]);
  seen.unprivileged = errorOf(() => restrictSelf(ruleset));
  seen.before = noNewPrivs();
  attempt('prctl', PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  seen.after = noNewPrivs();
  if (seen.unprivileged !== 'ok') restrictSelf(ruleset);
}

function look(): void {
  seen.inside = errorOf(() => readFileSync(join(directory, 'file')));
  seen.outside = errorOf(() => readFileSync('/etc/passwd'));
  seen.link = errorOf(() => readFileSync(join(directory, 'link')));
  seen.make = errorOf(() => writeFileSync(join(directory, 'made'), ''));
  seen.makeOutside = errorOf(() => writeFileSync(join(directory, '../made'), ''));
  seen.missing = errorOf(() => readFileSync(join(directory, 'none')));
}

const modes: Record<string, () => void | Promise<void>> = {
  status() {
    seen.status = landlockStatus();
    seen.newest = errorOf(() => createRuleset({ net: netMask('net.bind_udp') }));
  },
  files() {
    restrict();
    look();
    seen.child = errorOf(() => execFileSync('cat', ['/etc/passwd'], { stdio: 'pipe' }));
    // The middle process ends: nobody above is left who could tell whose child this is.
    execFileSync('sh', [
      '-c',
      `(sleep 0.2; cat /etc/passwd > ${directory}/orphan 2>&1; mv ${directory}/orphan ${directory}/done) &`,
    ]);
    for (let wait = 0; wait < 100 && errorOf(() => readFileSync(join(directory, 'done'))) !== 'ok'; wait++)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    seen.orphan = readFileSync(join(directory, 'done'), 'utf8');
  },
  marks() {
    restrict();
    const tid = attempt('gettid');
    for (const priority of [0, (2 << 13) | 4, (2 << 13) | (5 << 3) | 4, (3 << 13) | (1023 << 3)])
      attempt('ioprio_set', 1, tid, priority);
    attempt('ioprio_set', 1, 0, (2 << 13) | 4);
    seen.group = attempt('ioprio_set', 2, 0, (2 << 13) | 4);
    const limit = new BigUint64Array([1n, 1n]);
    seen.limit = attempt('prlimit64', 0, 10, limit, null);
    look();
  },
  forged() {
    const eventfd = attempt('eventfd2', 7, 0);
    const epoll = attempt('epoll_create1', 0);
    attempt('epoll_ctl', epoll, 1, eventfd, new Uint32Array([1, 2, 3, 4]));
    attempt('prctl', PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    seen.eventfd = attempt('landlock_restrict_self', eventfd, 0);
    seen.epoll = attempt('landlock_restrict_self', epoll, 0);
    seen.closed = attempt('landlock_restrict_self', 999, 0);
  },
  scopes() {
    restrict(scopeMask('scope.signal'));
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    seen.child = attempt('kill', child.pid!, 0);
    seen.parent = attempt('kill', process.ppid, 0);
    seen.everybody = attempt('kill', 1, 0);
    const pidfd = attempt('pidfd_open', process.ppid, 0);
    seen.pidfd = attempt('pidfd_send_signal', pidfd, 0, null, 0);
    seen.memory = attempt('process_vm_readv', process.ppid, null, 0, null, 0, 0);
    child.kill('SIGKILL');
  },
  refer() {
    const fs = fsMask('fs.refer', 'fs.make_reg', 'fs.remove_file');
    for (const name of ['a', 'b']) mkdirSync(join(directory, name));
    writeFileSync(join(directory, 'a/f'), '');
    using ruleset = createRuleset({ fs });
    addPaths(ruleset, [
      { fd: openSync(join(directory, 'a'), 'r'), access: fs, name: 'a' },
      { fd: openSync(join(directory, 'b'), 'r'), access: fs & ~fsMask('fs.refer'), name: 'b' },
    ]);
    attempt('prctl', PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    restrictSelf(ruleset);
    seen.same = errorOf(() => renameSync(join(directory, 'a/f'), join(directory, 'a/g')));
    seen.other = errorOf(() => renameSync(join(directory, 'a/g'), join(directory, 'b/g')));
  },
  async waits() {
    restrict();
    process.stdout.write(`restricted ${process.pid}\n`);
    await new Promise((done) => process.stdin.once('data', done));
    look();
  },
};

await modes[mode!]!();
process.stdout.write(`${JSON.stringify(seen)}\n`);
process.exit(0);
