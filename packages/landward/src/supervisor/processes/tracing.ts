/**
 * Looking into other processes: ptrace, memory, comparing, taking descriptors.
 *
 * Owns the calls. Numbers of processes are registers, so that the kernel goes on once it is allowed; what is named by a
 * descriptor is done from here.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { type Answer, type Call, CONTINUE, type Handler, must, refuse } from '../call.ts';
import { socketTaken } from '../landlock/passed.ts';
import { threadsOf } from '../landlock/threads.ts';
import { isMember } from './members.ts';
import { mayLookInto } from './permission.ts';
import { heldPidfd, pidfdOf } from './pidfds.ts';
import { ownTid } from './pids.ts';
import { kinOf } from './tree.ts';

const PTRACE = { TRACEME: 0, ATTACH: 16, SEIZE: 0x4206 } as const;
/** The number is a descriptor of a control group, and whoever may use that may measure everything. */
const PERF_FLAG_PID_CGROUP = 4;

const isFree = (call: Call) => call.run.authority.isFree(call);

/** @param refusal the errno of the call, where it has one of its own */
function lookInto(call: Call, tid: number | null, refusal?: number): Answer {
  if (tid === null) return CONTINUE;
  const { errno } = call.run.authority.ask(call, { kind: 'ptrace', tid });
  return errno === 0 ? CONTINUE : refuse(refusal ?? errno);
}

export const ptrace: Handler = (call) => {
  switch (call.arg(0)) {
    case PTRACE.TRACEME: {
      // The tracer's domain counts here, so that a caller without one is asked about as well.
      for (const tid of tracersOf(call)) {
        const { errno } = call.run.authority.ask(call, { kind: 'ptrace', tid, traceme: true });
        if (errno !== 0) return refuse(errno);
      }
      return CONTINUE;
    }
    case PTRACE.ATTACH:
    case PTRACE.SEIZE:
      return isFree(call) ? CONTINUE : lookInto(call, ownTid(call, call.int(1)));
    default:
      return CONTINUE;
  }
};

/**
 * Who may come to trace a process that asks its parent to: the thread that made it, and nobody tells which one that was. Where
 * threads have domains of their own, all of them are asked about.
 */
function tracersOf(call: Call): readonly number[] {
  const parent = kinOf(call.target.status().pid)?.parent ?? 0;
  if (parent === 0) return [];
  return call.run.plan.supervisor.landlock === undefined || !isMember(call, parent)
    ? [parent]
    : threadsOf(parent);
}

export const processMemory: Handler = (call) =>
  isFree(call) ? CONTINUE : lookInto(call, ownTid(call, call.int(0)));

export const kcmp: Handler = (call) => {
  if (isFree(call)) return CONTINUE;
  const first = lookInto(call, ownTid(call, call.int(0)));
  return first.kind === 'continue' ? lookInto(call, ownTid(call, call.int(1))) : first;
};

/** `pidfd_getfd`: on a duplicate of the pidfd, since its number can come to mean another process. */
export const pidfdGetfd: Handler = (call) => {
  if (isFree(call)) return CONTINUE;
  const { fd, pid } = pidfdOf(call, call.int(0));
  if (call.uint(2) !== 0) return refuse(ERRNO.EINVAL);
  if (pid === null) return refuse(ERRNO.ESRCH);
  const { errno } = call.run.authority.ask(call, { kind: 'ptrace', tid: pid });
  if (errno !== 0) return refuse(errno);
  if (!mayLookInto(call, pid)) return refuse(ERRNO.EPERM);
  const taken = call.own(must(attempt('pidfd_getfd', fd, call.int(1), 0)));
  socketTaken(call, pid, taken);
  return { kind: 'fd', fd: taken, cloexec: true };
};

/** `get_robust_list`, `move_pages`, `migrate_pages`: about the process of their first argument. */
export const aboutProcess: Handler = (call) =>
  isFree(call) || call.int(0) <= 0 ? CONTINUE : lookInto(call, ownTid(call, call.int(0)));

/** Measuring a thread can copy its registers and its stack. */
export const perfEvent: Handler = (call) => {
  const [tid, flags] = [call.int(1), call.uint(4)];
  if (isFree(call) || tid <= 0 || (flags & PERF_FLAG_PID_CGROUP) !== 0) return CONTINUE;
  return lookInto(call, ownTid(call, tid), ERRNO.EACCES);
};

/** `setns` with a pidfd: into the namespaces of that process. Files of namespaces were asked about when they were opened. */
export const setNamespace: Handler = (call) => {
  if (isFree(call)) return CONTINUE;
  const held = heldPidfd(call, call.int(0));
  if (held === null) return CONTINUE;
  return held.pid === null ? refuse(ERRNO.ESRCH) : lookInto(call, held.pid);
};

/** `process_madvise`: the process is a descriptor and the rest is memory, for which there is no use in a domain. */
export const processMadvise: Handler = (call) => (isFree(call) ? CONTINUE : refuse(ERRNO.EPERM));
