/**
 * Signals: whom a call means, whether each may be reached, and who delivers. A signal to one process is the kernel's to
 * deliver once it is allowed; of a group only those that may be reached get it, from here.
 *
 * Owns the calls. Whether a process may be reached is the authority's.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { type Answer, type Call, CONTINUE, DONE, type Handler, outcome, refuse } from '../call.ts';
import { maySignal } from './permission.ts';
import { pidfdOf } from './pidfds.ts';
import { ownPid, ownTid } from './pids.ts';
import { allPids, kinOf } from './tree.ts';

const LAST_SIGNAL = 64;
const SIGINFO_BYTES = 128;
const EVERYBODY = -1;

const isFree = (call: Call) => call.run.authority.isFree(call);

/** Lets the kernel deliver to one process or thread, or refuses. Who is not there is the kernel's to miss. */
function toOne(call: Call, tid: number | null, signal: number): Answer {
  if (tid === null || signal < 0 || signal > LAST_SIGNAL) return CONTINUE;
  const { errno } = call.run.authority.ask(call, { kind: 'signal', tid, signal });
  return errno === 0 ? CONTINUE : refuse(errno);
}

export const kill: Handler = (call) => {
  if (isFree(call)) return CONTINUE;
  const [whom, signal] = [call.int(0), call.int(1)];
  if (whom > 0) return toOne(call, ownPid(call, whom), signal);
  if (signal < 0 || signal > LAST_SIGNAL) return refuse(ERRNO.EINVAL);
  return whom === EVERYBODY ? toMany(call, everybody(call), signal) : toMany(call, group(call, whom), signal);
};

export const tkill: Handler = (call) =>
  isFree(call) ? CONTINUE : toOne(call, ownTid(call, call.int(0)), call.int(1));

export const tgkill: Handler = (call) =>
  isFree(call) ? CONTINUE : toOne(call, ownTid(call, call.int(1)), call.int(2));

export const sigqueue: Handler = (call) =>
  isFree(call) ? CONTINUE : toOne(call, ownPid(call, call.int(0)), call.int(1));

export const tgsigqueue: Handler = (call) =>
  isFree(call) ? CONTINUE : toOne(call, ownTid(call, call.int(1)), call.int(2));

/** The processes of a group: the caller's for 0. */
export function group(call: Call, whom: number): number[] {
  const own = kinOf(call.target.status().pid)?.group;
  const wanted = whom === 0 ? own : (ownPid(call, -whom) ?? -whom);
  return visible(call).filter((pid) => kinOf(pid)?.group === wanted);
}

/** Everybody but the first process and the caller's own. */
function everybody(call: Call): number[] {
  const { pid } = call.target.status();
  return visible(call).filter((other) => other !== 1 && other !== pid);
}

/** Processes that the target has a number for. */
function visible(call: Call): number[] {
  const depth = call.target.status().namespacedPids.length;
  return depth === 1 ? allPids() : allPids().filter((pid) => ownPid(call, pid) !== null);
}

/**
 * A signal to many. Where all may be reached the kernel delivers; else those that may get it from here.
 *
 * @returns success where anybody was reached, EPERM where nobody was allowed, ESRCH where nobody is there
 */
function toMany(call: Call, pids: readonly number[], signal: number): Answer {
  const { authority } = call.run;
  const would = (tid: number) => authority.would(call, { kind: 'signal', tid, signal }).errno === 0;
  const ask = (tid: number) => authority.ask(call, { kind: 'signal', tid, signal }).errno === 0;
  const near = pids.filter(would);
  // One that is refused stands for all: a denial each would tell nothing more.
  const far = pids.find((pid) => !near.includes(pid));
  const reached = near.filter(ask);
  if (reached.length === pids.length) return CONTINUE;
  if (far !== undefined) ask(far);
  const delivered = reached.filter((pid) => maySignal(call, pid) && attempt('kill', pid, signal) === 0);
  return delivered.length > 0 ? DONE : refuse(ERRNO.EPERM);
}

/**
 * `pidfd_send_signal`. The number of a descriptor can mean another one a moment later, so that the signal is sent from here,
 * on a duplicate.
 */
export const pidfdSendSignal: Handler = (call) => {
  if (isFree(call)) return CONTINUE;
  const signal = call.int(1);
  const { fd, pid } = pidfdOf(call, call.int(0));
  if (pid === null) return refuse(ERRNO.ESRCH);
  const { errno } = call.run.authority.ask(call, { kind: 'signal', tid: pid, signal });
  if (errno !== 0) return refuse(errno);
  if (!maySignal(call, pid)) return refuse(ERRNO.EPERM);
  const info = call.arg(2) === 0 ? null : call.target.read(call.arg(2), SIGINFO_BYTES);
  return outcome(attempt('pidfd_send_signal', fd, signal, info, call.uint(3)));
};
