/** What the model can do beyond Linux, behind named switches: what a room outside of `model` may use of this folder. */

export {
  ADD_RULE_NO_INHERIT,
  addSealingRule,
  decideEntry,
  decideSealed,
  expandSealed,
  type PlainGrant,
  type SealingDecision,
  type SealingLayer,
  type SealingRule,
  sealedMissing,
} from './no-inherit.ts';
export {
  addSocketRule,
  canonicalTriple,
  decideSocketCreate,
  type SocketLayer,
  type SocketRule,
  type SocketTriple,
} from './socket-create.ts';
export {
  type AskLayer,
  decodeAnswer,
  decodeEvent,
  encodeAnswer,
  encodeEvent,
  type Question,
  type QuestionState,
  type SuperviseAnswer,
  type SupervisedEnd,
  type SuperviseEvent,
  type SuperviseQueue,
  superviseQueue,
  superviseRequest,
} from './supervise.ts';
export { has, MODEL_FEATURES, type ModelFeature, PROFILES, type Profile } from './switches.ts';
