/**
 * `prctl(PR_LANDWARD, PROGRAM_LOAD, file, number, 0)`: reads an object file from a descriptor of the caller, verifies one of
 * its programs and gives a descriptor that stands for it.
 *
 * Owns the order of checks and what a refusal becomes: EINVAL for a file that is no object file or a hook that is asked
 * nowhere, EACCES for a program that the verifier refuses, and the reason in the report of the run. The file is copied once:
 * what is verified is what will run.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ImageBuilder, readSlot } from '../../kernel/image.ts';
import {
  loadProgram,
  MAX_FILE,
  Machine,
  type MapDefinition,
  memoryOf,
  modelProgram,
  type ObjectProgram,
  ProgramError,
  type ProgramHook,
  readObject,
} from '../../programs/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, F, O, S_IF, S_IFMT } from '../../uapi/open.ts';
import { type Answer, type Call, type Handler, must, refuse } from '../call.ts';
import { landlockOf } from '../landlock/landlock-run.ts';
import { THREAD_HOOKS } from '../landlock/program-hooks.ts';

const CAP_SYS_ADMIN = 21n;
/** A context, a stack, and what an engine keeps. */
const MACHINE_BYTES = 1 << 16;
const STATX = { bytes: 256, type: 0x1, size: 0x200, modeAt: 28, sizeAt: 40, dontSync: 0x4000 } as const;

/** Loads a program; see the head of this file. */
export const programLoad: Handler = (call) => {
  const shown = call.run.plan.supervisor.landlock ?? refuse(ERRNO.EOPNOTSUPP);
  const [number, flags] = [call.uint(3), call.arg(4)];
  if (shown.programs === 'privileged' && !isSysAdmin(call)) return refuse(ERRNO.EPERM);
  if (flags !== 0) return refuse(ERRNO.EINVAL);
  const fd = call.target.fd(call.int(2));
  const mode = attempt('fcntl', fd, F.GETFL, 0);
  if (mode < 0 || (mode & O[ARCH].PATH) !== 0 || (mode & O[ARCH].ACCMODE) === O[ARCH].WRONLY)
    return refuse(ERRNO.EBADF);
  const size = sizeOf(fd);
  landlockOf(call).loaded.begin();
  return readThen(call, fd, size, (file) => landlockOf(call).loaded.timed(() => load(call, file, number)));
};

/** Whether the calling thread has CAP_SYS_ADMIN. */
export function isSysAdmin({ target }: Call): boolean {
  return ((target.status().capabilities >> CAP_SYS_ADMIN) & 1n) === 1n;
}

/** The size of a file, as far as it is known without asking whoever serves it. */
function sizeOf(fd: number): number {
  const facts = new DataView(new ArrayBuffer(STATX.bytes));
  const flags = AT.EMPTY_PATH | STATX.dontSync;
  const looked = attempt('statx', fd, new Uint8Array(1), flags, STATX.type | STATX.size, facts);
  if (looked < 0 || (facts.getUint16(STATX.modeAt, true) & S_IFMT) !== S_IF.REG) return refuse(ERRNO.EINVAL);
  const size = facts.getBigUint64(STATX.sizeAt, true);
  return size > BigInt(MAX_FILE) ? refuse(ERRNO.E2BIG) : Number(size);
}

/** Reads a file on another thread, because whoever serves its file system may be the caller. */
function readThen(call: Call, fd: number, size: number, then: (file: Uint8Array) => Answer): Answer {
  const { loaded } = landlockOf(call);
  loaded.take(size);
  const build = new ImageBuilder(ARCH);
  // One more: a file that has grown is another file.
  const content = build.reserve(size + 1);
  const count = build.slot(-1);
  build.step('pread64', [fd, content, size + 1, 0], 'read an object file', { store: count });
  const image = build.build();
  return call.later({
    image,
    finish: ({ errno }) => {
      loaded.giveBack(size);
      if (errno !== 0) return refuse(errno);
      const read = readSlot(image, count);
      if (read > size) return refuse(ERRNO.EINVAL);
      return then(image.bytes.slice(image.data + content.at, image.data + content.at + read));
    },
  });
}

function load(call: Call, file: Uint8Array, number: number): Answer {
  const { loaded } = landlockOf(call);
  const { name, hook, code, maps } = judged(call, ERRNO.EINVAL, () => chosen(file, number));
  const memory = MACHINE_BYTES + memoryOf(maps);
  loaded.take(memory);
  try {
    const program = judged(call, ERRNO.EACCES, () =>
      modelProgram(loadProgram(hook, code, new Machine(maps)), { name, budget: loaded.budget }),
    );
    return { kind: 'fd', fd: call.own(must(loaded.make(program))), cloexec: true };
  } catch (error) {
    loaded.giveBack(memory);
    throw error;
  }
}

/** The program that is meant. */
function chosen(
  file: Uint8Array,
  number: number,
): ObjectProgram & { readonly maps: readonly MapDefinition[] } {
  const { programs, maps } = readObject(file);
  const program = programs[number];
  if (program === undefined)
    throw new ProgramError(`there is no program ${number}: the file has ${programs.length}`);
  // It would be enforced and never run.
  const asked: readonly ProgramHook[] = THREAD_HOOKS;
  if (!asked.includes(program.hook))
    throw new ProgramError(
      `programs of ${program.hook} cannot be enforced from inside a run, only those of ${asked.join(', ')}`,
    );
  return { ...program, maps };
}

/** Does what a file may be wrong for: the reason goes to the person, an errno to the program. */
function judged<T>(call: Call, errno: number, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof ProgramError) {
      call.run.note(`a policy program was not loaded: ${error.message}`);
      return refuse(errno);
    }
    // The engine has no memory left for another machine.
    if (error instanceof RangeError) return refuse(ERRNO.ENOMEM);
    throw error;
  }
}
