/**
 * What is compiled is never weaker than what is written: on random trees and policies, every access that the ruleset
 * gives (by the model of Landlock, and by a naive union as a second opinion) is one that the rules allow.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideIndexed, indexRules, type RuleIndex } from '../../packages/landward/src/model/decide-rules.ts';
import { linux } from '../../packages/landward/src/model/landlock/behaviour.ts';
import { type PlainLandlock, plainLandlock } from '../../packages/landward/src/model/landlock/plain.ts';
import type { RuleLayer } from '../../packages/landward/src/model/rules.ts';
import { compile } from '../../packages/landward/src/policy/compile.ts';
import type { Feature } from '../../packages/landward/src/policy/features.ts';
import type { Plan } from '../../packages/landward/src/policy/plan.ts';
import { FS_RIGHTS, type FsRight } from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask, fsRights } from '../../packages/landward/src/uapi/masks.ts';
import {
  ALL_FS,
  arbitraryLayers,
  arbitraryTree,
  grantedAt,
  type MemoryTree,
  memoryHost,
  policyOf,
} from '../kit/policies.ts';

const ENTRY: readonly FsRight[] = ALL_FS.filter(
  (right) => right.startsWith('fs.make_') || right.startsWith('fs.remove_'),
);

/** A right asked of a path where it means something, as a program would run into it. */
interface Access {
  readonly path: string;
  readonly right: FsRight;
}

/** Every access to what exists, and making what does not. */
function accesses(tree: MemoryTree): Access[] {
  const found: Access[] = [];
  for (const [path, entry] of tree) {
    const file = entry === 'file';
    for (const right of ALL_FS) {
      const { file: meansFile } = FS_RIGHTS[right];
      if (ENTRY.includes(right) || right === 'fs.refer') continue;
      if (file ? meansFile : right === 'fs.read_dir') found.push({ path, right });
    }
    if (path !== '/') found.push({ path, right: file ? 'fs.remove_file' : 'fs.remove_dir' });
    if (file) continue;
    for (const name of ['a', '.e', 'new']) {
      const missing = path === '/' ? `/${name}` : `${path}/${name}`;
      if (tree.has(missing)) continue;
      for (const right of ENTRY) if (right.startsWith('fs.make_')) found.push({ path: missing, right });
      for (const right of ['fs.read_file', 'fs.write_file', 'fs.read_dir'] as const)
        found.push({ path: missing, right });
    }
  }
  return found;
}

function landlockOf(plan: Plan, tree: MemoryTree): PlainLandlock {
  assert.ok(plan.ruleset);
  return plainLandlock(linux(plan.abi), [plan.ruleset], (path) => {
    const entry = tree.get(path);
    return entry === undefined ? null : entry === 'file' ? 'reg' : 'dir';
  });
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** Whether the naive union gives an access; entries are the business of their directory. */
function naive(plan: Plan, { path, right }: Access): boolean {
  const at = ENTRY.includes(right) ? parentOf(path) : path;
  return (grantedAt(plan.ruleset!.paths, at) & fsMask(right)) !== 0;
}

/** What the rules say; the kernel takes binding a socket to a path for making one, so that both must be allowed. */
function isAllowed(index: RuleIndex, { path, right }: Access): boolean {
  if (decideIndexed(index, { kind: 'path', path, rights: [right] }).verdict !== 'allow') return false;
  return (
    right !== 'fs.make_sock' ||
    decideIndexed(index, { kind: 'unix', operation: 'bind', path }).verdict === 'allow'
  );
}

/** Rules with `expand` on a glob speak of what exists, as the report says: what appears later is not judged. */
function hasMovingGlobs(layers: readonly RuleLayer[]): boolean {
  return layers.some((layer) =>
    layer.rules.some((rule) => rule.kind === 'path' && rule.pattern.kind === 'glob' && rule.expand === true),
  );
}

const RUNS = { numRuns: 700, seed: 20261122 };

test('no path is open that the rules close, whatever the gaps, while none is accepted', () => {
  let compared = 0;
  let allowed = 0;
  fc.assert(
    fc.property(arbitraryTree, arbitraryLayers, fc.integer({ min: 1, max: 11 }), (tree, layers, abi) => {
      const plan = compile(policyOf(layers), memoryHost(tree, abi));
      const landlock = landlockOf(plan, tree);
      const index = indexRules(plan.layers);
      const handled = plan.ruleset!.handledFs;
      const later = hasMovingGlobs(layers);
      for (const access of accesses(tree)) {
        if (!(handled & fsMask(access.right)) || (later && !tree.has(access.path))) continue;
        const answer = landlock.path(access.path, [access.right]).allowed;
        assert.equal(answer, naive(plan, access), `two opinions on ${access.right} at ${access.path}`);
        compared++;
        if (!answer) continue;
        allowed++;
        assert.ok(isAllowed(index, access), `${access.right} at ${access.path} is open and should not be`);
      }
    }),
    RUNS,
  );
  assert.ok(compared > 50_000 && allowed > 5_000, `only ${allowed} of ${compared} accesses were open`);
});

test('no object can be moved or linked where the rules say that it gains or changes nothing', () => {
  let moved = 0;
  fc.assert(
    fc.property(arbitraryTree, arbitraryLayers, fc.integer({ min: 2, max: 11 }), (tree, layers, abi) => {
      if (hasMovingGlobs(layers)) return;
      const plan = compile(policyOf(layers), memoryHost(tree, abi));
      const landlock = landlockOf(plan, tree);
      const index = indexRules(plan.layers);
      const directories = [...tree].filter(([, entry]) => entry === 'dir').map(([path]) => path);
      for (const [from, entry] of tree) {
        if (from === '/') continue;
        const directory = entry === 'dir';
        for (const parent of directories) {
          const to = parent === '/' ? '/moved' : `${parent}/moved`;
          if (to.startsWith(`${from}/`)) continue;
          for (const operation of directory ? (['rename'] as const) : (['rename', 'link'] as const)) {
            if (!landlock.refer(operation, from, to).allowed) continue;
            moved++;
            const refer: readonly FsRight[] = parentOf(from) === parent ? [] : ['fs.refer'];
            const remove: readonly FsRight[] =
              operation === 'link' ? [] : [directory ? 'fs.remove_dir' : 'fs.remove_file'];
            for (const right of [...remove, ...refer]) {
              assert.ok(
                isAllowed(index, { path: from, right }),
                `${operation} ${from} -> ${to} takes ${right}`,
              );
            }
            for (const right of [directory ? 'fs.make_dir' : 'fs.make_reg', ...refer] as const) {
              assert.ok(
                isAllowed(index, { path: to, right }),
                `${operation} ${from} -> ${to} takes ${right}`,
              );
            }
            // The rules speak of paths and Landlock of objects: the new name must give the object nothing.
            const before = grantedAt(plan.ruleset!.paths, from);
            const after =
              grantedAt(plan.ruleset!.paths, parent) &
              ~grantedAt(
                plan.ruleset!.paths.filter((rule) => rule.path === from),
                from,
              );
            const file = directory
              ? -1
              : fsMask('fs.execute', 'fs.write_file', 'fs.read_file', 'fs.truncate', 'fs.ioctl_dev');
            assert.deepEqual(
              fsRights(after & ~before & file),
              [],
              `${operation} ${from} -> ${to} gives rights`,
            );
          }
        }
      }
    }),
    RUNS,
  );
  assert.ok(moved > 500, `only ${moved} moves were open`);
});

test('an accepted gap opens what its own rule closes, and nothing else', () => {
  let opened = 0;
  const features = fc.subarray<Feature>(['fs.deny', 'fs.glob', 'fs.hide', 'fs.ask', 'fs.exact', 'fs.create']);
  fc.assert(
    fc.property(arbitraryTree, arbitraryLayers, features, (tree, layers, degrade) => {
      if (hasMovingGlobs(layers)) return;
      const plan = compile(policyOf(layers, { require: { degrade } }), memoryHost(tree, 7));
      const dropped = new Set(
        plan.gaps
          .filter((gap) => gap.accepted && (gap.feature === 'fs.deny' || gap.feature === 'fs.glob'))
          .map((gap) => gap.rule),
      );
      const left = layers.map((layer) => ({
        ...layer,
        rules: layer.rules.filter((rule) => !dropped.has(rule)),
      }));
      const landlock = landlockOf(plan, tree);
      const index = indexRules(left);
      for (const access of accesses(tree)) {
        if (!landlock.path(access.path, [access.right]).allowed) continue;
        assert.ok(
          isAllowed(index, access),
          `${access.right} at ${access.path} is open without a gap that says so`,
        );
        if (dropped.size > 0) opened++;
      }
    }),
    RUNS,
  );
  assert.ok(opened > 500, `only ${opened} accesses were open under an accepted gap`);
});

test('where the report says fully, what the rules allow is open', () => {
  let equal = 0;
  fc.assert(
    fc.property(arbitraryTree, arbitraryLayers, fc.integer({ min: 3, max: 11 }), (tree, layers, abi) => {
      const plan = compile(policyOf(layers), memoryHost(tree, abi));
      const whole = plan.report.rules.every((rule) => rule.state === 'fully' && rule.lost.length === 0);
      if (plan.report.state !== 'fully' || !whole) return;
      const landlock = landlockOf(plan, tree);
      const index = indexRules(plan.layers);
      for (const access of accesses(tree)) {
        if (!(plan.ruleset!.handledFs & fsMask(access.right))) continue;
        // An optional rule on what does not exist grants nothing, as its row of the report says.
        if (!tree.has(access.path) && skippedAt(plan, access.path)) continue;
        assert.equal(
          landlock.path(access.path, [access.right]).allowed,
          isAllowed(index, access),
          `${access.right} at ${access.path}`,
        );
        equal++;
      }
    }),
    RUNS,
  );
  assert.ok(equal > 5_000, `only ${equal} accesses were compared`);
});

function skippedAt(plan: Plan, path: string): boolean {
  return plan.report.rules.some(
    ({ rule, note }) =>
      rule.kind === 'path' &&
      note?.includes('nothing at this path') &&
      `${path}/`.startsWith(`${rule.pattern.path}/`),
  );
}
