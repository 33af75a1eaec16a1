/**
 * The mode `caller` of the table of socket modes, made by this kernel with real TCP sockets: made before the layer, inside
 * it, passed in and out by SCM_RIGHTS, accepted, dissolved. And every road from an aimed socket back to an unaimed one.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { socketTable } from '../../packages/landward/src/model/sockets/index.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { netMask } from '../../packages/landward/src/uapi/masks.ts';
import { ask, asTest, firstDifference } from '../differential/compare.ts';
import { build, missing, runOnKernel } from '../differential/kernel.ts';
import { stream } from '../differential/rare-cases.ts';
import { runningBehaviour } from '../differential/running.ts';
import type { Step } from '../differential/steps.ts';

const absent = missing();
const behaviour = absent === null ? runningBehaviour(build()) : null;
const skip =
  absent ?? (behaviour!.abi < 4 ? `needs Landlock ABI 4, this kernel has ${behaviour!.abi}` : false);

const GRANTED = 80;
const OTHER = 81;
/** Slots: listeners on both ports, and the socket that a case is about. */
const [LISTENER, SECOND, MADE, HELD] = [0, 1, 2, 3] as const;

const tcp = (task: number, slot: number): Step => ({ task, op: 'tcp', slot });
const listener = (slot: number, port: number): Step[] => [
  tcp(0, slot),
  stream(0, slot, 'bind', port),
  stream(0, slot, 'listen'),
];
const fork = (child: number): Step => ({ task: 0, op: 'fork', child });

/** Task 1 restricts itself to some ports, none by default. */
const restrict = (...ports: number[]): Step[] => {
  const access = netMask('net.bind_tcp', 'net.connect_tcp');
  return [
    { task: 1, op: 'ruleset', slot: 9, fs: 0, net: access, scoped: 0 },
    ...ports.map((port): Step => ({ task: 1, op: 'addport', slot: 9, access, port })),
    { task: 1, op: 'restrict', slot: 9, flags: 0 },
  ];
};

const pass = (from: number, to: number): Step[] => [
  { task: from, op: 'give', slot: MADE },
  { task: to, op: 'take', slot: HELD },
];

/** Runs steps on the kernel, which must agree with the model on each; gives the kernel's errnos. */
async function played(steps: readonly Step[]): Promise<number[]> {
  const answers = ask(behaviour!, steps);
  assert.ok(answers !== null, 'a step makes no sense');
  const [kernel] = await runOnKernel([steps]);
  const difference = firstDifference(steps, answers, kernel!);
  assert.equal(difference, null, difference === null ? '' : asTest(steps, difference));
  return kernel!;
}

/** What the kernel lets a task do with an unaimed socket, in the table's words. */
async function word(before: readonly Step[], task: number, slot: number): Promise<string> {
  const aims = [
    stream(task, slot, 'connect', OTHER),
    stream(task, slot, 'dissolve'),
    stream(task, slot, 'connect', GRANTED),
  ];
  const errnos = (await played([...before, ...aims])).slice(-aims.length);
  assert.equal(errnos[1], 0);
  if (errnos[0] === 0) return 'free';
  assert.equal(errnos[0], ERRNO.EACCES);
  return errnos[2] === 0 ? 'checked' : 'denied';
}

const servers = [...listener(LISTENER, GRANTED), ...listener(SECOND, OTHER)];

test('this kernel does what the table says of the mode caller', { skip }, async () => {
  const inside = [...servers, fork(1), ...restrict(GRANTED)];
  const before = [...servers, fork(1), tcp(1, MADE), ...restrict(GRANTED)];
  // The layer of an accepting server must let it bind, which it does before.
  const accepting = [...inside, tcp(0, MADE), stream(0, MADE, 'connect', GRANTED)];
  const dissolve = [...before, stream(1, MADE, 'dissolve')];
  assert.equal((await played(dissolve)).at(-1), 0);
  const row = {
    mode: 'caller',
    before: await word(before, 1, MADE),
    inside: await word([...inside, tcp(1, MADE)], 1, MADE),
    passedIn: await word([...inside, tcp(0, MADE), ...pass(0, 1)], 1, HELD),
    passedOut: await word([...inside, tcp(1, MADE), ...pass(1, 0)], 0, HELD),
    accepted: await word(
      [
        ...accepting,
        { task: 1, op: 'stream', slot: LISTENER, call: 'accept', accepted: HELD },
        stream(1, HELD, 'dissolve'),
      ],
      1,
      HELD,
    ),
    dissolve: `allowed, then ${await word(dissolve, 1, MADE)}`,
    serverSafe: (await withstands()) ? 'yes' : 'no',
  };
  assert.deepEqual(row, socketTable()[0]);
});

/** Whether no road lets a worker of a server that restricted itself aim the listener anew. */
async function withstands(): Promise<boolean> {
  let safe = true;
  for (const road of ['dissolve', 'shutdown read', 'shutdown both'] as const) {
    const steps = [
      ...listener(SECOND, OTHER),
      tcp(0, MADE),
      stream(0, MADE, 'bind', GRANTED),
      stream(0, MADE, 'listen'),
      fork(1),
      ...restrict(),
      stream(1, MADE, road),
      stream(1, MADE, 'connect', OTHER),
    ];
    const errnos = await played(steps);
    assert.equal(errnos.at(-2), 0, `${road} is mediated`);
    if (errnos.at(-1) === 0) safe = false;
    else assert.equal(errnos.at(-1), ERRNO.EACCES);
  }
  return safe;
}

test('roads back to an unaimed socket, from each state, as the model has them', { skip }, async () => {
  const states: Readonly<Record<string, readonly Step[]>> = {
    unaimed: [tcp(0, MADE)],
    bound: [tcp(0, MADE), stream(0, MADE, 'bind', 82)],
    listening: [tcp(0, MADE), stream(0, MADE, 'bind', 83), stream(0, MADE, 'listen')],
    'listening on a chosen port': [tcp(0, MADE), stream(0, MADE, 'listen')],
    connected: [...servers, tcp(0, MADE), stream(0, MADE, 'connect', GRANTED)],
    // A listener with room for one leaves the second on its way.
    connecting: [
      tcp(0, LISTENER),
      stream(0, LISTENER, 'bind', 84),
      stream(0, LISTENER, 'listen for one'),
      tcp(0, SECOND),
      stream(0, SECOND, 'connect', 84),
      tcp(0, MADE),
      stream(0, MADE, 'start connecting', 84),
    ],
    accepted: [
      ...servers,
      tcp(0, HELD),
      stream(0, HELD, 'connect', GRANTED),
      { task: 0, op: 'stream', slot: LISTENER, call: 'accept', accepted: MADE },
    ],
  };
  const roads = ['dissolve', 'shutdown read', 'shutdown write', 'shutdown both'] as const;
  const afterwards = [
    [stream(0, MADE, 'bind', 85)],
    [stream(0, MADE, 'listen')],
    [...listener(4, 86), stream(0, MADE, 'connect', 86)],
  ];
  for (const before of Object.values(states))
    for (const road of roads)
      for (const after of afterwards) await played([...before, stream(0, MADE, road), ...after]);
});
