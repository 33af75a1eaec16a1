/** `landward/programs`: policy programs in eBPF: assemble, write object files, read, verify, run. Pure; confines nothing. */

export { FS_LOOKUP, FS_TRIGGERS, triggerBits } from '../model/programs/index.ts';
export { assemble } from './code/assemble.ts';
export { decode } from './code/decode.ts';
export { disassemble } from './code/disassemble.ts';
export { encode } from './code/encode.ts';
export { type Code, type Instruction, MAX_FRAMES, MAX_SLOTS, STACK_BYTES } from './code/instruction.ts';
export { ProgramError } from './code/invalid.ts';
export { CONTEXTS, type ProgramHook } from './hooks/contexts.ts';
export { HELPERS } from './hooks/helper-table.ts';
export {
  type Answer,
  type Budget,
  type ContextObjects,
  type Listing,
  type LoadedProgram,
  loadObject,
  loadProgram,
  modelProgram,
  ptraceProgram,
} from './load.ts';
export { MAX_FILE } from './object/elf.ts';
export { MAP_KIND } from './object/maps.ts';
export { type ObjectProgram, type ProgramObject, readObject } from './object/object.ts';
export { type ObjectContent, writeObject } from './object/write.ts';
export { FUEL, Machine, type Outcome } from './run/machine.ts';
export { MAP_UPDATE, type MapDefinition, memoryOf } from './run/maps.ts';
export { type VerifiedProgram, verify } from './verify/verify.ts';
