/** Installing seccomp filters. The programs come from `filter/`; nothing here looks into them. */

import { ERRNO } from '../uapi/errno.ts';
import { SECCOMP, SECCOMP_FILTER_FLAG } from '../uapi/seccomp.ts';
import { SOCK_FPROG } from '../uapi/structs.ts';
import { ARCH, applyImage, attempt } from './call.ts';
import { ImageBuilder, type Slot } from './image.ts';

const INSTRUCTION_BYTES = 8;
const LOG_ACTION = 0x7ffc_0000;

/** Whether this thread can install filters: asks for an action that is as old as the question. */
export function seccompAvailable(): boolean {
  return attempt('seccomp', SECCOMP.GET_ACTION_AVAIL, 0, new Uint32Array([LOG_ACTION])) === 0;
}

/**
 * The flags for a filter with a listener, 0 where this kernel has none: targets that wait for an answer must not be
 * interrupted where the kernel can help it, or calls would be made twice.
 */
export function listenerFlags(): number {
  const { NEW_LISTENER, WAIT_KILLABLE_RECV } = SECCOMP_FILTER_FLAG;
  // Without a program the kernel looks at the flags and no further.
  for (const flags of [NEW_LISTENER | WAIT_KILLABLE_RECV, NEW_LISTENER])
    if (attempt('seccomp', SECCOMP.SET_MODE_FILTER, flags, null) === -ERRNO.EFAULT) return flags;
  return 0;
}

/**
 * Adds the step that installs a filter. Filters bind the steps that follow, so this one comes late.
 *
 * @param program packed `struct sock_filter`
 * @param flags `SECCOMP_FILTER_FLAG` flags
 * @param listener where the number of the listener goes, with `NEW_LISTENER`
 */
export function addFilterStep(build: ImageBuilder, program: Uint8Array, flags = 0, listener?: Slot): void {
  const instructions = build.bytes(program);
  const header = build.bytes(SOCK_FPROG.encode({ len: program.length / INSTRUCTION_BYTES }));
  build.point(header, SOCK_FPROG.fields.filter[0], instructions);
  const store = listener === undefined ? {} : { store: listener };
  build.step('seccomp', [SECCOMP.SET_MODE_FILTER, flags, header], 'install the system call filter', store);
}

/**
 * Installs a filter in the calling thread (or, with `TSYNC`, in all of them). It can't be removed again.
 *
 * @throws {KernelError} EINVAL for a program that the kernel refuses, EACCES without no_new_privs
 */
export function installFilter(program: Uint8Array, flags = 0): void {
  const build = new ImageBuilder(ARCH);
  addFilterStep(build, program, flags);
  applyImage(build.build());
}
