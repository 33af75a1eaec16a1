/** The policy language: everything public of this room. */

export { readQuestion } from './ask.ts';
export { definePolicy, type PolicyDefinition } from './define.ts';
export { isRefusal, type Refusal } from './expand.ts';
export { FEATURES, type Feature } from './features.ts';
export type { EnvPlan, Gap, Host, PathFact, Plan, Report, RuleReport } from './plan.ts';
export type { LimitPolicy, Policy, PolicyNote, PolicyTest, ProcessPolicy } from './policy.ts';
export {
  type FileSource,
  type PolicyInput,
  type PresetSource,
  type ResolveContext,
  resolvePolicy,
} from './resolve.ts';
export { SYSTEM_VARIABLES, type SystemVariables, systemScope } from './vars.ts';
export { VERBS, type Verb, verbNames } from './verbs.ts';
