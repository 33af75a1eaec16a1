/**
 * The kernel's part of a supervised plan: where the supervisor holds a grant by pattern, by exact name or for one directory
 * alone, the kernel grants the tree around it.
 *
 * Owns which tree that is. Only rules that the kernel could not hold are widened, and each is noted as held by the
 * supervisor.
 */

import { spokenMask } from '../model/rules/rights.ts';
import type { Rule } from '../model/rules.ts';
import { fsMask } from '../uapi/masks.ts';
import { ENTRY_BITS } from './compile-effective.ts';
import { type Located, type LocatedLayer, parentOf } from './compile-facts.ts';
import type { GapList } from './compile-gaps.ts';
import { type MaskRule, maskOf, nodeAt, type Tree } from './compile-tree.ts';
import type { Feature } from './features.ts';
import type { Gap, Host, PathFact } from './plan.ts';

const READ_DIR = fsMask('fs.read_dir');

/** Grants of a pass without the supervisor that the kernel could not give as written, with the feature that names why. */
export type Widened = ReadonlyMap<Rule, Feature>;

/** The grants to widen, from the gaps of a pass without the supervisor. */
export function widenedRules(gaps: readonly Gap[]): Widened {
  const features = new Set<Feature>(['fs.glob', 'fs.create', 'fs.exact']);
  return new Map(
    gaps.flatMap(({ feature, rule }) =>
      rule !== undefined && rule.verdict === 'allow' && rule.enforce !== 'kernel' && features.has(feature)
        ? [[rule, feature] as const]
        : [],
    ),
  );
}

/** Puts the wider grants into a tree. */
export function widen(
  tree: Tree,
  layers: readonly LocatedLayer[],
  rules: Widened,
  host: Host,
  gaps: GapList,
): void {
  const wider: { readonly path: string; readonly rule: MaskRule }[] = [];
  layers.forEach((layer, index) => {
    for (const located of layer.rules) {
      const feature = rules.get(located.rule);
      if (feature === undefined || located.pattern === null || located.skipped === 'link') continue;
      gaps.add(feature, { rule: located.rule });
      wider.push(...widerGrants(layer, index, located));
    }
  });
  const unknown = wider.filter(({ path }) => nodeAt(tree, path).fact === null).map(({ path }) => path);
  const facts = new Map<string, PathFact | null>(
    host.stat(unknown).map((fact, index) => [unknown[index]!, fact]),
  );
  for (const { path, rule } of wider) {
    const node = nodeAt(tree, path);
    node.fact ??= facts.get(path) ?? null;
    node.rules.push(rule);
  }
}

function widerGrants(
  layer: LocatedLayer,
  index: number,
  located: Located,
): { readonly path: string; readonly rule: MaskRule }[] {
  const { rule, pattern, fact } = located;
  if (pattern === null || (rule.kind !== 'path' && rule.kind !== 'unix')) return [];
  const at = (path: string, mask: number) => ({
    path,
    rule: {
      layer: index,
      located: located as MaskRule['located'],
      strict: false,
      mask,
      exact: false,
      found: false,
    },
  });
  const mask = maskOf(rule, layer);
  if (pattern.kind === 'glob') return [at(pattern.path, mask)];
  if (pattern.kind === 'subtree') return [];
  const parent = parentOf(pattern.path);
  // What is not there yet can only be granted with the directory that it will appear in.
  if (fact === null) return [at(parent, mask)];
  const entry = rule.kind === 'path' ? spokenMask(rule) & ENTRY_BITS : mask;
  return [
    ...(entry === 0 ? [] : [at(parent, entry)]),
    ...(fact.type === 'directory' ? [at(pattern.path, mask & READ_DIR)] : []),
  ];
}
