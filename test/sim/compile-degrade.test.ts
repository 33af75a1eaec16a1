/**
 * The report tells what is enforced: on random policies and every ABI, a right that it calls enforced is never open
 * where the rules close it (by Landlock's model and by running the filter), one that it calls not handled is open by the
 * rules, and one that it calls lost is a named gap.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeCall, interpret } from '../../packages/landward/src/filter/interpret.ts';
import { unpackProgram } from '../../packages/landward/src/filter/program.ts';
import { decideRules } from '../../packages/landward/src/model/decide-rules.ts';
import { linux } from '../../packages/landward/src/model/landlock/behaviour.ts';
import { plainLandlock } from '../../packages/landward/src/model/landlock/plain.ts';
import type {
  Category,
  HostPattern,
  NetRule,
  Request,
  Rule,
  RuleLayer,
  ScopeRule,
  UnixRule,
} from '../../packages/landward/src/model/rules.ts';
import { compile } from '../../packages/landward/src/policy/compile.ts';
import { FEATURES, type Feature } from '../../packages/landward/src/policy/features.ts';
import type { Plan } from '../../packages/landward/src/policy/plan.ts';
import { AUDIT_ARCH } from '../../packages/landward/src/uapi/audit-arch.ts';
import {
  FS_RIGHTS,
  type FsRight,
  type NetRight,
  type Right,
  SCOPES,
  type Scope,
} from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { AF, IPPROTO, SOCK } from '../../packages/landward/src/uapi/socket.ts';
import { syscallNumber } from '../../packages/landward/src/uapi/syscalls.ts';
import {
  ALL_NET,
  anywhere,
  memoryHost,
  netRule,
  pathRule,
  policyOf,
  READ,
  treeOf,
  WRITE,
} from '../kit/policies.ts';

const TREE = treeOf({ '/p/f': 'file', '/p/d/g': 'file', '/run/s': 'file', '/q/h': 'file' });
const PATHS = ['/', '/p', '/p/f', '/p/d', '/run/s', '/run', '/q'];
const PORTS = [0, 53, 80, 443, 8080];
const EVERY_FEATURE = Object.keys(FEATURES) as Feature[];

const verdict = fc.oneof(
  { weight: 4, arbitrary: fc.constant('allow' as const) },
  fc.constantFrom('deny' as const, 'ask' as const),
);
const host: fc.Arbitrary<HostPattern> = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ kind: 'any' } as const) },
  fc.constantFrom<HostPattern>(
    { kind: 'class', name: 'loopback' },
    { kind: 'cidr', family: 4, address: '192.0.2.0', prefix: 24 },
    { kind: 'name', name: 'api.example.com' },
  ),
);
const net: fc.Arbitrary<NetRule> = fc
  .record({
    verdict,
    right: fc.constantFrom(...ALL_NET),
    host,
    ports: fc.constantFrom([443, 443], [0, 65535], [0, 1023], [53, 80], [0, 0]),
  })
  .map(({ verdict, right, host, ports }) => netRule(verdict, right, ports[0]!, ports[1]!, { host }));
const path: fc.Arbitrary<Rule> = fc
  .record({
    verdict,
    path: fc.constantFrom(...PATHS),
    rights: fc.constantFrom(READ, WRITE, ['fs.ioctl_dev', 'fs.truncate', 'fs.write_file'] as const),
  })
  .map(({ verdict, path, rights }) => pathRule(verdict, path, rights));
const unix: fc.Arbitrary<UnixRule> = fc
  .record({
    verdict,
    operation: fc.constantFrom('connect' as const, 'bind' as const),
    path: fc.constantFrom(...PATHS),
  })
  .map(({ verdict, operation, path }) => ({
    kind: 'unix',
    verdict,
    operation,
    target: { kind: 'path', pattern: { kind: 'subtree', path } },
    enforce: 'any',
    origin: anywhere(),
  }));
const scope: fc.Arbitrary<ScopeRule> = fc
  .record({
    verdict: fc.constantFrom('allow' as const, 'deny' as const),
    scope: fc.constantFrom(...(Object.keys(SCOPES) as Scope[])),
  })
  .map(({ verdict, scope }) => ({ kind: 'scope', verdict, scope, enforce: 'any', origin: anywhere() }));

const CATEGORIES: Category[] = ['fs', 'net', 'unix', 'process'];
const layers: fc.Arbitrary<readonly RuleLayer[]> = fc
  .array(fc.tuple(fc.subarray(CATEGORIES), fc.array(fc.oneof(net, path, unix, scope), { maxLength: 6 })), {
    minLength: 1,
    maxLength: 3,
  })
  .map((all) =>
    all.map(([categories, rules], index) => ({
      kind: index === 0 ? 'grant' : 'limit',
      name: `layer ${index}`,
      categories,
      rules,
    })),
  );

/** Whether the filter lets a socket be made. */
function canMake(plan: Plan, family: number, type: number, protocol: number): boolean {
  if (plan.filter === null) return true;
  const call = encodeCall({
    nr: syscallNumber(plan.arch, 'socket')!,
    arch: AUDIT_ARCH[plan.arch],
    args: [family, type, protocol],
  });
  return interpret(unpackProgram(plan.filter), call) === 0x7fff_0000;
}

/** What the plan leaves open, asked of the model of Landlock and of the filter. */
function opens(plan: Plan) {
  const landlock = plainLandlock(linux(plan.abi), plan.ruleset === null ? [] : [plan.ruleset], (path) => {
    const entry = TREE.get(path);
    return entry === undefined ? null : entry === 'file' ? 'reg' : 'dir';
  });
  const tcp = canMake(plan, AF.INET, SOCK.STREAM, IPPROTO.TCP);
  const udp = canMake(plan, AF.INET, SOCK.DGRAM, 0);
  const unixSockets = canMake(plan, AF.UNIX, SOCK.STREAM, 0);
  return (right: Right, request: Request): boolean => {
    switch (request.kind) {
      case 'path':
        return landlock.path(request.path, [right as FsRight]).allowed;
      case 'net':
        return (
          (request.right.endsWith('_tcp') ? tcp : udp) && landlock.port(request.right, request.port).allowed
        );
      case 'unix':
        return unixSockets && landlock.unix(request.path!).allowed;
      case 'scope':
        return (request.scope === 'scope.signal' || unixSockets) && landlock.scope(request.scope).allowed;
      default:
        throw new Error(request.kind);
    }
  };
}

/** Requests for a right that mean something in the tree. */
function requestsFor(right: Right): Request[] {
  if (right === 'fs.resolve_unix')
    return [...TREE]
      .filter(([, entry]) => entry === 'file')
      .map(([path]) => ({ kind: 'unix', operation: 'connect', path }));
  if (right.startsWith('scope.')) return [{ kind: 'scope', scope: right as Scope }];
  if (right.startsWith('net.')) {
    return PORTS.flatMap((port) =>
      [{}, { address: '192.0.2.7' }, { address: '127.0.0.1' }, { name: 'api.example.com' }].map(
        (target) => ({ kind: 'net', right: right as NetRight, port, ...target }) as const,
      ),
    );
  }
  const { file } = FS_RIGHTS[right as FsRight];
  if (right === 'fs.refer' || right.startsWith('fs.make_')) return [];
  return [...TREE]
    .filter(
      ([path, entry]) =>
        path !== '/' &&
        (right.startsWith('fs.remove_')
          ? (entry === 'file') === (right === 'fs.remove_file')
          : (entry === 'file') === file),
    )
    .map(([path]) => ({ kind: 'path', path, rights: [right as FsRight] }));
}

/** The gaps that may stand for a lost right. */
function gapsFor(right: Right): Feature[] {
  if (right.endsWith('_tcp')) return ['net.tcp', 'landlock'];
  if (right.endsWith('_udp')) return ['net.udp', 'landlock'];
  if (right === 'fs.resolve_unix') return ['unix.connect', 'landlock'];
  return [right as Feature, 'landlock'];
}

test('the report is what is enforced, on every ABI', () => {
  const seen = { enforced: 0, 'not handled': 0, lost: 0 };
  fc.assert(
    fc.property(layers, fc.integer({ min: 0, max: 11 }), (layers, abi) => {
      const plan = compile(policyOf(layers), memoryHost(TREE, abi));
      const open = opens(plan);
      for (const { right, state } of plan.report.rights) {
        seen[state]++;
        if (state === 'lost') {
          const names = gapsFor(right);
          assert.ok(
            plan.gaps.some((gap) => names.includes(gap.feature)),
            `${right} is lost and no gap says so`,
          );
          continue;
        }
        for (const request of requestsFor(right)) {
          const wanted = decideRules(plan.layers, request).verdict === 'allow';
          if (open(right, request))
            assert.ok(
              wanted || isFolded(plan, request),
              `${right} ${JSON.stringify(request)} is ${state} and open`,
            );
          else if (!isCollateral(plan, right)) {
            assert.equal(
              state,
              'enforced',
              `${right} ${JSON.stringify(request)} is closed and said to be not handled`,
            );
          }
        }
      }
    }),
    { numRuns: 700, seed: 20261122 },
  );
  assert.ok(Math.min(...Object.values(seen)) > 500, JSON.stringify(seen));
});

/** Where no UNIX socket can be made, abstract ones are closed too, and the report says that this is stricter. */
function isCollateral(plan: Plan, right: Right): boolean {
  return (
    right === 'scope.abstract_unix_socket' &&
    plan.report.stricter.some((line) => line.startsWith('UNIX sockets cannot be made'))
  );
}

/** Hosts fold into ports only under a gap; nothing else does. */
function isFolded(plan: Plan, request: Request): boolean {
  return request.kind === 'net' && plan.gaps.some((gap) => gap.feature === 'net.host' && gap.accepted);
}

test('a plan without gaps holds the whole policy, and one with all gaps accepted still starts', () => {
  let whole = 0;
  fc.assert(
    fc.property(layers, fc.integer({ min: 0, max: 11 }), (layers, abi) => {
      const plan = compile(policyOf(layers), memoryHost(TREE, abi));
      if (plan.gaps.length === 0) {
        whole++;
        assert.equal(plan.report.state, 'fully');
        assert.ok(plan.report.rights.every(({ state }) => state !== 'lost'));
        assert.ok(
          plan.report.rules.every(({ state, rule }) => state === 'fully' || rule.verdict === 'allow'),
        );
      } else {
        assert.notEqual(plan.report.state, 'fully');
      }
      const accepted = compile(
        policyOf(layers, { require: { degrade: EVERY_FEATURE } }),
        memoryHost(TREE, abi),
      );
      assert.ok(accepted.gaps.every((gap) => gap.accepted));
      assert.ok(plan.gaps.length === 0 || accepted.gaps.length > 0, 'accepting a gap does not hide it');
      // What is held with every gap accepted is never less than the kernel can hold: the same rights are handled.
      if (plan.ruleset !== null && accepted.ruleset !== null) {
        assert.equal(
          plan.ruleset.handledFs & ~fsMask('fs.refer'),
          accepted.ruleset.handledFs & ~fsMask('fs.refer'),
        );
      }
    }),
    { numRuns: 400, seed: 20261122 },
  );
  assert.ok(whole > 50, `only ${whole} plans had no gap`);
});
