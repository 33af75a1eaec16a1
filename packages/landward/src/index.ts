/**
 * landward: put any program in a Landlock domain, without root. Everything that an application may use is named here.
 *
 * `landward/model`, `landward/policy` and `landward/filter` are the pure rooms below, for tools.
 */

export { CODES, type Code, KernelError, LandwardError, PolicyErrors, type Position } from './errors.ts';
export { type CompileOptions, compile, type PolicyItem, type PolicySource } from './launch/compile.ts';
export type { Domain, DomainId, DomainInfo } from './launch/domain.ts';
export { type ExecOptions, exec } from './launch/exec.ts';
export { planHost as host } from './launch/host.ts';
export { insideLandward, type OwnLayer, type OwnLayers, ownLayers } from './launch/inside.ts';
export { type UserLandlockOptions, userLandlockPlan } from './launch/landlock-user.ts';
export type { ControlledLayer, LayerEdits, LayerPrincipal } from './launch/layer-control.ts';
export { openDomain } from './launch/open-domain.ts';
export { type Prepared, prepare } from './launch/prepare.ts';
export type { ProgramSource } from './launch/programs.ts';
export { type Restricted, restrictProcess } from './launch/restrict.ts';
export type { Result, RunError, StartFailure, Timings, Usage } from './launch/result.ts';
export {
  type AddLayer,
  openSandbox,
  type Sandbox,
  type SandboxOptions,
  type SandboxSpawnOptions,
} from './launch/sandbox.ts';
export type { Committed, SandboxLayer } from './launch/sandbox-layer.ts';
export { type Confinement, type Running, type SpawnOptions, spawn } from './launch/spawn.ts';
export { type FeatureStatus, type Holder, type Status, statusOf } from './launch/status.ts';
export type { StdioItem, StdioOption } from './launch/stdio.ts';
export type { ThreadState } from './launch/threads.ts';
export type {
  AskAnswer,
  AskFunction,
  DecideFile,
  DecideFunction,
  DecideOptions,
  DecideRequest,
  DecideVerdict,
} from './model/decide-request.ts';
export type { MapContent, ProgramMaps } from './model/programs/index.ts';
export { type DefinedPolicy, definePolicy, type PolicyDefinition } from './policy/define.ts';
export { FEATURES, type Feature } from './policy/features.ts';
export type { Gap, Host, Plan, Report } from './policy/plan.ts';
export type { Policy } from './policy/policy.ts';
