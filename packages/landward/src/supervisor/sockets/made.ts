/**
 * The sockets of a run as the layers of its policy look at them: inside of how many layers each was made, whether it ever had
 * an aim, and which descriptors of the start it was.
 *
 * Owns this bookkeeping, by cookie. What follows from it is the model's (`model/rules/sockets`).
 */

import { readdirSync } from 'node:fs';
import { attempt } from '../../kernel/call.ts';
import type { RunSocket } from '../../model/index.ts';
import type { SocketRef } from '../authority.ts';
import type { Call } from '../call.ts';
import { looksAtSockets, socketMade, socketsLost } from '../landlock/made.ts';
import type { Run } from '../run.ts';
import { SocketIdentities } from './identity.ts';
import { inodeOf } from './own.ts';
import { cookieOf } from './socket.ts';

const KEY = Symbol('sockets of a run');

interface Made {
  /** How many layers the run had. */
  readonly layers: number;
  /** Whether it ever listened or was connected. */
  aimed: boolean;
}

class RunSockets implements Disposable {
  readonly identities = new SocketIdentities<Made>();
  /** The numbers that sockets of the start had. */
  readonly started = new Map<bigint, number[]>();

  [Symbol.dispose](): void {
    this.identities[Symbol.dispose]();
  }
}

function socketsOf(run: Run): RunSockets {
  return run.state(KEY, () => new RunSockets());
}

/** Whether the plan is asked about the making of sockets, so that a socket that is not known is from outside. */
function isTold(run: Run): boolean {
  return run.plan.supervisor.groups.includes('socket');
}

/** Whether it matters to the layers of a run which socket is used, or a trial is to tell of those from outside. */
export function looksAt(run: Run): boolean {
  const tells = run.plan.supervisor.mode === 'observe' && isTold(run);
  return tells || run.layers.some(({ sockets }) => sockets !== undefined);
}

/** Whether questions about a socket must say which one it is. */
export function needsRef(call: Call): boolean {
  return looksAt(call.run) || looksAtSockets(call);
}

/**
 * A socket was made for the caller. To be told before the program has it.
 *
 * @param fd the socket in this process
 * @param aimed whether it is connected from its beginning
 */
export function noteMade(call: Call, fd: number, aimed = false): void {
  const cookie = cookieOf(fd);
  if (cookie === null) lost(call);
  else socketsOf(call.run).identities.made(cookie, inodeOf(fd), { layers: call.run.layers.length, aimed });
  socketMade(call, fd);
}

/** The caller may make a socket that nobody sees. */
export function lost(call: Call): void {
  socketsOf(call.run).identities.lose();
  socketsLost(call);
}

/** A socket is about to get an aim, or has lost it because the attempt failed. */
export function noteAimed(call: Call, fd: number, aimed: boolean): void {
  const cookie = cookieOf(fd);
  const origin = cookie === null ? undefined : socketsOf(call.run).identities.of(cookie);
  if (origin?.kind === 'inside') origin.creator.aimed = aimed;
}

/** Whether a socket is known to have had an aim. */
export function wasAimed(call: Call, fd: number): boolean {
  const cookie = cookieOf(fd);
  const origin = cookie === null ? undefined : socketsOf(call.run).identities.of(cookie);
  return origin?.kind === 'inside' && origin.creator.aimed;
}

/** A socket that nobody can name: all that is not known is taken for what is stricter. */
const NAMELESS: RunSocket = {
  madeIn: null,
  type: 'other',
  state: 'connected',
  aimed: 'maybe',
  startedAs: [],
};

/** A socket in view of the layers of a run. */
export function runSocket(run: Run, ref: SocketRef | undefined): RunSocket {
  if (ref === undefined) return NAMELESS;
  const { identities, started } = socketsOf(run);
  const origin = isTold(run) ? identities.of(ref.cookie) : { kind: 'unknown' as const };
  const inside = origin.kind === 'inside';
  return {
    madeIn: inside ? origin.creator.layers : origin.kind === 'outside' ? 0 : null,
    type: ref.inet.type,
    state: ref.state,
    aimed: inside ? (origin.creator.aimed ? 'yes' : 'no') : 'maybe',
    startedAs: started.get(ref.cookie) ?? [],
  };
}

/**
 * Writes down the sockets that a program is started with, before it runs: they are from outside, whatever is forgotten later,
 * and layers may spare some by their number.
 *
 * @param pid a process that waits for its start
 */
export function noteStart(run: Run, pid: number): void {
  if (!isTold(run)) return;
  const { identities, started } = socketsOf(run);
  const pidfd = attempt('pidfd_open', pid, 0);
  if (pidfd < 0) return;
  try {
    for (const name of readdirSync(`/proc/${pid}/fd`)) {
      const fd = attempt('pidfd_getfd', pidfd, Number(name), 0);
      if (fd < 0) continue;
      const cookie = cookieOf(fd);
      if (cookie !== null) {
        identities.met(cookie, inodeOf(fd));
        started.set(cookie, [...(started.get(cookie) ?? []), Number(name)]);
      }
      attempt('close', fd);
    }
  } catch {
    // A child that is gone already, or cannot be looked into: nothing is spared then.
  } finally {
    attempt('close', pidfd);
  }
}
