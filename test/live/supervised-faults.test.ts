/**
 * What happens to supervised programs when something goes wrong: the supervisor is killed, the guard is killed, programs
 * stop, die and execute at the worst moment, another supervisor or a tracer is inside.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf, isZombie } from '../../packages/landward/src/launch/tree.ts';
import { membersOf } from '../../packages/landward/src/supervisor/tag.ts';
import { type ChildOptions, type ChildResult, runChild } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { supervised } from '../kit/supervised.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const NEEDS = needs({ abi: 1, tools: ['sh', 'setsid', 'python3'] });
const SECRET = 'KEY=secret';

function setUp(t: Ending, more = '') {
  const work = temporaryDirectory(t);
  const home = temporaryDirectory(t);
  const policy = join(temporaryDirectory(t), 'policy.toml');
  writeFileSync(join(work, '.env'), `${SECRET}\n`);
  writeFileSync(join(work, 'open'), 'plain\n');
  const text = `extends = ["@default"]\n[fs]\nexec = [${JSON.stringify(root)}]\nread = [${JSON.stringify(policy)}]\nwrite = [${JSON.stringify(work)}]\ndeny = ["/**/.env"]\n${more}`;
  writeFileSync(policy, text);
  const entry = join(root, 'test/kit/landward.ts');
  const landward = [process.execPath, entry, 'run', '--degrade', 'self', '-p', policy];
  const run = (words: readonly string[], options: ChildOptions = {}): Promise<ChildResult> =>
    runChild(landward[0]!, [...landward.slice(1), '--', ...words], {
      cwd: work,
      env: { ...process.env, XDG_STATE_HOME: home },
      ...options,
    });
  return { work, text, landward, run };
}

/** Processes that are in a directory, or below it. */
function processesIn(directory: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid)) return [];
    try {
      return readlinkSync(`/proc/${name}/cwd`).startsWith(directory) && !isZombie(pid) ? [pid] : [];
    } catch {
      return [];
    }
  });
}

async function until(what: () => boolean, told: () => string): Promise<void> {
  for (let round = 0; round < 1000; round++) {
    if (what()) return;
    await sleep(5);
  }
  assert.fail(told());
}

/** Starts others without end, in every way to get out of sight, and tries the secret again and again. */
const STORM = `
i=0
while :; do
  i=$((i+1))
  (setsid sh -c 'cat .env open >> seen 2>/dev/null; echo x >> alive; exec sleep 300' &)
  sh -c 'kill -STOP $$; sleep 300' &
  cat .env >> seen 2>/dev/null
  [ $i -lt 15 ] || sleep 300
done`;

test('a supervisor that is killed takes every program with it, whenever it dies', NEEDS, async (t) => {
  for (const delay of [0, 60, 150, 300, 450, 600, 900, 1300]) {
    const { work, run } = setUp(t);
    let killed = false;
    const { signal } = await run(['sh', '-c', STORM], {
      started: (child) =>
        void setTimeout(() => {
          killed = child.kill('SIGKILL');
        }, delay),
    });
    assert.ok(killed && signal === 'SIGKILL', `after ${delay} ms`);
    await until(
      () => processesIn(work).length === 0,
      () => `after ${delay} ms: left ${processesIn(work).join(', ')}`,
    );
    const seen = readdirSync(work).includes('seen') ? readFileSync(join(work, 'seen'), 'utf8') : '';
    assert.ok(!seen.includes(SECRET), `after ${delay} ms`);
  }
});

test('a guard that is killed takes every program with it', NEEDS, async (t) => {
  const { work, run } = setUp(t);
  const { code, stderr } = await run(['sh', '-c', 'echo $PPID > parent; exec sleep 300'], {
    started: () =>
      void (async () => {
        const read = () => {
          try {
            return Number(readFileSync(join(work, 'parent'), 'utf8'));
          } catch {
            return 0;
          }
        };
        await until(
          () => read() > 0,
          () => 'no program',
        );
        const guard = childrenOf(read()).find((pid) => readlinkSync(`/proc/${pid}/exe`).endsWith('/guard'));
        process.kill(guard!, 'SIGKILL');
      })(),
  });
  assert.equal(code, 137);
  assert.match(stderr, /the guard of the supervisor was ended/);
  assert.deepEqual(processesIn(work), []);
});

test('programs that stop, go on and are killed in the middle of calls disturb nobody', NEEDS, async (t) => {
  const { work, text } = setUp(t);
  const script = `
for i in $(seq 8); do (while :; do cat open .env; done) >/dev/null 2>&1 & pids="$pids $!"; done
for i in $(seq 40); do kill -STOP $pids; kill -CONT $pids; done
for pid in $pids; do kill -KILL $pid; cat open; done
wait; echo over`;
  const { stdout, status, defects, events } = await supervised({ policy: text }, ['sh', '-c', script], {
    cwd: work,
  });
  assert.equal(stdout, `${'plain\n'.repeat(8)}over\n`);
  assert.equal(status, 0);
  assert.deepEqual(defects, []);
  assert.ok(events.every(({ object }) => object.kind === 'path' && object.path.endsWith('/.env')));
});

/** Threads that open files while others end and one executes another program. */
const RACES = `
import os, sys, threading
def work():
    for _ in range(20):
        try: open('open').read()
        except OSError: os._exit(3)
        try: open('.env').read(); os._exit(4)
        except PermissionError: pass
n = int(sys.argv[1])
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads: thread.start()
if n == 0:
    for thread in threads: thread.join()
    print('fine')
    sys.exit(0)
os.execv(sys.executable, [sys.executable, sys.argv[0], str(n - 1)])
`;

test('executing and ending while other threads are in calls', NEEDS, async (t) => {
  const { work, text } = setUp(t);
  writeFileSync(join(work, 'races.py'), RACES);
  const { stdout, stderr, status, defects } = await supervised(
    { policy: text },
    ['python3', 'races.py', '12'],
    { cwd: work },
  );
  assert.equal(stderr, '');
  assert.equal(stdout, 'fine\n');
  assert.equal(status, 0);
  assert.deepEqual(defects, []);
});

test('a thousand threads at once', NEEDS, async (t) => {
  const { work, text } = setUp(t);
  const script = `
import threading
bad = []
gate = threading.Barrier(1000)
def work():
    gate.wait()
    for _ in range(3):
        if open('open').read() != 'plain\\n': bad.append(1)
        try: open('.env'); bad.append(2)
        except PermissionError: pass
threading.stack_size(65536)
threads = [threading.Thread(target=work) for _ in range(1000)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(bad))
`;
  const { stdout, stderr, defects } = await supervised({ policy: text }, ['python3', '-c', script], {
    cwd: work,
  });
  assert.equal(stderr, '');
  assert.equal(stdout, '0\n');
  assert.deepEqual(defects, []);
});

test('landward inside a supervised landward starts nothing and says why', NEEDS, async (t) => {
  const { run, landward } = setUp(t);
  const refused = await run([...landward, '--', 'cat', 'open']);
  assert.equal(refused.code, 125);
  assert.equal(refused.stdout, '');
  assert.match(refused.stderr, /There is no supervisor here: this process is under a supervisor already/);
});

test('nothing of a run is left when the last of many ends', NEEDS, async (t) => {
  const { work, text } = setUp(t);
  const before = readdirSync('/proc/self/fd').length;
  const runs: string[] = [];
  for (let round = 0; round < 3; round++)
    await Promise.all(
      Array.from({ length: 10 }, () =>
        supervised({ policy: text }, ['sh', '-c', 'cat open .env; true'], {
          cwd: work,
          started: (_, run) => void runs.push(run),
        }),
      ),
    );
  assert.equal(runs.length, 30);
  for (const run of runs) assert.deepEqual(membersOf(BigInt(`0x${run}`)), []);
  // The first run opens what all share.
  const after = readdirSync('/proc/self/fd').length;
  assert.ok(after <= before + 12, `${before} descriptors became ${after}`);
});
