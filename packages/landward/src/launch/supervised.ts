/**
 * The start of a supervised program: lays it out as any other start is, marked and with a listener, and hands it to the
 * supervisor of its plan. What happens to the program later is told to the caller's listener.
 */

import { readFileSync } from 'node:fs';
import { LandwardError } from '../errors.ts';
import { ARCH, call, failedStep, refusal } from '../kernel/call.ts';
import { Fd } from '../kernel/fd.ts';
import type { Image } from '../kernel/image.ts';
import { listenerFlags } from '../kernel/seccomp.ts';
import type { Plan } from '../policy/plan.ts';
import { mayChange } from '../supervisor/may-change.ts';
import type { StartOrder } from '../supervisor/messages.ts';
import type { RunListener, Supervisor } from '../supervisor/supervisor.ts';
import { idTag, isTagged, makeTag, membersOf, tagId } from '../supervisor/tag.ts';
import { AT_FDCWD, O } from '../uapi/open.ts';
import { guard, leaveSandbox, supervisorOf } from './machinery.ts';
import type { Prepared } from './prepare.ts';
import { refusedStart } from './refused.ts';
import { laidOut, type Started, type StartOptions } from './start.ts';
import { startImage, TOLD } from './steps.ts';
import { stateDirectory } from './variables.ts';

/** A supervised program that runs. */
export interface SupervisedStart extends Started {
  /** The run's id. */
  readonly run: string;
  readonly supervisor: Supervisor;
  /** The process that guards this run and others. */
  readonly guard: number;
  /** How many denials were like earlier ones, or too many; complete once the run is over. */
  dropped(): number;
}

/**
 * Starts a program under a supervisor.
 *
 * @param listener hears of denials and of the end of the tree
 * @param entry the module of the deciding Worker, where it is not landward's own
 * @throws as `start`, and LandwardError SUPERVISOR where there can be none
 */
export async function startSupervised(
  command: string,
  args: readonly string[],
  prepared: Prepared,
  options: StartOptions,
  listener: RunListener,
  entry?: string,
): Promise<SupervisedStart> {
  const plan = ownLayers(prepared.plan);
  const { file, layout } = laidOut(command, args, prepared, options);
  const supervisor = await supervisorOf(plan, entry);
  using _restoring =
    plan.supervisor?.restored === undefined
      ? undefined
      : (await import('./restore-lock.ts')).lockRestores(stateDirectory());
  const tag = markOf(plan);
  const path = new TextEncoder().encode('.\0');
  using directory = new Fd(
    call('open the working directory', 'openat', AT_FDCWD, path, O[ARCH].PATH | O[ARCH].CLOEXEC, 0),
  );
  const go = makePipe();
  // No `parent`: a scope can forbid to look for it, and the pipe tells of its end.
  const image = startImage({
    ...layout,
    supervised: {
      tag,
      umask: process.umask(),
      directory: directory.number,
      wake: supervisor.wake,
      go,
      flags: listenerFlags(),
      newPrivileges: plan.supervisor?.landlock !== undefined && mayFilter(),
    },
  });
  const run = tagId(tag);
  const watch = guard();
  watch.add(tag);
  const order = { run, image: image.bytes, told: image.data + TOLD.at, go, patience: options.patience };
  const started = await supervisor.start(order, {
    ...listener,
    over(uses, maps) {
      watch.drop(tag);
      if (plan !== prepared.plan) void leaveSandbox(plan.supervisor!.sandbox!);
      listener.over(uses, maps);
    },
  });
  if ('errno' in started) {
    watch.drop(tag);
    if (plan !== prepared.plan) void leaveSandbox(plan.supervisor!.sandbox!);
  }
  if ('errno' in started) throw refusedStart(notStarted(image, started), file);
  const { pid, pidfd } = started;
  return { pid, pidfd, file, run, supervisor, guard: watch.pid, dropped: started.dropped };
}

/** The mark of the processes: of a run that is restored, the one that it had. */
function markOf({ supervisor }: Plan): bigint {
  const id = supervisor?.restored?.id;
  if (id === undefined) return makeTag();
  const tag = idTag(id);
  if (isTagged(tag) && membersOf(tag).length === 0) return tag;
  throw new LandwardError('USAGE', `The run ${id} still goes on, so it cannot be restored`, {
    part: id,
    fix: 'End its processes first: two runs with one mark could not be told apart',
  });
}

/** Layers that may change are the run's own, where they are not those of a sandbox. */
function ownLayers(plan: Plan): Plan {
  const { supervisor } = plan;
  if (supervisor === null || supervisor.sandbox !== undefined || !mayChange({ ...plan, supervisor }))
    return plan;
  return { ...plan, report: plan.report, supervisor: { ...supervisor, sandbox: crypto.randomUUID() } };
}

const CAP_SYS_ADMIN = 21n;

/** Whether this process may install filters without giving up new privileges. */
function mayFilter(): boolean {
  const field = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${field}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

function notStarted(image: Image, { step, errno }: { readonly step: number; readonly errno: number }) {
  if (errno !== 0 && step >= 0) return failedStep(image, { step, errno });
  if (errno !== 0) return refusal('take the listener', 'pidfd_getfd', errno);
  return new LandwardError('SUPERVISOR', 'The supervisor ended before the program was started');
}

function makePipe(): StartOrder['go'] {
  const ends = new Int32Array(2);
  call('make a pipe', 'pipe2', ends, O[ARCH].CLOEXEC);
  return { read: ends[0]!, write: ends[1]! };
}
