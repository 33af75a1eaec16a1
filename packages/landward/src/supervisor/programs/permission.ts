/**
 * The kernel's own permissions, asked before those whom a plan asks besides its rules: programs and functions never see
 * a request that the system refuses anyway.
 *
 * Owns the check, made as the caller on the pinned object, and says what the kernel would say; nothing is reported. What it
 * does not foresee (owners of files that are given away, signals within a session) the kernel refuses later by itself.
 */

import { attempt } from '../../kernel/call.ts';
import { type FsTrigger, triggersOf } from '../../model/programs/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT } from '../../uapi/open.ts';
import type { Authority, Judgement, Question } from '../authority.ts';
import type { Call } from '../call.ts';
import { lookAtFd } from '../files/look.ts';
import type { Entry, Place } from '../place.ts';
import { mayLookInto, maySignal } from '../processes/permission.ts';
import { usersOf } from '../processes/tree.ts';

const ALLOWED: Judgement = { errno: 0 };
const MODE = { read: 4, write: 2, search: 1 } as const;
const CAP = { FOWNER: 3n, SYS_CHROOT: 18n } as const;
const S_ISVTX = 0o1000;
const SIGCONT = 18;
const EMPTY = new Uint8Array(1);

/** Makes the authority that says no where the system would. */
export function permissionAuthority(): Authority {
  return {
    ask(call, question) {
      const errno = refusalOf(call, question);
      return errno === 0 ? ALLOWED : { errno };
    },
    would: () => ALLOWED,
    isFree: () => true,
  };
}

/** The errno with which the system would refuse, 0 where it would not. */
function refusalOf(call: Call, question: Question): number {
  switch (question.kind) {
    case 'access':
    case 'open':
      return onObject(call, question.at, triggersOf(question.rights));
    case 'pick':
      return onObject(call, question.at, question.triggers);
    case 'walk':
      return question.lookup === 'start' ? 0 : access(call, question.at, MODE.search);
    case 'make':
      return access(call, question.entry.parent, MODE.write | MODE.search);
    case 'remove':
      return named(call, question.entry);
    case 'refer': {
      const { from, to, operation } = question;
      const source = operation === 'link' ? 0 : named(call, from);
      return source === 0 ? named(call, to) : source;
    }
    case 'unix':
      return 'place' in question.at && question.operation === 'connect'
        ? access(call, question.at.place, MODE.write)
        : 0;
    case 'signal':
      return question.signal === SIGCONT || usersOf(question.tid) === null || maySignal(call, question.tid)
        ? 0
        : ERRNO.EPERM;
    case 'ptrace':
      return question.traceme === true || usersOf(question.tid) === null || mayLookInto(call, question.tid)
        ? 0
        : ERRNO.EPERM;
    default:
      return 0;
  }
}

function onObject(call: Call, at: Place, triggers: readonly FsTrigger[]): number {
  const has = (...some: readonly FsTrigger[]) => some.some((trigger) => triggers.includes(trigger));
  const mode =
    (has('read', 'readdir') ? MODE.read : 0) |
    (has('write', 'append') ? MODE.write : 0) |
    (has('execute', 'chdir', 'chroot') ? MODE.search : 0);
  const refused = mode === 0 ? 0 : access(call, at, mode);
  if (refused !== 0) return refused;
  if (has('chroot') && !may(call, CAP.SYS_CHROOT)) return ERRNO.EPERM;
  return has('setattr') && !ownsOrMay(call, at) ? ERRNO.EPERM : 0;
}

function access(call: Call, at: Place, mode: number): number {
  const result = call.target.as(() => attempt('faccessat2', at.fd, EMPTY, mode, AT.EMPTY_PATH | AT.EACCESS), {
    umask: false,
  });
  return result < 0 ? -result : 0;
}

/** Taking a name away from a directory, or putting one there: in a sticky one only what is the caller's own. */
function named(call: Call, { parent, object }: Entry): number {
  const refused = access(call, parent, MODE.write | MODE.search);
  if (refused !== 0 || object === null) return refused;
  const fact = lookAtFd(parent.fd);
  if (typeof fact === 'number' || (fact.mode & S_ISVTX) === 0) return 0;
  const { fsuid } = call.target.status();
  return fact.uid === fsuid || owns(call, object) ? 0 : ERRNO.EPERM;
}

/** The owner may change what is known of a file. Whoever may write it may change some of that: which, the kernel knows. */
function ownsOrMay(call: Call, at: Place): boolean {
  return owns(call, at) || (!MODES.has(call.name) && access(call, at, MODE.write) === 0);
}

const MODES: ReadonlySet<string> = new Set(['chmod', 'fchmod', 'fchmodat', 'fchmodat2']);

function owns(call: Call, at: Place): boolean {
  const fact = lookAtFd(at.fd);
  return typeof fact === 'number' || fact.uid === call.target.status().fsuid || may(call, CAP.FOWNER);
}

function may(call: Call, capability: bigint): boolean {
  return ((call.target.status().capabilities >> capability) & 1n) === 1n;
}
