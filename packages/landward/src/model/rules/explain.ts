/**
 * What would have to change for a request to be allowed: per layer that stands in the way, the winning rule, or the
 * nearest rule that could be widened, or that a new one is needed. Data for `why`; wording is not here.
 */

import { decideIndexed, indexRules, type RuleIndex } from '../decide-rules.ts';
import { components, prefixes } from '../paths.ts';
import type { LayerAnswer, PathRule, Request, Rule, RuleLayer } from '../rules.ts';
import { type PathRight, pathRights, spokenMask } from './rights.ts';

/** One layer's obstacle, and the smallest kind of change that removes it. */
export type Change =
  /** This rule says no (or asks): drop it, narrow it, or add an allow rule that pins more. */
  | {
      readonly kind: 'override';
      readonly layer: number;
      readonly name: string;
      readonly missing: LayerAnswer['missing'];
      readonly rule: Rule;
    }
  /** This rule covers the object and is silent about the rights: add them to it. */
  | {
      readonly kind: 'extend';
      readonly layer: number;
      readonly name: string;
      readonly missing: LayerAnswer['missing'];
      readonly rule: Rule;
    }
  /** Nothing covers the object. `nearest` is the allow rule whose root shares most with it, if any does. */
  | {
      readonly kind: 'add';
      readonly layer: number;
      readonly name: string;
      readonly missing: LayerAnswer['missing'];
      readonly nearest?: Rule;
    };

/**
 * What stands in the way of a request, one entry for each layer that does not allow it, oldest first; empty where
 * the request is allowed.
 *
 * @example explainRules(policy.layers, request).map((change) => change.kind) // ['add']
 */
export function explainRules(layers: readonly RuleLayer[], request: Request): Change[] {
  return explainIndexed(indexRules(layers), request);
}

/** `explainRules` over an index. */
export function explainIndexed(index: RuleIndex, request: Request): Change[] {
  return decideIndexed(index, request)
    .layers.filter((answer) => answer.verdict !== 'allow')
    .map(({ layer, name, missing, rule }): Change => {
      if (rule !== undefined) return { kind: 'override', layer, name, missing, rule };
      const rules = index.layers[layer]!.layer.rules;
      const covering = rules.filter(
        (one) => one.verdict === 'allow' && coversAny(index, layer, one, request),
      );
      const silent = covering.at(-1);
      if (silent !== undefined) return { kind: 'extend', layer, name, missing, rule: silent };
      const near = nearest(rules, request);
      return { kind: 'add', layer, name, missing, ...(near === undefined ? {} : { nearest: near }) };
    });
}

/** Whether a rule, taken alone, allows any right at all on an object of the request. */
function coversAny(index: RuleIndex, layer: number, rule: Rule, request: Request): boolean {
  if (rule.kind !== 'path') return false;
  const alone = indexRules([{ ...index.layers[layer]!.layer, rules: [rule] }]);
  const rights: readonly PathRight[] = pathRights(spokenMask(rule));
  return objectPaths(request).some((path) =>
    rights.some((right) => decideIndexed(alone, { kind: 'path', path, rights: [right] }).blame.rule === rule),
  );
}

function objectPaths(request: Request): string[] {
  if (request.kind === 'path') return [request.path];
  return request.kind === 'refer' ? [request.from, request.to] : [];
}

/** The allow rule whose root has most components in common with the object; the deeper root on a tie. */
function nearest(rules: readonly Rule[], request: Request): Rule | undefined {
  const chains = objectPaths(request).map((path) => new Set(prefixes(path)));
  let best: PathRule | undefined;
  let most = 0;
  for (const rule of rules) {
    if (rule.kind !== 'path' || rule.verdict !== 'allow') continue;
    const shared = Math.max(
      0,
      ...chains.map((chain) => prefixes(rule.pattern.path).filter((prefix) => chain.has(prefix)).length - 1),
    );
    const depth = components(rule.pattern.path).length;
    if (
      shared > most ||
      (shared === most && best !== undefined && depth < components(best.pattern.path).length)
    ) {
      best = rule;
      most = shared;
    }
  }
  return best;
}
