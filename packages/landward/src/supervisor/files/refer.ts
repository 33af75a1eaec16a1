/**
 * Moving names: `rename` in all its forms.
 *
 * Both parents are pinned, the decision is on the two names and on what is there, and the kernel moves within the pinned
 * directories. A name can come to mean something else before it does: a target that was free is moved to only while it is
 * free, and a directory that arrived in place of a file ends the run where it might not have been moved. Links are `link.ts`.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT_FDCWD, RENAME } from '../../uapi/open.ts';
import { type Answer, type Call, type CallRow, type CallTable, DONE, outcome, refuse } from '../call.ts';
import type { Place } from '../place.ts';
import { lookAtEntry, lookAtFd } from './look.ts';
import { mustNotBeMountpoint } from './mountpoint.ts';
import { mustBeWritable, nameAt, terminatedCopy } from './names.ts';
import type { Named } from './resolve.ts';

const FLAGS = RENAME.NOREPLACE | RENAME.EXCHANGE | RENAME.WHITEOUT;
/** How often a name may become taken between the decision and the move before the target hears of it. */
const TRIES = 8;

/** A move as it was decided. */
interface Move {
  readonly from: Named;
  readonly to: Named;
  readonly moved: Place;
  /** What is replaced or exchanged. */
  readonly there: Place | null;
  readonly flags: number;
}

function rename(
  call: Call,
  olddir: number,
  oldAt: number,
  newdir: number,
  newAt: number,
  flags: number,
): Answer {
  if ((flags & ~FLAGS) !== 0) return refuse(ERRNO.EINVAL);
  if ((flags & RENAME.EXCHANGE) !== 0 && flags !== RENAME.EXCHANGE) return refuse(ERRNO.EINVAL);
  const oldPath = call.target.readPath(call.arg(oldAt));
  for (let tries = 1; ; tries++) {
    const from = nameAt(call, olddir, oldPath);
    const to = nameAt(call, newdir, call.target.readPath(call.arg(newAt)));
    const move = checkedMove(from, to, flags);
    const { errno } = call.run.authority.ask(call, {
      kind: 'refer',
      from,
      to,
      operation: flags === RENAME.EXCHANGE ? 'exchange' : 'rename',
      whiteout: (flags & RENAME.WHITEOUT) !== 0,
    });
    if (errno !== 0) return refuse(errno);
    mustNotBeMountpoint(from);
    mustNotBeMountpoint(to);
    const result = perform(call, move);
    if (result !== 'taken') return result;
    if (tries === TRIES) return refuse(ERRNO.EBUSY);
  }
}

/** The checks that the kernel makes before it asks, in its order. */
function checkedMove(from: Named, to: Named, flags: number): Move {
  const source = lookAtFd(from.parent.fd);
  const target = lookAtFd(to.parent.fd);
  if (typeof source === 'number' || typeof target === 'number') return refuse(ERRNO.ENOENT);
  if (source.mount !== target.mount) refuse(ERRNO.EXDEV);
  if (from.last !== 'name') refuse(ERRNO.EBUSY);
  const noReplace = (flags & RENAME.NOREPLACE) !== 0;
  if (to.last !== 'name') refuse(noReplace ? ERRNO.EEXIST : ERRNO.EBUSY);
  mustBeWritable(from.parent.fd);
  if (from.error !== undefined) refuse(from.error);
  const moved = from.object ?? refuse(ERRNO.ENOENT);
  if (to.error !== undefined) refuse(to.error);
  const there = to.object;
  if (noReplace && there !== null) refuse(ERRNO.EEXIST);
  const exchange = flags === RENAME.EXCHANGE;
  if (exchange && there === null) refuse(ERRNO.ENOENT);
  if (exchange && there!.type !== 'dir' && to.slash) refuse(ERRNO.ENOTDIR);
  if (moved.type !== 'dir' && (from.slash || (!exchange && to.slash))) refuse(ERRNO.ENOTDIR);
  const sameParent = source.dev === target.dev && source.ino === target.ino;
  if (!sameParent && isWithin(to.parent.path, from.path)) refuse(ERRNO.EINVAL);
  if (!sameParent && there !== null && isWithin(from.parent.path, to.path))
    refuse(exchange ? ERRNO.EINVAL : ERRNO.ENOTEMPTY);
  return { from, to, moved, there, flags };
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

function perform(call: Call, move: Move): Answer | 'taken' {
  const { from, to, there, flags } = move;
  const [oldName, newName] = [terminatedCopy(from.name), terminatedCopy(to.name)];
  const moveWith = (how: number) =>
    call.target.as(() => attempt('renameat2', from.parent.fd, oldName, to.parent.fd, newName, how));
  const free = there === null && (flags & RENAME.NOREPLACE) === 0;
  let result = moveWith(free ? flags | RENAME.NOREPLACE : flags);
  if (free && result === -ERRNO.EEXIST) return 'taken';
  // File systems that cannot be told not to replace say so before they do anything.
  if (free && result === -ERRNO.EINVAL) result = moveWith(flags);
  if (result < 0) return outcome(result);
  if (!arrivedOtherwise(call, move)) return DONE;
  call.run.kill(
    `${call.name} moved what was put in the place of something else meanwhile, and that may not be moved`,
  );
  return refuse(ERRNO.EACCES);
}

/**
 * Whether what lies under the names now is of another type than what was decided about, and would have been refused. It may
 * also have been put there after the move; nobody can tell, and moving it back could free it in the other case.
 */
function arrivedOtherwise(call: Call, { from, to, moved, there, flags }: Move): boolean {
  const exchange = flags === RENAME.EXCHANGE;
  const [arrived, returned] = [like(moved, to), exchange ? like(there!, from) : there];
  if (arrived === moved && returned === there) return false;
  const question = {
    kind: 'refer',
    from: { ...from, object: arrived },
    to: { ...to, object: returned },
    operation: exchange ? 'exchange' : 'rename',
  } as const;
  return call.run.authority.would(call, question).errno !== 0;
}

/** The object as it was, or with the type that its name has now where only one of both is a directory. */
function like(object: Place, entry: Named): Place {
  const now = lookAtEntry(entry.parent.fd, entry.name);
  if (typeof now === 'number' || (now.type === 'dir') === (object.type === 'dir')) return object;
  return { ...object, type: now.type };
}

const emulated = (handle: CallRow['handle']): CallRow => ({
  handle,
  held: 'emulated',
  residual:
    'A program outside that puts a directory in the place of a file at the same moment can have it moved; the run ends before the program hears of it.',
});

/** Handlers of moves, a part of the group `refer`. */
export const RENAME_CALLS = {
  rename: emulated((call) => rename(call, AT_FDCWD, 0, AT_FDCWD, 1, 0)),
  renameat: emulated((call) => rename(call, call.int(0), 1, call.int(2), 3, 0)),
  renameat2: emulated((call) => rename(call, call.int(0), 1, call.int(2), 3, call.uint(4))),
} as const satisfies CallTable;
