/** `landward/filter`: seccomp filters as data, as programs and as text. Pure; installs nothing. */

export { type Action, ALLOW, decodeAction, encodeAction, fail, KILL_PROCESS, NOTIFY } from './action.ts';
export { checkProgram } from './check.ts';
export { type CompileOptions, compileRules } from './compile.ts';
export { composeFilter, filterResiduals, filterRules } from './compose.ts';
export { disassemble, parseAssembly } from './disassemble.ts';
export { type Call, encodeCall, interpret } from './interpret.ts';
export { NOTIFY_GROUPS, type NotifyGroup, notifyRules } from './notify.ts';
export { type Instruction, packProgram, unpackProgram } from './program.ts';
export type { Condition, FilterRule } from './rules.ts';
export {
  DEFAULT_FILTER,
  type FilterSpec,
  ROUTE_SOCKETS,
  type SocketKind,
  TCP_SOCKETS,
  UDP_SOCKETS,
  UNIX_SOCKETS,
} from './spec.ts';
