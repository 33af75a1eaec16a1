/**
 * Whether a supervisor can work here: user notification by seccomp, taking descriptors out of a process, reading its memory.
 *
 * Owns the questions, which cost a few system calls and change nothing.
 */

import { readFileSync } from 'node:fs';
import { ERRNO, errnoName } from '../uapi/errno.ts';
import { PR } from '../uapi/prctl.ts';
import { SECCOMP_MODE } from '../uapi/seccomp.ts';
import { ARCH, attempt } from './call.ts';
import { ImageBuilder } from './image.ts';
import { native } from './native.ts';
import { addFilterStep, listenerFlags } from './seccomp.ts';

/** Whether there can be a supervisor, and if not, why. */
export type SupervisorState = { readonly works: true } | { readonly works: false; readonly reason: string };

const WORKS: SupervisorState = { works: true };
const NOBODY = -1;
const YAMA = '/proc/sys/kernel/yama/ptrace_scope';
const CAP_SYS_PTRACE = 19n;

/** Asks the running system. */
export function supervisorState(): SupervisorState {
  if (listenerFlags() === 0) return no('the kernel or a filter around this process has no user notification');
  if (attempt('prctl', PR.GET_SECCOMP, 0, 0, 0, 0) === SECCOMP_MODE.FILTER) {
    const state = nested();
    if (!state.works) return state;
  }
  // Of a descriptor that is none, only a call that is there can say so.
  const taken = attempt('pidfd_getfd', NOBODY, 0, 0);
  if (taken !== -ERRNO.EBADF) return no(`pidfd_getfd is refused here (${errnoName(-taken)})`);
  const read = attempt('process_vm_readv', attempt('getpid'), null, 0, null, 0, 0);
  if (read !== 0) return no(`process_vm_readv is refused here (${errnoName(-read)})`);
  const yama = yamaScope();
  if (yama >= 2 && !mayTrace())
    return no(`looking into other processes is switched off (${YAMA} is ${yama})`);
  return WORKS;
}

function no(reason: string): SupervisorState {
  return { works: false, reason };
}

/** 0 and 1 let a process look into what it has started. */
function yamaScope(): number {
  try {
    return Number(readFileSync(YAMA, 'utf8'));
  } catch {
    return 0;
  }
}

function mayTrace(): boolean {
  try {
    const field = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return ((BigInt(`0x${field ?? '0'}`) >> CAP_SYS_PTRACE) & 1n) === 1n && yamaScope() < 3;
  } catch {
    return false;
  }
}

/** `return SECCOMP_RET_ALLOW`, as one packed instruction. */
const ALLOW_ALL = new Uint8Array([6, 0, 0, 0, 0, 0, 0xff, 0x7f]);

/** Under a filter, there may be a listener already, and the kernel has one for each process: a child tries. */
function nested(): SupervisorState {
  const build = new ImageBuilder(ARCH);
  build.step('prctl', [PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0], '');
  addFilterStep(build, ALLOW_ALL, listenerFlags());
  const last = build.stepCount;
  build.step('execve', [build.string('/'), build.strings(['']), build.strings([])], '');
  const tried = native().spawn(build.build().bytes);
  if (tried.step === last) return WORKS;
  return tried.errno === ERRNO.EBUSY
    ? no('this process is under a supervisor already, and the kernel has one for each process')
    : no(`a filter around this process refuses the supervisor's own (${errnoName(tried.errno)})`);
}
