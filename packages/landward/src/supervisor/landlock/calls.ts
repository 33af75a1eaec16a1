/**
 * The three system calls of Landlock, answered from the model: arguments are copied, descriptors are fetched, and what the
 * model makes of them becomes a descriptor or a new state of the thread.
 *
 * Owns the reading of arguments and the carrying out. Every check and its order are `model/landlock/calls.ts`.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import {
  addRuleCall,
  createRulesetCall,
  type Memory,
  type ParentFd,
  type RulesetFd,
  restrictAs,
  restrictSelf,
  type Thread,
} from '../../model/landlock/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { RESTRICT_SELF, RULE_TYPE } from '../../uapi/landlock.ts';
import { F, O } from '../../uapi/open.ts';
import { type Answer, type Call, DONE, type Handler, Refused, refuse } from '../call.ts';
import { placeOf } from '../files/place-of.ts';
import { lookAtLevel } from './ancestors.ts';
import { exemptInode } from './inodes.ts';
import { type LandlockRun, landlockOf } from './landlock-run.ts';
import { type Held, rulesetFd } from './rulesets.ts';
import { isSameCredential, type ThreadState, threadsOf } from './threads.ts';

/** `struct landlock_ruleset_attr` may grow up to a page. */
const PAGE = 4096;
const CAP_SYS_ADMIN = 21n;
/** Rounds of looking for threads that a TSYNC has not reached yet. */
const ROUNDS = 100;

/** Memory behind a pointer argument, as far as it can be read. */
function memoryAt(call: Call, address: number, length: number): Memory {
  if (address === 0) return null;
  return length === 0 ? new Uint8Array() : call.target.readSome(address, length);
}

export const createRuleset: Handler = (call) => {
  const landlock = landlockOf(call);
  landlock.mounts.learn(call);
  const [address, size, flags] = [call.arg(0), call.arg(1), call.uint(2)];
  const attr =
    flags === 0 ? memoryAt(call, address, Math.min(size, PAGE)) : address === 0 ? null : new Uint8Array();
  const created = createRulesetCall(landlock.behaviour, { attr, size, flags }, landlock.ids.take());
  if (!created.ok) return refuse(created.errno);
  if (created.value.kind === 'answer') return { kind: 'value', value: created.value.value };
  const fd = landlock.rulesets.make({ ruleset: created.value.ruleset });
  return fd < 0 ? refuse(-fd) : { kind: 'fd', fd: call.own(fd), cloexec: true };
};

/** A descriptor number of the target: what it means, and the ruleset if it is one. */
export function rulesetArgument(call: Call, landlock: LandlockRun, number: number): [RulesetFd, Held | null] {
  const fd = fetched(call, number);
  if (fd === null) return [{ kind: 'closed' }, null];
  // A place is no open file to the kernel.
  if ((attempt('fcntl', fd, F.GETFL, 0) & O[ARCH].PATH) !== 0) return [{ kind: 'closed' }, null];
  const held = landlock.rulesets.find(fd);
  return [rulesetFd(held), held];
}

/** A descriptor of the caller, or `null` where the number means none. */
export function fetched(call: Call, number: number): number | null {
  try {
    return call.target.fd(number);
  } catch (error) {
    if (error instanceof Refused && error.errno === ERRNO.EBADF) return null;
    throw error;
  }
}

export const addRule: Handler = (call) => {
  const landlock = landlockOf(call);
  landlock.mounts.learn(call);
  const [number, type, address, flags] = [call.int(0), call.uint(1), call.arg(2), call.uint(3)];
  const [fd, held] = rulesetArgument(call, landlock, number);
  const attr = memoryAt(call, address, type === RULE_TYPE.PATH_BENEATH ? 12 : 16);
  const added = addRuleCall(landlock.behaviour, { fd, type, attr, flags }, (parent) =>
    parentFd(call, landlock, parent),
  );
  if (!added.ok) return refuse(added.errno);
  if (held !== null) held.ruleset = added.value;
  return DONE;
};

/** What the descriptor in a rule refers to. */
function parentFd(call: Call, landlock: LandlockRun, number: number): ParentFd {
  const fd = fetched(call, number);
  if (fd === null) return { kind: 'closed' };
  if (landlock.rulesets.find(fd) !== null) return { kind: 'ruleset' };
  const place = placeOf(call, fd);
  const level = lookAtLevel(fd);
  const inode =
    place.exempt || typeof level === 'number'
      ? exemptInode(place.type)
      : landlock.inodes.rule(level.dev, level.ino, level.type, fd, level.path);
  const dentry = { inode, parent: null };
  return {
    kind: 'path',
    path: { dentry, mount: { root: dentry, parent: null, mountpoint: null, internal: place.exempt } },
  };
}

/** The calling thread as `landlock_restrict_self` looks at it. */
function threadOf(call: Call, state: ThreadState): Thread {
  const { capabilities } = call.target.status();
  return { ...state, sysAdmin: ((capabilities >> CAP_SYS_ADMIN) & 1n) === 1n };
}

export const restrict: Handler = (call) => {
  const landlock = landlockOf(call);
  landlock.mounts.learn(call);
  const { tid } = call.target;
  const state = landlock.state(tid) ?? refuse(ERRNO.ESRCH);
  const [number, flags] = [call.int(0), call.uint(1)];
  const [fd, held] = number === -1 ? ([-1, null] as const) : rulesetArgument(call, landlock, number);
  const caller = threadOf(call, { ...state, noNewPrivs: landlock.hasNoNewPrivs(call, state) });
  const copied = held?.copied;
  const restricted =
    copied === undefined
      ? restrictSelf(landlock.behaviour, caller, { fd, flags, id: landlock.ids.take() })
      : restrictAs(landlock.behaviour, caller, {
          rulesets: copied.map(({ ruleset }) => ruleset),
          flags,
          ids: copied.map(() => landlock.ids.take()),
        });
  if (!restricted.ok) return refuse(restricted.errno);
  const next = { ...stateOf(restricted.value.caller), programs: state.programs };
  const { domain } = next.credential;
  landlock.sockets.remember(call.target.status().pid, state.credential.domain);
  const before = state.credential.domain?.layers.length ?? 0;
  for (const [index, { node }] of domain?.layers.slice(before).entries() ?? [])
    landlock.enforced(node, call, copied?.[index]?.sockets ?? held?.sockets);
  return (flags & RESTRICT_SELF.TSYNC) === 0
    ? moved(landlock.threads.move([tid], next))
    : everyone(call, landlock, next);
};

function moved(errno: number): Answer {
  return errno === 0 ? DONE : refuse(errno);
}

function stateOf({ credential, noNewPrivs }: Thread): Omit<ThreadState, 'programs'> {
  return { credential, noNewPrivs };
}

/**
 * Moves the caller first and then every other thread of its process, until a look finds none that was not moved: what a
 * moved thread makes has the new state from its beginning.
 */
function everyone(call: Call, landlock: LandlockRun, next: ThreadState): Answer {
  const { tid } = call.target;
  const { pid } = call.target.status();
  const failed = landlock.threads.move([tid], next);
  if (failed !== 0) return refuse(failed);
  for (let round = 0; round < ROUNDS; round++) {
    const others = threadsOf(pid).filter((other) => {
      const state = landlock.state(other);
      return state !== undefined && !isSameCredential(state.credential, next.credential);
    });
    if (others.length === 0) return DONE;
    for (const other of others) {
      const own = landlock.state(other);
      const noNewPrivs = next.noNewPrivs || own?.noNewPrivs === true;
      landlock.threads.move([other], { ...next, noNewPrivs, programs: own?.programs ?? null });
    }
  }
  // Threads that are made faster than they can be reached: half a synchronisation must not look like a whole one.
  call.run.kill('a process makes threads faster than they can be restricted');
  return refuse(ERRNO.EINTR);
}
