/**
 * Functions that decide, as the starting process asks them: what counts as an answer, in what time, and how a person is
 * asked. Every question must get exactly one verdict, whatever the functions do.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  AskAnswer,
  DecideOptions,
  DecideRequest,
} from '../../packages/landward/src/model/decide-request.ts';
import { DecidingHost, patienceOf } from '../../packages/landward/src/supervisor/functions/deciding-host.ts';

const REQUEST: DecideRequest = {
  category: 'fs',
  operation: 'openat',
  rights: ['fs.read_file'],
  object: { kind: 'path', path: '/a', ino: 7n },
  process: { pid: 10 },
  run: '0',
  time: 0,
};

interface Said {
  readonly verdict: string;
  readonly by: string;
}

/** Everything that is answered to one question, in order. */
async function answersTo(
  host: DecidingHost,
  {
    request = REQUEST,
    ask = false,
    ticket = 1,
    key = 'the same',
  }: { request?: DecideRequest; ask?: boolean; ticket?: number; key?: string } = {},
): Promise<readonly Said[]> {
  const said: Said[] = [];
  await host.question({ ticket, request, key, ask }, (one) => said.push(one));
  return said;
}

async function verdictOf(options: DecideOptions | readonly DecideOptions[], asking = false) {
  const notes: string[] = [];
  const host = new DecidingHost([options].flat(), (note) => notes.push(note));
  const said = await answersTo(host, { ask: asking });
  const last = said.at(-1)!;
  return {
    verdict: last.verdict,
    by: last.by,
    count: said.filter(({ verdict }) => verdict !== 'ask').length,
    notes,
  };
}

test('a function allows by saying so, or nothing', async () => {
  for (const answer of ['allow', undefined] as const)
    assert.equal((await verdictOf({ decide: () => answer })).verdict, 'allow');
  assert.equal((await verdictOf({ decide: async () => 'allow' as const })).verdict, 'allow');
});

test('whatever is no clear answer denies, and is told [R-002-11]', async () => {
  const bad: readonly unknown[] = [
    null,
    true,
    false,
    0,
    1,
    '',
    'ALLOW',
    'yes',
    {},
    [],
    () => 'allow',
    Symbol('x'),
  ];
  for (const answer of bad)
    for (const decide of [() => answer, async () => answer]) {
      const { verdict, notes, count } = await verdictOf({ decide: decide as never });
      assert.equal(verdict, 'deny', String(answer));
      assert.equal(count, 1);
      assert.equal(notes.length, 1);
    }
  for (const decide of [
    () => {
      throw new Error('broken');
    },
    () => Promise.reject(new Error('broken')),
    // biome-ignore lint/suspicious/noThenProperty: a function may answer anything
    () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(new Error('broken')) }) as never,
  ]) {
    const { verdict, by, notes } = await verdictOf({ name: 'guard', decide });
    assert.equal(verdict, 'deny');
    assert.equal(by, 'guard (threw)');
    assert.match(notes.join(), /broken/);
  }
});

test('a function that does not answer in its time has denied', async () => {
  const { verdict, by } = await verdictOf({
    name: 'slow',
    decide: () => new Promise(() => {}),
    timeoutMs: 5,
  });
  assert.equal(verdict, 'deny');
  assert.match(by, /^slow \(no answer within 5 ms\)$/);
});

test('functions are asked one after the other, and each may deny', async () => {
  const asked: string[] = [];
  const one = (name: string, answer: 'allow' | 'deny' | undefined): DecideOptions => ({
    name,
    decide: () => {
      asked.push(name);
      return answer;
    },
  });
  assert.equal((await verdictOf([one('a', 'allow'), one('b', 'deny'), one('c', 'allow')])).by, 'b');
  assert.deepEqual(asked, ['a', 'b']);
  assert.equal((await verdictOf([one('a', undefined), one('b', 'allow')])).verdict, 'allow');
});

test('no function changes what the next one is shown, and no thrown thing ends the process', async () => {
  const request = structuredClone(REQUEST);
  const host = new DecidingHost(
    [
      {
        decide: ({ object }) => {
          Object.assign(object, { path: '/harmless' });
          return undefined;
        },
      },
      { decide: ({ object }) => (object.kind === 'path' && object.path === '/a' ? 'deny' : 'allow') },
    ],
    () => {},
  );
  assert.equal((await answersTo(host, { request })).at(-1)!.verdict, 'deny');
  assert.deepEqual(request, REQUEST);
  const untold = Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('cannot be told');
    },
  });
  const { verdict, by, count } = await verdictOf({
    name: 'guard',
    decide: () => {
      throw untold;
    },
  });
  assert.deepEqual([verdict, by, count], ['deny', 'guard (threw)', 1]);
});

test('a function is asked about its parts of the system only', async () => {
  const decide = () => 'deny' as const;
  assert.equal((await verdictOf({ decide, about: ['net'] })).verdict, 'allow');
  assert.equal((await verdictOf({ decide, about: ['net', 'fs'] })).verdict, 'deny');
});

test('a person is asked by a function or a rule, and nobody to ask is a denial', async () => {
  const answers: readonly [AskAnswer, string][] = [
    ['allow', 'allow'],
    ['always', 'allow'],
    ['deny', 'deny'],
    ['never', 'deny'],
  ];
  for (const [answer, verdict] of answers) {
    assert.equal((await verdictOf({ decide: () => 'ask', onAsk: () => answer })).verdict, verdict);
    assert.equal((await verdictOf({ onAsk: async () => answer }, true)).verdict, verdict);
  }
  assert.equal((await verdictOf({ decide: () => 'ask' })).verdict, 'deny');
  assert.equal((await verdictOf({ decide: () => 'allow' }, true)).verdict, 'deny', 'a function is no person');
  assert.equal((await verdictOf({ decide: () => 'deny', onAsk: () => 'allow' }, true)).verdict, 'deny');
});

test('a person who answers rubbish, throws, or does not answer has denied', async () => {
  for (const onAsk of [() => 'yes', () => undefined, () => Promise.reject(new Error('no terminal'))])
    assert.equal((await verdictOf({ decide: () => 'ask', onAsk: onAsk as never })).verdict, 'deny');
  let aborted = false;
  const late: DecideOptions = {
    decide: () => 'ask',
    onAsk: (_, { signal }) =>
      new Promise(() =>
        signal.addEventListener('abort', () => {
          aborted = true;
        }),
      ),
    askTimeoutMs: 5,
  };
  assert.equal((await verdictOf(late)).verdict, 'deny');
  assert.ok(aborted);
});

test('the same question of one process is asked once while it is open, and asked again afterwards', async () => {
  const open: ((answer: AskAnswer) => void)[] = [];
  const host = new DecidingHost(
    [{ decide: () => 'ask', onAsk: () => new Promise<AskAnswer>((resolve) => open.push(resolve)) }],
    () => {},
  );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const both = [answersTo(host, { ticket: 1 }), answersTo(host, { ticket: 2 })];
  const other = answersTo(host, { ticket: 3, request: { ...REQUEST, process: { pid: 11 } } });
  await settle();
  assert.equal(open.length, 2);
  open[0]!('allow');
  open[1]!('deny');
  assert.deepEqual(
    (await Promise.all(both)).map((said) => said.at(-1)!.verdict),
    ['allow', 'allow'],
  );
  assert.equal((await other).at(-1)!.verdict, 'deny');
  const again = answersTo(host, { ticket: 4 });
  await settle();
  assert.equal(open.length, 3);
  open[2]!('always');
  await again;
  const remembered = await answersTo(host, { ticket: 5, request: { ...REQUEST, process: { pid: 12 } } });
  assert.equal(remembered.at(-1)!.verdict, 'allow');
  const elsewhere = answersTo(host, {
    request: { ...REQUEST, object: { kind: 'path', path: '/b', ino: 7n } },
  });
  await settle();
  assert.equal(open.length, 4, 'another object is another question');
  open[3]!('deny');
  await elsewhere;
  const renumbered = answersTo(host, { ticket: 6, key: 'another process of that number' });
  await settle();
  assert.equal(open.length, 5, 'another object that is told in the same words is another question');
  open[4]!('deny');
  await renumbered;
});

test('what nobody waits for any more is withdrawn from the person', async () => {
  let aborted = 0;
  const host = new DecidingHost(
    [
      {
        decide: () => 'ask',
        onAsk: (_, { signal }) =>
          new Promise(() =>
            signal.addEventListener('abort', () => {
              aborted++;
            }),
          ),
      },
    ],
    () => {},
  );
  const first = answersTo(host, { ticket: 1 });
  const second = answersTo(host, { ticket: 2 });
  await new Promise((resolve) => setImmediate(resolve));
  host.withdraw(1);
  assert.equal(aborted, 0);
  host.withdraw(2);
  assert.equal(aborted, 1);
  for (const said of await Promise.all([first, second])) assert.equal(said.at(-1)!.verdict, 'deny');
  let decided: (verdict: 'ask') => void = () => {};
  let shown = 0;
  const slow = () =>
    new DecidingHost(
      [
        {
          decide: () =>
            new Promise((resolve) => {
              decided = resolve;
            }),
          onAsk: () => {
            shown++;
            return 'allow';
          },
        },
      ],
      () => {},
    );
  for (const leave of [(it: DecidingHost) => it.withdraw(7), (it: DecidingHost) => it[Symbol.dispose]()]) {
    const waiting = slow();
    const early = answersTo(waiting, { ticket: 7 });
    leave(waiting);
    decided('ask');
    assert.equal((await early).at(-1)!.verdict, 'deny');
    assert.equal(shown, 0, 'a person is not shown what nobody waits for');
  }
  const third = answersTo(host, { ticket: 3 });
  await new Promise((resolve) => setImmediate(resolve));
  host[Symbol.dispose]();
  assert.equal((await third).at(-1)!.verdict, 'deny');
});

test('the deciding thread waits for all functions, and a little longer', () => {
  const free = () => undefined;
  const { decide, ask } = patienceOf([
    { decide: free, timeoutMs: 100 },
    { decide: free, timeoutMs: 200, askTimeoutMs: 50 },
  ]);
  assert.ok(decide > 300 && decide < 1000);
  assert.ok(ask > 120_000);
  // Where only a person is asked, no function's time counts, but the way there takes some.
  assert.ok(patienceOf([{ timeoutMs: 100_000 }]).decide < 10_000);
});
