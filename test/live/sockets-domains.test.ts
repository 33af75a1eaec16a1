/**
 * Sockets between the domains of one program, on real threads and processes: whose side refuses, scopes, locks, credentials
 * that move, uses that are asked about again.
 */

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { sideLine } from '../../packages/landward/src/audit/explain/socket-words.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { SOCKET_MODES, type SocketMode } from '../../packages/landward/src/model/sockets/index.ts';
import {
  LANDWARD,
  PR_LANDWARD,
  RULESET_SOCKETS,
  SOCKET_MODE,
} from '../../packages/landward/src/uapi/landward.ts';
import { fixtureProgram } from '../kit/fixture-program.ts';
import { needs } from '../kit/needs.ts';
import { expectPlay, play } from '../kit/socket-agents.ts';

const need = needs({ supervisor: true, tools: ['cc'] });
let program = '';
before(() => {
  if (need.skip === undefined) program = fixtureProgram('socket-agents');
});

/** Two listeners, whose ports are @L and @M. */
const LISTENERS = ['L', 'M'].flatMap((name) => [`socket 0 ${name}`, `bind 0 ${name} 0`, `listen 0 ${name}`]);

test('both: each side can refuse, and the event says which [R-000-3, R-000-21]', need, async () => {
  // Thread 1 may reach L, thread 2 both; sockets A and B are theirs.
  const events = await expectPlay(program, 'both', [
    ...LISTENERS,
    'spawn 1 0',
    'restrict 1 0 @L',
    'spawn 2 0',
    'restrict 2 0 @L @M',
    'socket 1 A',
    'socket 2 B',
    'socket 1 C',
    'connect 1 B @M = EACCES',
    'connect 2 A @M = EACCES',
    'connect 2 B @M',
    'connect 1 A @L',
    'connect 2 C @L',
    'socket 2 D',
    'connect 2 D 9 = EACCES',
  ]);
  assert.deepEqual(
    events.map(({ side, missing, errno }) => [side, missing, errno]),
    [
      ['caller', ['net.connect_tcp'], 13],
      ['socket', ['net.connect_tcp'], 13],
      ['caller', ['net.connect_tcp'], 13],
    ],
  );
  for (const { domain, blame } of events) assert.ok(domain?.kind === 'user' && blame?.layer === 0);
});

test('ruleset: two layers, each with its own subject, on three sockets [R-000-4]', need, async () => {
  for (const outer of [0, RULESET_SOCKETS.SUBJECT_SOCKET])
    for (const inner of [0, RULESET_SOCKETS.SUBJECT_SOCKET]) {
      // The outer layer grants L, the inner one L and M; a socket of before, of between, of inside.
      const refuses = (insideOuter: boolean) => (outer === 0 || insideOuter ? 'EACCES' : 'ok');
      await expectPlay(program, 'ruleset', [
        ...LISTENERS,
        'socket 0 A',
        'spawn 1 0',
        `restrict 1 ${outer} @L`,
        'socket 1 B',
        `restrict 1 ${inner} @L @M`,
        'socket 1 C',
        `connect 1 A @M = ${refuses(false)}`,
        `connect 1 B @M = ${refuses(true)}`,
        `connect 1 C @M = ${refuses(true)}`,
        // Port 9 is granted by neither: the inner layer alone refuses it for callers, or for its own sockets.
        'socket 0 D',
        `connect 1 D 9 = ${outer === 0 || inner === 0 ? 'EACCES' : 'ECONNREFUSED'}`,
      ]);
    }
});

const operationsOf = (events: readonly DenialEvent[]) =>
  [...new Set(events.map(({ operation }) => operation))].sort();

const SCOPE = RULESET_SOCKETS.RECONFIGURE;

test(
  'reconfigure-scope: the relation of ptrace, for every way to aim [R-000-6, R-000-21]',
  need,
  async () => {
    // Thread 1 is the scoped one; 0 is above it, 2 beside it, 3 below it. Each makes sockets in several states.
    const makers = { 0: 'EPERM', 1: 'ok', 2: 'EPERM', 3: 'ok' } as const;
    const script = [
      ...LISTENERS,
      'spawn 1 0',
      'spawn 2 0',
      'restrict 2 0 @L',
      `restrict 1 ${SCOPE} @L`,
      'spawn 3 1',
      'restrict 3 0 @L',
    ];
    for (const [maker, verdict] of Object.entries(makers)) {
      const names = {
        idle: `${maker}`,
        fresh: 'abcd'[Number(maker)]!,
        aimed: 'efgh'[Number(maker)]!,
        back: 'ijkl'[Number(maker)]!,
      };
      const answer = (word: string) => (verdict === 'ok' ? word : verdict);
      script.push(
        ...Object.values(names).map((name) => `socket ${maker} ${name}`),
        `connect ${maker} ${names.aimed} @L`,
        `listen ${maker} ${names.back}`,
        // Used, whoever made it.
        `send 1 ${names.aimed}`,
        `receive 1 ${names.aimed} = EAGAIN`,
        `option 1 ${names.aimed} = ${verdict}`,
        `bind 1 ${names.idle} @L = ${answer('EADDRINUSE')}`,
        `connect 1 ${names.fresh} @L = ${verdict}`,
        `listen 1 ${names.idle} = ${verdict}`,
        `read 1 ${names.back} = ${verdict}`,
        `unspec 1 ${names.aimed} = ${verdict}`,
      );
    }
    // Whoever is not in the layer is not bound by it.
    script.push('option 0 b', 'unspec 0 f', 'option 2 b');
    const events = await expectPlay(program, 'reconfigure-scope', script);
    // Denials that are alike are told once.
    assert.deepEqual(operationsOf(events), ['bind', 'connect', 'listen', 'setsockopt', 'shutdown']);
    for (const { side, errno } of events) assert.deepEqual([side, errno], ['relation', 1]);
  },
);

test(
  'a locked socket takes none of the three roads back, in any mode [R-000-7, R-000-21]',
  need,
  async () => {
    const script = [
      ...LISTENERS,
      'socket 0 I',
      'lock 0 I = EINVAL',
      // A listener with room for one: who comes later goes on connecting.
      'socket 0 N',
      'bind 0 N 0',
      'narrow 0 N',
      'later 0 O @N = ok EINPROGRESS',
      'later 0 P @N = EINPROGRESS ok',
      'later 0 Q @N = EINPROGRESS',
      // One that is connecting has no aim yet, so that its road back is still open: any shutdown.
      'lock 0 Q = EINVAL',
      'write 0 Q',
      'connect 0 Q @L = ok EINPROGRESS',
      'connect 0 I @L',
      'lock 0 I',
      'lock 0 M',
      'twin 0 T M',
      'unspec 0 I = EPERM',
      'unspec 0 M = EPERM',
      'unspec 0 T = EPERM',
      'read 0 M = EPERM',
      'both 0 T = EPERM',
      'listen 0 M = EPERM',
      'connect 0 M @L = EPERM',
      'bind 0 I 0 = EPERM',
      // What does not dissolve, and use.
      'write 0 M',
      'socket 0 C',
      'connect 0 C @M',
      'accept 0 D M',
      'send 0 D',
      'both 0 I',
      // A socket that is not locked is as it was.
      'unspec 0 L',
      'connect 0 L @M',
      'udp 0 U',
      'connect 0 U @M',
      'lock 0 U',
      'send 0 U = ok ECONNREFUSED',
      'sendto 0 U 9 = EPERM',
      'unspec 0 U = EPERM',
      'connect 0 U 9 = EPERM',
    ];
    for (const mode of ['caller', 'socket', 'transition'] as const) {
      const events = await expectPlay(program, mode, script);
      assert.deepEqual(operationsOf(events), ['bind', 'connect', 'listen', 'sendto', 'shutdown']);
      for (const { side, errno } of events) assert.deepEqual([side, errno], ['lock', 1]);
    }
  },
);

test('transition: parent, child, sibling, and for all descriptors [R-000-13]', need, async () => {
  const script = (...more: readonly string[]) => [
    ...LISTENERS,
    'spawn 1 0',
    'restrict 1 0 @L @M',
    'spawn 2 1',
    'restrict 2 0 @L',
    'spawn 3 1',
    'restrict 3 0 @L',
    ...more,
  ];
  await expectPlay(
    program,
    'transition',
    script(
      // From above: the child's socket becomes the parent's, also through its twin.
      'socket 2 A',
      'twin 2 B A',
      'connect 2 A @M = EACCES',
      'move 1 A',
      'connect 2 B @M',
      // From below: it narrows, so only the sole holder may.
      'socket 1 C',
      'twin 1 D C',
      'keep',
      'move 2 C = EPERM',
      'connect 1 D 9 = EACCES',
      'unkeep',
      'move 2 C',
      'connect 1 D @M = EACCES',
      'connect 1 D @L',
      // From beside: never.
      'socket 3 E',
      'move 2 E = EPERM',
      // Unrestricted: everything, for it could do all of it anyway.
      'move 0 E',
      'connect 3 E 9 = ECONNREFUSED',
    ),
  );
  const other = await play(program, 'both', ['socket 0 A', 'move 0 A']);
  assert.deepEqual(other.results, ['ok', 'EOPNOTSUPP']);
});

test('revalidate: each use of what came from outside, under whatever number [R-000-14]', need, async () => {
  for (const flags of [RULESET_SOCKETS.REVALIDATE, RULESET_SOCKETS.REVALIDATE_ALL]) {
    const script = [
      ...LISTENERS,
      'socket 0 A',
      'connect 0 A @M',
      'socket 0 B',
      'connect 0 B @L',
      // Descriptor 0 itself.
      'zero 0 Z A',
      'spawn 1 0',
      `restrict 1 ${flags} @L`,
      'send 1 A = EACCES',
      'receive 1 A = EACCES',
      'send 1 B',
      'receive 1 B = EAGAIN',
      // Who is outside of the layer is not asked.
      'send 0 A',
      // Spared is what the program was started with, not what it puts there.
      'send 1 Z = EACCES',
      'receive 1 Z = EACCES',
      'socket 0 C',
      'connect 0 C @M',
      'accept 1 D M = EACCES',
      'socket 0 E',
      'connect 0 E @L',
      'accept 1 F L',
      'send 1 F',
    ];
    await expectPlay(program, 'revalidate', script);
  }
});

test('new-rights: sockets made inside need a grant, others do not [R-000-5]', need, async () => {
  const grants = RULESET_SOCKETS.GRANT_BIND | RULESET_SOCKETS.GRANT_CONNECT;
  const script = (flags: number, made: string) => [
    ...LISTENERS,
    'socket 0 A',
    'spawn 1 0',
    `restrict 1 ${flags} @L`,
    'socket 1 B',
    'connect 1 A @L',
    `connect 1 B @L = ${made}`,
    'connect 1 B @M = EACCES',
  ];
  await expectPlay(program, 'new-rights', script(0, 'EACCES'));
  await expectPlay(program, 'new-rights', script(grants, 'ok').slice(0, -1));
});

test('a process restricts itself in the middle of its life [R-000-22]', need, async () => {
  // Sockets of each kind are open and another thread runs: only the restricted one is bound, from then on.
  await expectPlay(program, 'caller', [
    ...LISTENERS,
    'socket 0 A',
    'connect 0 A @M',
    'socket 0 B',
    'udp 0 U',
    'spawn 1 0',
    'connect 1 B @M',
    'restrict 1 0 @L',
    'send 1 A',
    'send 1 B',
    'unspec 1 B',
    'connect 1 B @M = EACCES',
    'connect 0 B @M',
    'accept 1 C M',
    'send 1 C',
    'connect 1 U @M',
    'read 1 L',
    'connect 1 L @M = EACCES',
    'connect 0 L @M',
  ]);
});

test('an explanation says whose credential denied, in every mode [R-000-21]', need, async () => {
  // A is made outside, B by thread 1, which may reach L only; thread 2 may reach M as well.
  const script = (flags: number, ...more: readonly string[]) => [
    ...LISTENERS,
    'socket 0 A',
    'spawn 1 0',
    `restrict 1 ${flags} @L`,
    'socket 1 B',
    ...more,
  ];
  const made = /^the socket was made in layer 0 of domain [0-9a-f]+, which the program has made itself/;
  const caller = /^the caller is in layer 0 of domain [0-9a-f]+, which the program has made itself/;
  const outside = /^the socket was made outside of layer 0 of domain [0-9a-f]+/;
  const { SUBJECT_SOCKET, RECONFIGURE, REVALIDATE, GRANT_CONNECT } = RULESET_SOCKETS;
  const cases: readonly (readonly [SocketMode, number, string, DenialEvent['side'], RegExp | undefined])[] = [
    ['caller', 0, 'connect 1 A @M', undefined, undefined],
    ['socket', 0, 'connect 0 B @M', 'socket', made],
    ['both', 0, 'connect 1 A @M', 'caller', caller],
    ['both', 0, 'connect 0 B @M', 'socket', made],
    ['ruleset', 0, 'connect 1 A @M', 'caller', caller],
    ['ruleset', SUBJECT_SOCKET, 'connect 0 B @M', 'socket', made],
    ['new-rights', 0, 'connect 1 B @L', 'socket', made],
    ['new-rights', GRANT_CONNECT, 'connect 1 B @M', 'caller', caller],
    ['reconfigure-scope', RECONFIGURE, 'connect 1 A @L', 'relation', outside],
    ['transition', 0, 'connect 0 B @M', 'socket', made],
    ['transition', 0, 'move 1 A', 'relation', /others hold it$/],
    ['revalidate', REVALIDATE, 'accept 1 C M', 'caller', caller],
  ];
  for (const [mode, flags, denied, side, words] of cases) {
    const more = denied.startsWith('move') ? ['keep', denied, 'unkeep'] : [denied];
    const { events } = await play(program, mode, script(flags, ...more));
    assert.equal(events.length, 1, `${mode}: ${denied}`);
    assert.equal(events[0]!.side, side, `${mode}: ${denied}`);
    const line = sideLine(events[0]!);
    if (words === undefined) assert.equal(line, undefined);
    else assert.match(line!, words);
  }
});

test('what a mode does not look at cannot be asked for [R-000-17]', need, async () => {
  for (const mode of SOCKET_MODES) {
    const meaningful: Partial<Record<string, number>> = {
      ruleset: RULESET_SOCKETS.SUBJECT_SOCKET,
      'reconfigure-scope': RULESET_SOCKETS.RECONFIGURE,
      revalidate: RULESET_SOCKETS.REVALIDATE,
      'new-rights': RULESET_SOCKETS.GRANT_BIND,
    };
    const asked = Object.values(meaningful) as number[];
    const { results } = await play(program, mode, [
      'spawn 1 0',
      'landward 0 10 0 0 0',
      ...asked.map((flags) => `landward 0 ${LANDWARD.RULESET_SOCKETS} -1 ${flags} 0`),
      `landward 0 ${LANDWARD.RULESET_SOCKETS} -1 64 0`,
      `landward 0 ${LANDWARD.SOCKET_MOVE} -1 0 0`,
    ]);
    const expected = asked.map((flags) => (meaningful[mode] === flags ? 'EBADF' : 'EOPNOTSUPP'));
    const move = mode === 'transition' ? 'EBADF' : 'EOPNOTSUPP';
    assert.deepEqual(results.slice(2), [...expected, 'EINVAL', move], mode);
    assert.equal(results[1], SOCKET_MODE[mode] === 0 ? 'ok' : `+${SOCKET_MODE[mode]}`, mode);
  }
  assert.equal(PR_LANDWARD, 0x4c445744);
});
