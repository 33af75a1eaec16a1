/** Cases of steps that few programs take, each with what it is about; the model answers them and so does the kernel. */

import type { Behaviour } from '../../packages/landward/src/model/index.ts';
import { abiRow } from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask, netMask, scopeMask } from '../../packages/landward/src/uapi/masks.ts';
import { GUARDS, type RareStep, REOPENED } from './rare-steps.ts';
import { OPEN, type Step } from './steps.ts';

export interface RareCase {
  readonly about: string;
  /** The lowest ABI on which the case says something. */
  readonly abi?: number;
  readonly steps: readonly Step[];
}

const RULESET = 10;
const OTHER = 11;

const fork = (child: number, task = 0): Step => ({ task, op: 'fork', child });

/** Steps with which a task restricts itself to a ruleset that handles this. */
function restrict(
  task: number,
  handled: { fs?: number; net?: number; scoped?: number; flags?: number },
  rules: readonly { path?: string; port?: number; access: number }[] = [],
): Step[] {
  const { fs = 0, net = 0, scoped = 0, flags = 0 } = handled;
  return [
    { task, op: 'ruleset', slot: RULESET, fs, net, scoped },
    ...rules.map(
      ({ path, port, access }): Step =>
        path === undefined
          ? { task, op: 'addport', slot: RULESET, access, port: port! }
          : { task, op: 'addpath', slot: RULESET, access, at: { path } },
    ),
    { task, op: 'restrict', slot: RULESET, flags },
  ];
}

const file = (path: string): Step => ({
  task: 0,
  op: 'open',
  at: { path },
  flags: OPEN.WRITE | OPEN.CREATE,
  slot: -1,
});
const directory = (path: string): Step => ({ task: 0, op: 'mkdir', at: { path } });

/** Every file-system right of the first ABI. */
const FS = abiRow(1).fs;
const SIGNALS = scopeMask('scope.signal');

/** The cases for a kernel. */
export function rareCases(behaviour: Behaviour): readonly RareCase[] {
  const most = abiRow(behaviour.abi).fs;
  const family = [fork(1), fork(2, 1), ...restrict(1, { fs: FS }), fork(3, 1), ...restrict(3, { fs: FS })];
  const guarded = GUARDS.map(
    (by): RareCase => ({
      about: `${by} is guarded like ptrace`,
      steps: [
        ...family,
        ...[0, 1, 2, 3].flatMap((task) =>
          [0, 1, 2, 3]
            .filter((target) => target !== task)
            .map((target): Step => ({ task, op: 'guarded', target, by })),
        ),
      ],
    }),
  );
  const traced = [true, false].map(
    (after): RareCase => ({
      about: `PTRACE_TRACEME asks about the parent, which restricted itself ${after ? 'after' : 'before'} the fork`,
      steps: [
        fork(1),
        ...(after ? [fork(2, 1), ...restrict(1, { fs: FS })] : [...restrict(1, { fs: FS }), fork(2, 1)]),
        { task: 2, op: 'traceme' },
      ],
    }),
  );
  const deaths = [true, false].map(
    (after): RareCase => ({
      about: `the death signal of a parent that restricted itself ${after ? 'after' : 'before'} the fork`,
      abi: 6,
      steps: [
        fork(1),
        ...(after
          ? [fork(2, 1), ...restrict(1, { scoped: SIGNALS })]
          : [...restrict(1, { scoped: SIGNALS }), fork(2, 1)]),
        { task: 2, op: 'deathsig' },
        { task: 2, op: 'pending' },
        { task: 0, op: 'end', target: 1 },
        { task: 2, op: 'pending' },
      ],
    }),
  );
  const topology = [
    { about: 'a domain with a file-system right', handled: { fs: fsMask('fs.read_dir') } },
    { about: 'a domain without any', handled: { net: netMask('net.bind_tcp') }, abi: 4 },
  ].map(
    ({ about, handled, abi }): RareCase => ({
      about: `pivot_root and move_mount in ${about}`,
      ...(abi === undefined ? {} : { abi }),
      steps: [
        directory('/tmp/a'),
        directory('/tmp/b'),
        { task: 0, op: 'pivot', at: { path: '/tmp/a' } },
        { task: 0, op: 'graft', at: { path: '/tmp/a' }, to: { path: '/tmp/b' } },
        fork(1),
        ...restrict(1, handled),
        { task: 1, op: 'pivot', at: { path: '/tmp/a' } },
        { task: 1, op: 'graft', at: { path: '/tmp/a' }, to: { path: '/tmp/b' } },
      ],
    }),
  );
  const queues: RareCase = {
    about: 'message queues are made without asking and opened like files',
    steps: [
      fork(1),
      ...restrict(1, { fs: fsMask('fs.read_file', 'fs.make_reg') }, [
        { path: '/', access: fsMask('fs.read_file') },
      ]),
      { task: 1, op: 'queue', flags: OPEN.READ, slot: -1 },
      { task: 1, op: 'queue', flags: OPEN.READ | OPEN.CREATE, slot: -1 },
      { task: 1, op: 'queue', flags: OPEN.WRITE, slot: -1 },
      { task: 0, op: 'queue', flags: OPEN.READ | OPEN.WRITE | OPEN.CREATE | OPEN.EXCLUSIVE, slot: -1 },
      { task: 0, op: 'queue', flags: OPEN.READ, slot: -1 },
    ],
  };
  const places = ['/tmp/a/f', '/tmp/b/f', '/tmp/b'];
  const asFile = OPEN.READ;
  const tree = [directory('/tmp/a'), directory('/tmp/b'), file('/tmp/a/f'), file('/tmp/b/f')];
  const readA = [{ path: '/tmp/a', access: fsMask('fs.read_file') }];
  const handles: RareCase = {
    about: 'a file handle opens what its path would',
    steps: [
      ...tree,
      fork(1),
      ...restrict(1, { fs: most }, readA),
      ...places.flatMap((path) =>
        [asFile, OPEN.WRITE, OPEN.READ | OPEN.WRITE, OPEN.READ | OPEN.DIRECTORY].flatMap((flags): Step[] => {
          const wrong =
            path === '/tmp/b' ? flags !== (OPEN.READ | OPEN.DIRECTORY) : (flags & OPEN.DIRECTORY) !== 0;
          return wrong ? [] : [{ task: 1, op: 'handle', at: { path }, flags, slot: 4 }];
        }),
      ),
      { task: 1, op: 'handle', at: { path: '/tmp/a/f' }, flags: asFile, slot: 4 },
      { task: 0, op: 'handle', at: { path: '/tmp/b/f' }, flags: OPEN.WRITE, slot: 4 },
    ],
  };
  const rings: RareCase = {
    about: 'io_uring opens with the present credential, or with the one that was registered',
    steps: [
      ...tree,
      fork(1),
      { task: 1, op: 'ring', slot: 3 },
      ...restrict(1, { fs: FS }, readA),
      ...places.flatMap((path) =>
        [true, false].flatMap((personality) =>
          [true, false].map(
            (worker): Step => ({
              task: 1,
              op: 'ringopen',
              slot: 3,
              at: { path },
              flags: OPEN.READ,
              personality,
              worker,
            }),
          ),
        ),
      ),
    ],
  };
  const reopened: RareCase = {
    about: 'what no rule can name is opened through /proc by every domain',
    steps: [
      fork(1),
      ...restrict(1, { fs: most }),
      ...REOPENED.map((what, slot): Step => ({ task: 1, op: 'reopen', what, slot })),
      { task: 1, op: 'ftruncate', slot: REOPENED.indexOf('memfd') },
    ],
  };
  const unnamed: RareCase = {
    about: 'an unnamed file is linked below its own directory without refer, elsewhere by it',
    abi: 2,
    steps: [
      ...tree,
      fork(1),
      ...restrict(1, { fs: FS | fsMask('fs.refer') }, [
        { path: '/tmp/a', access: FS },
        { path: '/tmp/b', access: FS },
      ]),
      { task: 1, op: 'open', at: { path: '/tmp/a' }, flags: OPEN.UNNAMED | OPEN.WRITE, slot: 4 },
      { task: 1, op: 'linkfd', slot: 4, to: { path: '/tmp/a/new' } },
      { task: 1, op: 'open', at: { path: '/tmp/a' }, flags: OPEN.UNNAMED | OPEN.WRITE, slot: 4 },
      { task: 1, op: 'linkfd', slot: 4, to: { path: '/tmp/b/new' } },
    ],
  };
  return [
    ...guarded,
    ...traced,
    ...deaths,
    ...topology,
    queues,
    handles,
    rings,
    reopened,
    unnamed,
    ...execCases(),
    ...siblingCases(),
  ];
}

/** Denials before and after an exec, by layers that log in one phase, in both or in none. */
function execCases(): RareCase[] {
  return [0, 1, 2, 3, 4, 5].map((flags) => ({
    about: `a signal out of the domain after an exec, with log flags ${flags}`,
    abi: 7,
    steps: [
      fork(1),
      ...restrict(1, { scoped: SIGNALS, flags }),
      ...restrict(1, { scoped: SIGNALS }),
      { task: 1, op: 'signal', target: 0 },
      { task: 1, op: 'execkill', target: 0 },
    ],
  }));
}

/** Another thread with a layer of its own, and a call for one thread or, since ABI 8, for all. */
function siblingCases(): RareCase[] {
  const TSYNC = 8;
  const make = fsMask('fs.make_dir');
  const cases = [0, TSYNC].flatMap((flags) => [true, false].map((own) => ({ flags, own })));
  return cases.flatMap(({ flags, own }) =>
    [make, fsMask('fs.remove_dir')].map(
      (handled): RareCase => ({
        about: `a thread ${own ? 'with a stricter layer of its own' : 'without a domain'} beside one that ${
          flags === TSYNC ? 'restricts all' : 'restricts itself'
        } ${handled === make ? 'to make no directory' : 'to something else'}`,
        ...(flags === TSYNC ? { abi: 8 } : {}),
        steps: [
          fork(1),
          { task: 1, op: 'ruleset', slot: OTHER, fs: make, net: 0, scoped: 0 },
          { task: 1, op: 'ruleset', slot: RULESET, fs: handled, net: 0, scoped: 0 },
          { task: 1, op: 'sibling', own: own ? OTHER : -1, slot: RULESET, flags, at: { path: '/tmp/new' } },
          { task: 1, op: 'mkdir', at: { path: '/tmp/other' } },
        ],
      }),
    ),
  );
}

/** What the sockets of a case are asked; a stream step of task `task`. */
export const stream = (
  task: number,
  slot: number,
  call: (RareStep & { op: 'stream' })['call'],
  port?: number,
): Step => ({ task, op: 'stream', slot, call, ...(port === undefined ? {} : { port }) });
