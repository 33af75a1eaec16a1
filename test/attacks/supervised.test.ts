/**
 * Attacks on the supervisor by what it is not told of: capabilities that end with execve, descriptors of hidden places by the
 * calls for mounts, being scheduled behind everybody else, and having no descriptor left. Each with its defence taken away.
 */

import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { NotifyGroup } from '../../packages/landward/src/filter/notify.ts';
import { fsRights } from '../../packages/landward/src/uapi/masks.ts';
import { runChild } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';
import { layer, path } from '../kit/rules.ts';
import { type SupervisedOptions, supervised } from '../kit/supervised.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const options = needs({ supervisor: true, arch: 'x64', tools: ['python3'] });
const asRoot = needs({ supervisor: true, arch: 'x64', tools: ['python3'], root: true });

const everything = path('allow', '/', fsRights(0xffff));
const CALLS = `
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(nr, *args):
    result = libc.syscall(nr, *args)
    return 'ok' if result >= 0 else errno.errorcode[ctypes.get_errno()]
`;

/** Runs a program; the words that it printed. */
async function words(
  program: string,
  args: readonly string[],
  groups: readonly NotifyGroup[],
  rules = [everything],
  more: SupervisedOptions = {},
): Promise<readonly string[]> {
  const what = {
    layers: [layer(rules, 'grant', ['fs'])],
    groups,
    filter: { namespaces: 'allow' },
  } as const;
  const result = await supervised(what, ['/usr/bin/python3', '-c', `${CALLS}${program}`, ...args], more);
  assert.deepEqual(result.defects, []);
  assert.equal(result.status, 0, result.stderr);
  return result.stdout.trim().split(/\s+/);
}

/** Gives up capabilities by prctl alone, so that they end with execve; then reads a file of somebody else. */
const GIVES_UP = `
if sys.argv[2] == 'bounding':
    for number in range(64): libc.prctl(24, number, 0, 0, 0)
elif sys.argv[2] == 'no-root':
    assert libc.prctl(28, 1, 0, 0, 0) == 0
os.execv('/bin/sh', ['sh', '-c', 'cat "$0" 2>/dev/null || echo refused', sys.argv[1]])
`;

for (const way of ['bounding', 'no-root'] as const)
  test(`what a program gave up until execve is not done for it (${way})`, asRoot, async (t) => {
    const work = temporaryDirectory(t, 'gives-up');
    const file = join(work, 'file');
    writeFileSync(file, 'secret\n');
    chownSync(file, 4242, 4242);
    chmodSync(file, 0o600);
    const groups = ['open', 'guard', 'credential'] as const;
    assert.deepEqual(await words(GIVES_UP, [file, way], groups), ['refused']);
    assert.deepEqual(await words(GIVES_UP, [file, 'nothing'], groups), ['secret'], 'nobody gave anything up');
  });

const OPENS_TREE = `
place = sys.argv[1].encode()
print(call(428, -100, place, 0), call(467, -100, place, 0, None, 0))
`;

test('a hidden place cannot be held by the calls for mounts', options, async (t) => {
  const work = temporaryDirectory(t, 'trees');
  const secret = join(work, 'secret');
  mkdirSync(secret);
  const rules = [everything, path('hide', secret, fsRights(0xffff))];
  const [held, told] = await words(OPENS_TREE, [secret], ['open', 'find', 'guard'], rules);
  assert.equal(held, 'EPERM');
  assert.ok(told === 'EPERM' || told === 'ENOSYS', `${told}`);
  const [open] = await words(OPENS_TREE, [secret], ['open', 'guard'], rules);
  assert.equal(open, 'ok', 'nothing was there to be refused');
});

/** Puts every thread of its parent, the supervisor, behind all others. */
const SLOWS = `
parent, user = os.getppid(), os.getuid()
mask = ctypes.create_string_buffer(b'\\xff' * 128)
zero = ctypes.create_string_buffer(4)
threads = [int(name) for name in os.listdir('/proc/%d/task' % parent)]
def tries(thread):
    return [call(203, thread, 128, mask), call(141, 0, thread, os.getpriority(0, thread)), call(142, thread, zero),
            call(144, thread, 0, zero), call(251, 1, thread, 2 << 13 | 4)]
print(*sorted({answer for thread in threads for answer in tries(thread)}), 'own', *sorted(set(tries(os.getpid()))),
      'group', call(141, 1, os.getpgid(parent), 0), 'user', call(141, 2, user, 0))
`;

test('the supervisor cannot be scheduled behind its program', options, async () => {
  const uid = process.getuid?.() === 0 ? { uid: 1000 } : {};
  const groups = ['open', 'guard'] as const;
  const seen = await words(SLOWS, [], groups, [everything], uid);
  assert.deepEqual(seen, ['EPERM', 'own', 'ok', 'group', 'EPERM', 'user', 'EPERM']);
  const without = await words(SLOWS, [], ['open'], [everything], uid);
  assert.deepEqual(without.slice(0, 3), ['ok', 'own', 'ok'], 'the kernel would have let it');
});

/** Lets many threads wait for the other end of a FIFO, which the supervisor waits for on their behalf. */
const WAITS = `
import threading, time
fifo, secret, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.mkfifo(fifo)
answers = []
def wait():
    try: os.open(fifo, os.O_RDONLY)
    except OSError as error: answers.append(errno.errorcode[error.errno])
for _ in range(wanted): threading.Thread(target=wait, daemon=True).start()
deadline = time.monotonic() + 20
while not answers and time.monotonic() < deadline: time.sleep(0.05)
try: os.open(secret, os.O_RDONLY); print('read', flush=True)
except OSError as error: print(errno.errorcode[error.errno], flush=True)
print(*sorted(set(answers)), flush=True)
time.sleep(60)
`;

test('a program that waits in very many calls does not take every descriptor', options, async (t) => {
  const work = temporaryDirectory(t, 'waits');
  const file = join(work, '.env');
  writeFileSync(file, 'secret\n');
  const policy = join(work, 'policy.toml');
  const text = `[fs]\nread = ["/"]\nexec = ["/"]\nwrite = [${JSON.stringify(work)}]\n`;
  const rest = `deny = [${JSON.stringify(`${work}/**/.env`)}]\n[limits]\ntime = "10s"\n`;
  writeFileSync(policy, `${text}${rest}`);
  const program = ['/usr/bin/python3', '-c', `${CALLS}${WAITS}`, join(work, 'fifo'), file, '400'];
  const command = join(import.meta.dirname, '../kit/landward.ts');
  const landward = [process.execPath, command, 'run', '-p', policy, '--', ...program];
  const { code, stdout, stderr } = await runChild('prlimit', ['--nofile=200:200', ...landward]);
  assert.match(stdout, /^EACCES\nENFILE\n$/, stderr);
  assert.match(stderr, /the time limit of the policy is over/);
  assert.equal(code, 137);
});
