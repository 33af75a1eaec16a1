/** `landward/model`: what is allowed, and who says no. The public face of the model room. */

export {
  decideIndexed,
  decideRules,
  indexRules,
  type RuleIndex,
} from './decide-rules.ts';
export { compileGlob, type Glob, matchGlob } from './glob.ts';
export * from './landlock/index.ts';
export { components, isBelow, normalise, parentOf, prefixes } from './paths.ts';
export * from './records/index.ts';
export { type Change, explainIndexed, explainRules } from './rules/explain.ts';
export type * from './rules.ts';
