/** `landward/model`: what is allowed, and who says no. The public face of the model room. */

export {
  decideIndexed,
  decideRules,
  indexRules,
  type RuleIndex,
} from './decide-rules.ts';
export * as features from './features/index.ts';
export { compileGlob, type Glob, matchGlob } from './glob.ts';
export * from './landlock/index.ts';
export * as layers from './layers/index.ts';
export { components, isBelow, isNormal, normalise, parentOf, prefixes } from './paths.ts';
export * as programs from './programs/index.ts';
export * from './records/index.ts';
export { type Change, explainIndexed, explainRules } from './rules/explain.ts';
export {
  asksAgain,
  type ControlRefusal,
  decideControls,
  decideCreate,
  isInside,
  type RunSocket,
  type SocketUse,
  sideOf,
} from './rules/sockets.ts';
export type * from './rules.ts';
export * as sockets from './sockets/index.ts';
