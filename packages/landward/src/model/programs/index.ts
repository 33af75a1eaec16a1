/** Programs at hooks: what a room outside of `model` may use of this folder. */

export {
  type Helpers,
  type Hook,
  type HookContexts,
  MAX_PROGRAMS,
  type Program,
  type ProgramDomain,
  type ProgramNode,
  type ProgramTask,
  prepend,
  ptraceAncestor,
} from './domain.ts';
export {
  PROGRAM_RETURN,
  type PrependCall,
  type ProgramFd,
  prependCall,
  ptraceAttach,
  ptraceTraceme,
  runHook,
} from './run.ts';
