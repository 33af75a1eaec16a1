/**
 * The supervisor's part of a plan: on random trees and policies, what the kernel's part leaves open against the rules is
 * asked about, and what the rules allow is not closed by the kernel.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NOTIFY_GROUPS, type NotifyGroup } from '../../packages/landward/src/filter/notify.ts';
import { decideIndexed, indexRules } from '../../packages/landward/src/model/decide-rules.ts';
import { linux } from '../../packages/landward/src/model/landlock/behaviour.ts';
import { plainLandlock } from '../../packages/landward/src/model/landlock/plain.ts';
import type { PathRule, RuleLayer } from '../../packages/landward/src/model/rules.ts';
import { compile, refuse } from '../../packages/landward/src/policy/compile.ts';
import type { Plan } from '../../packages/landward/src/policy/plan.ts';
import type { FsRight } from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { anyHost, byName, grants, netRule } from '../kit/net-rules.ts';
import {
  ALL_FS,
  arbitraryLayers,
  arbitraryTree,
  type MemoryTree,
  memoryHost,
  pathRule,
  policyOf,
  READ,
  WRITE,
} from '../kit/policies.ts';

/** By which group a right on a path comes to be asked about. */
const GROUP_OF: Partial<Record<FsRight, NotifyGroup>> = {
  'fs.execute': 'execute',
  'fs.read_file': 'open',
  'fs.write_file': 'open',
  'fs.read_dir': 'open',
  'fs.truncate': 'truncate',
  'fs.remove_dir': 'remove',
  'fs.remove_file': 'remove',
  'fs.make_reg': 'create',
  'fs.make_dir': 'create',
  'fs.make_sym': 'create',
  'fs.make_fifo': 'create',
  'fs.make_char': 'create',
  'fs.make_block': 'create',
  'fs.make_sock': 'bind',
};

const supervised = (tree: MemoryTree, layers: readonly RuleLayer[], abi: number): Plan =>
  compile(
    policyOf(layers, { require: { degrade: ['fs.ask', 'net.ask'] } }),
    memoryHost(tree, abi, { supervisor: true }),
  );

const home: MemoryTree = new Map([
  ['/', 'dir'],
  ['/p', 'dir'],
  ['/p/src', 'dir'],
  ['/p/.env', 'file'],
] as const);

const layer = (...rules: PathRule[]): RuleLayer => ({
  kind: 'grant',
  name: 'test',
  categories: ['fs'],
  rules,
});

test('a deny inside a granted tree is held by the supervisor, and the kernel grants the tree', () => {
  const plan = supervised(
    home,
    [layer(pathRule('allow', '/p', WRITE), pathRule('deny', '/p', [], { glob: '/p/**/.env' }))],
    7,
  );
  refuse(plan);
  assert.deepEqual(plan.gaps, []);
  assert.ok(plan.supervisor);
  assert.ok(plan.stays);
  assert.deepEqual(plan.supervisor.closes, ['fs.glob']);
  assert.deepEqual(
    ['open', 'refer', 'remove', 'create', 'truncate', 'metadata', 'guard'].filter(
      (group) => !plan.supervisor!.groups.includes(group as NotifyGroup),
    ),
    [],
  );
  assert.ok(!plan.supervisor.groups.includes('find'), 'stat is not asked about for a deny');
  assert.ok(plan.ruleset!.paths.some(({ path, access }) => path === '/p' && access & fsMask('fs.read_file')));
  const rows = plan.report.rules.map(({ enforcer, state }) => `${enforcer} ${state}`);
  assert.deepEqual(rows, ['kernel fully', 'supervisor fully']);
  assert.equal(plan.report.state, 'fully');
});

test('a policy that the kernel holds has no supervisor, and neither has one whose gaps were accepted', () => {
  assert.equal(supervised(home, [layer(pathRule('allow', '/p', READ))], 7).supervisor, null);
  const layers = [layer(pathRule('allow', '/p', WRITE), pathRule('deny', '/p/.env', []))];
  const accepted = compile(
    policyOf(layers, { require: { degrade: ['fs.deny'] } }),
    memoryHost(home, 7, { supervisor: true }),
  );
  assert.equal(accepted.supervisor, null);
  assert.ok(accepted.gaps.every((gap) => gap.accepted));
});

test('what decides about the next start is closed by a layer of its own, though its tree is writable', () => {
  const policy = policyOf([layer(pathRule('allow', '/p', WRITE))], { protect: ['/p/.env'] });
  const kernel = compile(policy, memoryHost(home, 7));
  assert.throws(() => refuse(kernel), { code: 'POLICY_GAP' });
  const plan = compile(policy, memoryHost(home, 7, { supervisor: true }));
  refuse(plan);
  assert.deepEqual(plan.supervisor?.closes, ['self']);
  const index = indexRules(plan.layers);
  const verdict = (right: FsRight | 'meta.write') =>
    decideIndexed(index, { kind: 'path', path: '/p/.env', rights: [right] }).verdict;
  assert.deepEqual(
    [verdict('fs.read_file'), verdict('fs.write_file'), verdict('fs.remove_file'), verdict('meta.write')],
    ['allow', 'deny', 'deny', 'deny'],
  );
  const away = decideIndexed(index, {
    kind: 'refer',
    from: '/p',
    to: '/q',
    operation: 'rename',
    directory: true,
  });
  assert.notEqual(away.verdict, 'allow');
});

test('a rule that only the kernel may hold, and a policy that opens io_uring, keep their gaps', () => {
  const rules = [
    pathRule('allow', '/p', WRITE),
    { ...pathRule('deny', '/p/.env', []), enforce: 'kernel' as const },
  ];
  const plan = supervised(home, [layer(...rules)], 7);
  assert.throws(() => refuse(plan), { code: 'POLICY_GAP' });
  const policy = policyOf([layer(pathRule('allow', '/p', WRITE), pathRule('deny', '/p/.env', []))]);
  const open = compile(
    { ...policy, process: { ...policy.process, ioUring: 'allow' } },
    memoryHost(home, 7, { supervisor: true }),
  );
  assert.equal(open.supervisor, null);
  assert.throws(() => refuse(open), { code: 'POLICY_GAP' });
});

test('hiding asks about everything that takes a path', () => {
  const plan = supervised(home, [layer(pathRule('allow', '/p', WRITE), pathRule('hide', '/p/src', []))], 7);
  for (const group of ['find', 'list', 'open', 'execute', 'metadata', 'connect'] as const)
    assert.ok(plan.supervisor?.groups.includes(group), group);
});

test('an observer asks about all that the policy restricts; a trial restricts nothing', () => {
  const layers = [layer(pathRule('allow', '/p', READ))];
  const host = memoryHost(home, 7, { supervisor: true });
  const explain = compile(policyOf(layers), host, { observe: 'explain' });
  assert.equal(explain.supervisor?.mode, 'enforce');
  assert.ok(explain.ruleset !== null);
  const trial = compile(policyOf(layers), host, { observe: 'trial' });
  assert.equal(trial.ruleset, null);
  assert.equal(trial.supervisor?.mode, 'observe');
  assert.deepEqual(trial.supervisor?.groups, explain.supervisor?.groups);
  // Nor does it where somebody is asked besides the rules.
  const asked = compile(policyOf(layers), host, { observe: 'trial', asks: ['process'] });
  assert.equal(asked.supervisor?.mode, 'observe');
});

/** Opening and removing what exists, making what does not. */
function accesses(tree: MemoryTree): { readonly path: string; readonly right: FsRight }[] {
  return [...tree].flatMap(([path, entry]) => {
    if (entry === 'file')
      return (['fs.read_file', 'fs.write_file', 'fs.truncate', 'fs.execute', 'fs.remove_file'] as const).map(
        (right) => ({ path, right }),
      );
    const made = path === '/' ? '/new' : `${path}/new`;
    return [
      { path, right: 'fs.read_dir' as const },
      ...(path === '/' ? [] : [{ path, right: 'fs.remove_dir' as const }]),
      ...ALL_FS.filter((right) => right.startsWith('fs.make_')).map((right) => ({ path: made, right })),
    ];
  });
}

/** Rules with `expand` ask the kernel to hold them by granting less around them. */
function hasExpansion(layers: readonly RuleLayer[]): boolean {
  return layers.some(({ rules }) => rules.some((rule) => rule.kind === 'path' && rule.expand === true));
}

test('what the kernel leaves open against the rules is asked about, and what the rules allow is open', () => {
  let asked = 0;
  let open = 0;
  fc.assert(
    fc.property(arbitraryTree, arbitraryLayers, fc.integer({ min: 3, max: 11 }), (tree, layers, abi) => {
      const plan = supervised(tree, layers, abi);
      if (plan.gaps.some(({ accepted }) => !accepted)) return;
      const landlock = plainLandlock(linux(plan.abi), [plan.ruleset!], (path) => {
        const entry = tree.get(path);
        return entry === undefined ? null : entry === 'file' ? 'reg' : 'dir';
      });
      const index = indexRules(plan.layers);
      const expands = hasExpansion(layers);
      const groups = new Set(plan.supervisor?.groups ?? []);
      for (const { path, right } of accesses(tree)) {
        const group = GROUP_OF[right];
        if (group === undefined || !(plan.ruleset!.handledFs & fsMask(right))) continue;
        const allowed = decideIndexed(index, { kind: 'path', path, rights: [right] }).verdict === 'allow';
        const granted = landlock.path(path, [right]).allowed;
        if (granted && !allowed) {
          asked++;
          assert.ok(groups.has(group), `${right} at ${path} is open, closed by the rules, and nobody asks`);
        }
        // Of what does not exist yet, a rule for one name alone is widened only where a grant speaks of it.
        if (allowed && plan.supervisor !== null && !expands && tree.has(path)) {
          open++;
          assert.ok(granted, `${right} at ${path} is allowed by the rules and closed by the kernel`);
        }
      }
    }),
    { numRuns: 1500, seed: 20261123 },
  );
  assert.ok(asked > 500 && open > 150, `only ${asked} asked and ${open} open`);
});

test('every group names calls, and every partial group asks about the rest', () => {
  for (const [name, group] of Object.entries(NOTIFY_GROUPS)) assert.ok(group.syscalls.length > 0, name);
});

test('a plan with host names learns them in a trial as well, and the report says what a closed name leaves open', () => {
  const [allowed, closed] = [byName('a.example'), byName('b.example')];
  const layers = grants(
    netRule('allow', 'net.connect_tcp', allowed, 443),
    netRule('allow', 'net.connect_tcp', anyHost, 80),
    netRule('deny', 'net.connect_tcp', closed, 80),
  );
  const host = memoryHost(home, 7, { supervisor: true });
  const plan = compile(policyOf(layers), host);
  assert.ok(plan.report.residual.some((text) => text.includes('closed host name (b.example)')));
  const open = compile(policyOf(grants(netRule('allow', 'net.connect_tcp', allowed, 443))), host);
  assert.ok(!open.report.residual.some((text) => text.includes('closed host name')));
  const trial = compile(policyOf(layers), host, { observe: 'trial' });
  assert.ok(trial.supervisor?.groups.includes('receive'));
  assert.equal(trial.supervisor?.mode, 'observe');
});

test('the report says that root can turn packets elsewhere', () => {
  const policy = policyOf(grants(netRule('allow', 'net.connect_tcp', byName('a.example'), 443)));
  const residual = (uid: number) =>
    compile(policy, { ...memoryHost(home, 7, { supervisor: true }), uid }).report.residual.join('\n');
  assert.match(residual(0), /CAP_NET_ADMIN/);
  assert.doesNotMatch(residual(1000), /CAP_NET_ADMIN/);
});
