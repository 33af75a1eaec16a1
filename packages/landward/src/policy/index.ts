/** The policy language: everything public of this room. */

export { PATH_OPERATIONS, readQuestion } from './ask.ts';
export { writeQuestion } from './ask-write.ts';
export { canonicalJson } from './canonical.ts';
export { definePolicy, type PolicyDefinition } from './define.ts';
export { diffPolicies, type PolicyDiff, type RuleChange } from './diff.ts';
export type { SettingChange } from './diff-settings.ts';
export { isRefusal, type Refusal } from './expand.ts';
export { FEATURES, type Feature } from './features.ts';
export { importSrt, type SrtImport } from './import-srt.ts';
export { type Json, policyJsonSchema } from './json-schema.ts';
export { composeConfigs, type LandlockConfig } from './landlock-config/config.ts';
export { type ConfigExport, configOfPolicy, policyOfConfig } from './landlock-config/convert.ts';
export { readLandlockConfig } from './landlock-config/read.ts';
export { writeLandlockConfig } from './landlock-config/write.ts';
export { LINTS, type Lint, type LintCode, lintPolicy } from './lint.ts';
export type { EnvPlan, Gap, Host, PathFact, Plan, Report, RuleReport } from './plan.ts';
export type { LimitPolicy, Policy, PolicyNote, PolicyTest, ProcessPolicy } from './policy.ts';
export { type PrintedText, printPolicy } from './print.ts';
export {
  type FileSource,
  type PolicyInput,
  type PresetSource,
  type ResolveContext,
  resolvePolicy,
} from './resolve.ts';
export { type PolicyTestResult, runPolicyTests } from './test.ts';
export { SYSTEM_VARIABLES, type SystemVariables, systemScope } from './vars.ts';
export { VERBS, type Verb, verbNames } from './verbs.ts';
