/** Functions that decide, in the library: where they are taken, where they are refused, how several and plans go together. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compile,
  type DecideRequest,
  definePolicy,
  exec,
  LandwardError,
  openSandbox,
  restrictProcess,
  spawn,
} from '../../packages/landward/src/index.ts';
import { events, pathOf, setting, shell } from '../kit/decide.ts';
import { needs } from '../kit/needs.ts';

const live = needs({ abi: 5, supervisor: true });

test('a function is never dropped silently: who cannot ask it says so', live, async (t) => {
  const { policy, file } = setting(t);
  const guard = () => 'deny' as const;
  const deciding = definePolicy(policy).decide(guard);
  const refused = (part: RegExp) => (error: unknown) =>
    error instanceof LandwardError && part.test(error.message);
  const plan = await compile(deciding);
  assert.deepEqual(plan.supervisor?.decides, ['fs', 'net', 'process', 'unix']);
  await assert.rejects(Promise.resolve(spawn('true', [], { plan })), refused(/asks a function about/));
  assert.throws(() => exec('true', [], { plan }), refused(/./));
  await assert.rejects(restrictProcess(deciding), refused(/needs the supervisor/));
  const plain = await compile(policy);
  await assert.rejects(
    Promise.resolve(spawn('true', [], { plan: plain, decide: guard })),
    refused(/does not ask a function/),
  );
  await assert.rejects(
    Promise.resolve(
      spawn('true', [], {
        policy: definePolicy({ ...policy, process: { io_uring: 'allow' } }).decide(guard),
      }),
    ),
    refused(/io_uring/),
  );
  for (const wrong of [
    7,
    'deny',
    { decide: 7 },
    {},
    { decide: guard, about: ['files'] },
    { decide: guard, timeoutMs: -1 },
  ])
    await assert.rejects(
      Promise.resolve(spawn('true', [], { policy, decide: wrong as never })),
      refused(/of a function that decides/),
    );
  // A copy of the policy keeps its function, alone and beside others.
  for (const source of [{ ...deciding }, [policy, deciding]] as const) {
    const result = await shell(`cat ${file('one')}`, { policy: source });
    assert.notEqual(result.exitCode, 0);
  }
});

test(
  'the function of a sandbox decides about every start, and says so where it refuses one',
  live,
  async () => {
    const asked: string[] = [];
    using sandbox = openSandbox(
      definePolicy({ fs: { read: ['/'], exec: ['/'] } }).decide(function guard({ object }) {
        if (object.kind === 'path') asked.push(object.path);
        return object.kind === 'path' && /hostname|true$/.test(object.path) ? 'deny' : undefined;
      }),
    );
    for (const file of ['/etc/hostname', '/etc/passwd']) {
      const { exitCode } = await sandbox.spawn('cat', [file], { reject: false });
      assert.equal(exitCode, file === '/etc/hostname' ? 1 : 0);
      assert.ok(asked.includes(file));
    }
    const refused = await sandbox.spawn('true', [], { reject: false });
    assert.deepEqual([refused.started, refused.startFailure?.errname], [false, 'EACCES']);
    await assert.rejects(Promise.resolve(sandbox.spawn('true')), /denied by guard/);
    assert.throws(() => sandbox.spawn('cat', [], { decide: () => 'allow' }), /asks one function/);
  },
);

test('several functions must all agree, and a plan serves many starts', live, async (t) => {
  const { policy, file } = setting(t);
  const no = (name: string) => (request: DecideRequest) =>
    pathOf(request) === file(name) ? ('deny' as const) : undefined;
  const both = definePolicy(policy)
    .decide(no('one'), { name: 'first' })
    .decide(no('two'), { name: 'second' });
  const result = await shell(`cat ${file('one')} ${file('two')}`, { policy: both });
  assert.equal(result.stdout, '');
  assert.deepEqual(
    events(result).map(({ program }) => program),
    ['first', 'second'],
  );
  const plan = await compile(policy, { decides: ['fs'] });
  const runs = ['one', 'two'].map((name) =>
    spawn('cat', [file('one'), file('two')], {
      plan,
      reject: false,
      decide: { about: ['fs'], decide: no(name) },
    }),
  );
  const [first, second] = await Promise.all(runs);
  assert.equal(first!.stdout, 'content of two\n');
  assert.equal(second!.stdout, 'content of one\n');
});
