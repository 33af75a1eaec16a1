/** Programs at hooks: what a room outside of `model` may use of this folder. */

export {
  growsFrom,
  type Helpers,
  type Hook,
  type HookContexts,
  MAX_PROGRAMS,
  type Program,
  type ProgramDomain,
  type ProgramInode,
  type ProgramNode,
  type ProgramTask,
  prepend,
  ptraceAncestor,
  signalAncestor,
} from './domain.ts';
export {
  type ExecHelpers,
  type ExecProgram,
  execute,
  type HeldRuleset,
  RulesetMap,
} from './exec-ruleset.ts';
export {
  copyLookup,
  FS_LOOKUP,
  getFile,
  type Lookup,
  pickFile,
  startLookup,
  type Tags,
  walkFile,
} from './files.ts';
export type { MapContent, ProgramMaps } from './map-content.ts';
export {
  deniedBy,
  PROGRAM_RETURN,
  type PrependCall,
  type ProgramFd,
  prependCall,
  ptraceAttach,
  ptraceTraceme,
  runHook,
} from './run.ts';
export { FS_TRIGGERS, type FsTrigger, triggerBits, triggersOf } from './triggers.ts';
