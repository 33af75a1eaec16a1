/**
 * What policies say about sockets beyond addresses: read, composed, printed, compared, compiled, and held by the filter as the
 * model decides.
 */

import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { composeFilter } from '../../packages/landward/src/filter/compose.ts';
import { encodeCall, interpret } from '../../packages/landward/src/filter/interpret.ts';
import { unpackProgram } from '../../packages/landward/src/filter/program.ts';
import { DEFAULT_FILTER } from '../../packages/landward/src/filter/spec.ts';
import {
  decideControls,
  decideCreate,
  type RunSocket,
  sideOf,
} from '../../packages/landward/src/model/index.ts';
import type { RuleLayer, SocketKindRule } from '../../packages/landward/src/model/rules.ts';
import { gapList } from '../../packages/landward/src/policy/compile-gaps.ts';
import { compileSockets } from '../../packages/landward/src/policy/compile-sockets.ts';
import { diffPolicies } from '../../packages/landward/src/policy/diff.ts';
import { printPolicy } from '../../packages/landward/src/policy/print.ts';
import { readSocketKind } from '../../packages/landward/src/policy/socket-text.ts';
import { AUDIT_ARCH } from '../../packages/landward/src/uapi/audit-arch.ts';
import { SYSCALLS } from '../../packages/landward/src/uapi/syscalls.ts';
import { resolveInputs, resolveText } from '../kit/policy-text.ts';

fc.configureGlobal({ seed: 20261122 });

const origin = { file: 'test', line: 1, column: 1 } as const;

describe('the keys of [net] about sockets', () => {
  it('are per layer: the strictest in one layer, each layer its own', async () => {
    const policy = await resolveInputs([
      { name: 'a', text: '[net]\nsubject = "socket"\nsockets = ["tcp"]' },
      { name: 'b', text: '[net]\nsubject = "caller"\naim = "own"\nsockets = ["unix"]' },
      { name: 'c', layer: 'limit', text: 'layer = "limit"\n[net]\nsubject = "socket"\nlock = true' },
      { name: 'd', layer: 'limit', text: 'layer = "limit"\n[fs]' },
    ]);
    const [grant, limit, silent] = policy.layers;
    assert.equal(grant?.sockets?.subject, 'both');
    assert.equal(grant?.sockets?.aim, 'own');
    assert.deepEqual(
      grant?.sockets?.create?.map(({ family, type, protocol }) => [family, type, protocol]),
      [
        [2, 1, 6],
        [10, 1, 6],
        [1, null, null],
      ],
    );
    assert.deepEqual([limit?.sockets?.subject, limit?.sockets?.lock], ['socket', true]);
    assert.equal(silent?.sockets, undefined);
  });

  it('leave addresses alone where a limit has nothing else', async () => {
    const spoken = async (text: string) =>
      (
        await resolveInputs([
          { name: 'a', text: '' },
          { name: 'b', layer: 'limit', text: `layer = "limit"\n${text}` },
        ])
      ).layers[1]?.categories;
    assert.deepEqual(await spoken('[net]\naim = "own"\nlock = true\nrevalidate = true\nsockets = []'), []);
    assert.deepEqual(await spoken('[net]'), ['net']);
    assert.deepEqual(await spoken('[net]\nsubject = "both"'), ['net']);
    assert.deepEqual(await spoken('[net]\naim = "own"\nconnect = []'), ['net']);
  });

  it('spare what all texts spare', async () => {
    const exempt = async (...texts: string[]) =>
      (await resolveInputs(texts.map((text, index) => ({ name: `${index}`, text: `[net]\n${text}` }))))
        .layers[0]?.sockets?.revalidate?.exempt;
    assert.deepEqual(await exempt('revalidate = true'), [0, 1, 2]);
    assert.deepEqual(await exempt('revalidate = true', 'revalidate = { exempt = [2, 7] }'), [2]);
    assert.equal(await exempt('revalidate = false'), undefined);
  });

  it('are refused with file, line and column where they are wrong', async () => {
    for (const [text, place] of [
      ['[net]\nsockets = ["tcp", "inet/strem/tcp"]', '2:19'],
      ['[net]\naim = "mine"', '2:7'],
      ['[net]\nlock = "yes"', '2:8'],
      ['[net]\nrevalidate = { spare = [1] }', '2:16'],
      ['[net]\nsockets = ["netlink:rout"]', '2:12'],
      ['[net]\nsockets = ["500"]', '2:12'],
    ] as const) {
      await assert.rejects(resolveText(text), (error: Error & { at?: { line: number; column: number } }) => {
        assert.equal(`${error.at?.line}:${error.at?.column}`, place, `${text}: ${error.message}`);
        return true;
      });
    }
  });

  it('are printed so that reading gives the same', async () => {
    const text =
      '[net]\nconnect = []\naim = "own"\nlock = true\nrevalidate = { exempt = [0] }\nsockets = ["netlink:route", "packet/raw/*", "inet/stream/mptcp"]\nsubject = "both"';
    const policy = await resolveInputs([
      { name: 'a', text },
      { name: 'b', layer: 'limit', text: 'layer = "limit"\n[net]\nlock = true' },
      { name: 'c', layer: 'limit', text: 'layer = "limit"\n[net]\nlock = true\nconnect = []' },
    ]);
    const again = await resolveInputs(
      printPolicy(policy).map(({ name, toml, layer }) => ({ name, text: toml, layer })),
    );
    const plain = ({ layers }: typeof policy) =>
      layers.map(({ categories, sockets }) => {
        const { origin: _origin, create, ...rest } = sockets!;
        return [categories, rest, create?.map(({ origin: _place, ...kind }) => kind)];
      });
    assert.deepEqual(plain(again), plain(policy));
  });

  it('show in a diff, with their direction', async () => {
    const changes = async (before: string, after: string) => {
      const diff = diffPolicies(await resolveText(`[net]\n${before}`), await resolveText(`[net]\n${after}`));
      const names = (list: readonly object[]) =>
        list.flatMap((one) => ('setting' in one ? [one.setting] : []));
      return [names(diff.wider), names(diff.narrower)];
    };
    assert.deepEqual(await changes('', 'lock = true\naim = "own"'), [[], ['net.aim', 'net.lock']]);
    assert.deepEqual(await changes('sockets = ["tcp"]', 'sockets = ["tcp", "udp"]'), [['net.sockets'], []]);
    assert.deepEqual(await changes('sockets = ["inet"]', 'sockets = ["inet/stream/*"]'), [
      [],
      ['net.sockets'],
    ]);
    assert.deepEqual(await changes('subject = "both"', 'subject = "socket"'), [['net.subject'], []]);
    assert.deepEqual(await changes('revalidate = true', ''), [['net.revalidate'], []]);
  });
});

const layerOf = (create: readonly SocketKindRule[]): RuleLayer => ({
  kind: 'limit',
  name: 'kinds',
  categories: [],
  rules: [],
  sockets: { subject: 'caller', aim: 'any', lock: false, create, origin },
});

const kinds = fc.constantFrom(
  'tcp',
  'udp',
  'unix',
  'inet',
  'inet6/*/*',
  'netlink:route',
  'packet',
  'packet/raw/3',
  'packet/*/*',
  'inet/stream/*',
  'inet/*/6',
  'inet/*/0',
  'inet/raw/icmp',
  'unix/dgram/*',
  'unix/*/0',
  'inet/stream/0',
  'inet/seqpacket/0',
  'inet/packet/3',
  '44',
);
const triples = fc.record({
  family: fc.constantFrom(1, 2, 10, 16, 17, 44, 250),
  type: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 10, 15),
  protocol: fc.constantFrom(0, 1, 3, 6, 17, 132, 262),
});

function rulesOf(words: readonly string[]): SocketKindRule[] {
  return words.flatMap((word) => {
    const read = readSocketKind(word);
    assert.ok(Array.isArray(read), word);
    return (read as readonly Omit<SocketKindRule, 'origin'>[]).map((kind) => ({ ...kind, origin }));
  });
}

const SECCOMP_ALLOW = 0x7fff0000;
const EACCES = 0x0005_000d;

test('the filter admits the kinds that the model admits, for sockets and pairs [R-000-30, R-000-31, R-000-33]', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(kinds, { maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      triples,
      fc.constantFrom(0, 0o2004000),
      (lists, triple, flags) => {
        const layers = lists.map((words) => layerOf(rulesOf(words)));
        const { create } = compileSockets(
          layers.map((layer) => ({ ...layer, rules: [] })),
          gapList([]),
        );
        const program = unpackProgram(composeFilter({ ...DEFAULT_FILTER, arch: 'x86_64', create: create! }));
        const wanted = decideCreate(layers, triple) === null ? SECCOMP_ALLOW : EACCES;
        for (const name of ['socket', 'socketpair'] as const) {
          const data = encodeCall({
            nr: SYSCALLS.x86_64[name]!,
            arch: AUDIT_ARCH.x86_64,
            args: [triple.family, triple.type | flags, triple.protocol],
          });
          const value = interpret(program, data);
          assert.equal(value, wanted, `${name} ${JSON.stringify({ lists, triple })}`);
        }
      },
    ),
    { numRuns: 400 },
  );
});

test('a rule for the default protocol admits TCP and not MPTCP, and an old name is the new one [R-000-33]', () => {
  const may = (word: string, family: number, type: number, protocol: number) =>
    decideCreate([layerOf(rulesOf([word]))], { family, type, protocol }) === null;
  assert.deepEqual(
    [may('inet/stream/0', 2, 1, 0), may('inet/stream/0', 2, 1, 6), may('inet/stream/0', 2, 1, 262)],
    [true, true, false],
  );
  assert.deepEqual([may('packet/packet/3', 2, 10, 3), may('inet', 2, 10, 3)], [true, false]);
  assert.equal(may('unix/dgram/0', 1, 3, 1), true);
});

const socket = (more: Partial<RunSocket>): RunSocket => ({
  madeIn: 1,
  type: 'stream',
  state: 'idle',
  aimed: 'no',
  startedAs: [],
  ...more,
});

test('what is not known of a socket is taken for what is stricter [R-000-2, R-000-6]', () => {
  const layer = (more: object): RuleLayer => ({
    ...layerOf([]),
    sockets: { ...layerOf([]).sockets!, ...more },
  });
  const bound = (madeIn: number | null) => sideOf(layer({ subject: 'socket' }), 0, socket({ madeIn }));
  assert.deepEqual([bound(1), bound(0), bound(null)], ['socket', null, 'socket']);
  const aims = (madeIn: number | null) =>
    decideControls([layer({ aim: 'own' })], socket({ madeIn }), 'bind')?.errno ?? 0;
  assert.deepEqual([aims(1), aims(0), aims(null)], [0, 1, 1]);
});

test('two layers, each in its own mode, with sockets of either age: all that apply must allow [R-000-4]', () => {
  const layer = (subject: 'caller' | 'socket'): RuleLayer => ({
    ...layerOf([]),
    sockets: { ...layerOf([]).sockets!, subject },
  });
  const sides = (one: 'caller' | 'socket', two: 'caller' | 'socket', madeIn: number) =>
    [layer(one), layer(two)].map((each, index) => sideOf(each, index, socket({ madeIn })));
  for (const one of ['caller', 'socket'] as const)
    for (const two of ['caller', 'socket'] as const)
      for (const madeIn of [0, 2])
        assert.deepEqual(
          sides(one, two, madeIn),
          [one, two].map((subject) => (subject === 'caller' ? 'caller' : madeIn > 0 ? 'socket' : null)),
        );
  // Made between the two: inside of the first only.
  assert.deepEqual(sides('socket', 'socket', 1), ['socket', null]);
});
