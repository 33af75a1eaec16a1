/**
 * A proof that a thread is in the domain, made by the thread itself: it opens a directory that it could open before and
 * that the domain does not grant, and must be refused.
 *
 * Owns the choice of the directory and the steps of the proof. The choice is made by trying in a child, on the kernel.
 */

import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { ARCH, attempt, failedStep } from '../kernel/call.ts';
import { ImageBuilder, readSlot, type Slot } from '../kernel/image.ts';
import { native } from '../kernel/native.ts';
import type { Plan } from '../policy/plan.ts';
import { ERRNO } from '../uapi/errno.ts';
import { AT_FDCWD, O } from '../uapi/open.ts';
import { PR } from '../uapi/prctl.ts';
import { confineSteps } from './steps.ts';

const POLLIN = 1;
const FLAGS = O[ARCH].RDONLY | O[ARCH].DIRECTORY | O[ARCH].CLOEXEC;

/**
 * Tries the whole restriction in a child that is then thrown away, and finds a directory for the proof.
 *
 * @param plan what is to be held
 * @param ruleset its ruleset's descriptor
 * @returns a directory that is open to this process now and closed by the plan; `undefined` where there is none to find
 * @throws KernelError where a step of the restriction would fail
 */
export function rehearse(plan: Plan, ruleset: number | null): string | undefined {
  const candidates = ruleset === null ? [] : openNow();
  const build = new ImageBuilder(ARCH);
  confineSteps(build, { ...plan, filter: null }, ruleset);
  const slots = candidates.map((path): Slot => {
    const slot = build.slot();
    build.step('openat', [AT_FDCWD, build.string(path), FLAGS, 0], `try ${path}`, {
      store: slot,
      okErrno: 'any',
    });
    return slot;
  });
  confineSteps(build, plan, null);
  const last = build.stepCount;
  // There is no such program: the child ends here, which is how it tells that all steps before went well.
  build.step('execve', [build.string('/'), build.strings(['']), build.strings([])], 'end the rehearsal');
  const image = build.build();
  const ended = native().spawn(image.bytes);
  if (ended.pid > 0 && ended.errno === 0) throw failedStep(image, ended);
  if (ended.step !== last) throw failedStep(image, ended, 'clone');
  return candidates.find((_, index) => readSlot(image, slots[index]!) === -ERRNO.EACCES);
}

/** Directories that this thread can open now. */
function openNow(): string[] {
  const wanted = [
    '/',
    '/etc',
    '/usr',
    '/proc',
    '/dev',
    '/tmp',
    '/var',
    '/root',
    '/home',
    homedir(),
    process.cwd(),
    dirname(process.execPath),
  ];
  return [...new Set(wanted)].filter((path) => {
    const fd = attempt('openat', AT_FDCWD, new TextEncoder().encode(`${path}\0`), FLAGS, 0);
    if (fd >= 0) attempt('close', fd);
    return fd >= 0;
  });
}

/**
 * Adds the steps of the proof. They fail on a thread that the domain does not bind: an opened directory is ready to poll, so
 * that the count of ready descriptors is 1 instead of 0, which no_new_privs does not take as its unused argument.
 */
export function proofSteps(build: ImageBuilder, path: string): void {
  const poll = build.bytes(new Uint8Array([0, 0, 0, 0, POLLIN, 0, 0, 0]));
  const fd = build.field(poll, 0);
  const ready = build.slot();
  const now = build.reserve(16);
  build.step('openat', [AT_FDCWD, build.string(path), FLAGS, 0], `be refused ${path}`, {
    store: fd,
    okErrno: ERRNO.EACCES,
  });
  build.step('ppoll', [poll, 1, now, null, 0], 'prove the refusal', { store: ready });
  build.step('close', [fd], 'close what should have been refused', { okErrno: ERRNO.EBADF });
  build.step('prctl', [PR.SET_NO_NEW_PRIVS, 1, ready, 0, 0], 'prove the refusal');
}
