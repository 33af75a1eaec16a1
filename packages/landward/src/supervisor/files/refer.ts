/**
 * Moving names: `rename` in all its forms.
 *
 * Both parents are pinned, the decision is on the two names and on what is there, and the kernel moves within the pinned
 * directories. A name can come to mean something else before it does: a target that was free is moved to only while it is
 * free, and a directory that has arrived in place of a file, or a file in place of a directory, goes back. Links are `link.ts`.
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
  if (isLike(move.moved, to) && (flags !== RENAME.EXCHANGE || isLike(there!, from))) return DONE;
  undo(call, move, oldName, newName);
  return refuse(ERRNO.EACCES);
}

/**
 * Whether what a name means now may be what was decided about. Rights go by the name and by whether it is a directory; so
 * a file for a file is nothing that was not decided, and may have been put here by somebody else after the move.
 */
function isLike(object: Place, entry: Named): boolean {
  const now = lookAtEntry(entry.parent.fd, entry.name);
  return typeof now === 'number' || (now.type === 'dir') === (object.type === 'dir');
}

/** Something else was moved than was decided: it goes back, or the run ends. The target has not seen the answer yet. */
function undo(call: Call, { from, to, flags }: Move, oldName: Uint8Array, newName: Uint8Array): void {
  const how = flags === RENAME.EXCHANGE ? RENAME.EXCHANGE : RENAME.NOREPLACE;
  const result = attempt('renameat2', to.parent.fd, newName, from.parent.fd, oldName, how);
  if (result < 0)
    call.run.kill(
      `${call.name} met another object than the one that was decided about, and it could not be moved back`,
    );
}

const emulated = (handle: CallRow['handle']): CallRow => ({
  handle,
  held: 'emulated',
  residual:
    'A program outside that puts a directory in the place of a file at the same moment can have it moved; it is moved back, or the run ends.',
});

/** Handlers of moves, a part of the group `refer`. */
export const RENAME_CALLS = {
  rename: emulated((call) => rename(call, AT_FDCWD, 0, AT_FDCWD, 1, 0)),
  renameat: emulated((call) => rename(call, call.int(0), 1, call.int(2), 3, 0)),
  renameat2: emulated((call) => rename(call, call.int(0), 1, call.int(2), 3, call.uint(4))),
} as const satisfies CallTable;
