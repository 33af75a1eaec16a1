/**
 * Starting programs: `execve` and `execveat`. Nobody can execute for somebody else, so the program is decided on first, with
 * all that it runs through, and looked at again once it runs (`started.ts`).
 */

import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD } from '../../uapi/open.ts';
import { type Answer, type Call, type CallRow, type CallTable, CONTINUE, refuse } from '../call.ts';
import { landlockOf } from '../landlock/landlock-run.ts';
import type { Place } from '../place.ts';
import { interpreterOf } from './interpreter.ts';
import { resolve } from './resolve.ts';
import { startsOf } from './started.ts';

/** How many interpreters of interpreters the kernel follows. */
const NESTING = 5;
const KNOWN_FLAGS = AT.EMPTY_PATH | AT.SYMLINK_NOFOLLOW | AT.EXECVE_CHECK;

function execute(call: Call, dirfd: number, at: number, flags: number): Answer {
  if ((flags & ~KNOWN_FLAGS) !== 0) refuse(ERRNO.EINVAL);
  const path = call.target.readPath(call.arg(at));
  const look = {
    follow: (flags & AT.SYMLINK_NOFOLLOW) === 0,
    emptyPath: (flags & AT.EMPTY_PATH) !== 0,
  };
  const decided = check(call, resolve(call, dirfd, path, look));
  startsOf(call.run).expect(call, askedOthers(call) ? decided : null);
  if (call.run.plan.supervisor.landlock !== undefined)
    landlockOf(call).threads.executes(call.target.tid, call.target.status().pid);
  return CONTINUE;
}

/**
 * Whether others than the rules have allowed the start, who cannot be asked again about what did start: the caller's own
 * Landlock domain, policy programs, functions.
 */
function askedOthers(call: Call): boolean {
  const { landlock, programs, decides, answers } = call.run.plan.supervisor;
  if (programs !== undefined || answers === true || decides?.includes('fs')) return true;
  return landlock !== undefined && !call.run.authority.isFree(call);
}

/** Asks for a file and whatever the kernel runs for it: interpreters of scripts, then a loader, which has none.
 *
 * @returns what was decided on, as device and inode
 */
function check(call: Call, program: Place): ReadonlySet<string> {
  const decided = new Set<string>();
  let place = program;
  for (let scripts = 0; ; scripts++) {
    if (place.type === 'lnk') refuse(ERRNO.ELOOP);
    if (place.type !== 'reg') refuse(ERRNO.EACCES);
    mayRun(call, place);
    decided.add(`${place.dev}:${place.ino}`);
    const next = interpreterOf(call, place);
    if (next === null) return decided;
    if (next.kind === 'script' && scripts >= NESTING) refuse(ERRNO.ELOOP);
    place = resolve(call, AT_FDCWD, next.path);
    if (next.kind === 'script') continue;
    mayRun(call, place);
    return decided;
  }
}

function mayRun(call: Call, at: Place): void {
  const { errno } = call.run.authority.ask(call, {
    kind: 'access',
    at,
    rights: ['fs.execute', 'fs.read_file'],
  });
  if (errno !== 0) refuse(errno);
}

const RESIDUAL =
  'Checked before and after: a thread that changes the path in between can start another program, and the whole run is ended as soon as that is seen, within some milliseconds; the rights to execute that the kernel holds bound what it can be. A script is checked before only; that its interpreter may read it is decided like any opening. Programs that cannot be read are not started.';

const verified = (handle: CallRow['handle']): CallRow => ({ handle, held: 'verified', residual: RESIDUAL });

/** Handlers of the group `execute`. */
export const EXECUTE_CALLS = {
  execve: verified((call) => execute(call, AT_FDCWD, 0, 0)),
  execveat: verified((call) => execute(call, call.int(0), 1, call.int(4))),
} as const satisfies CallTable;
