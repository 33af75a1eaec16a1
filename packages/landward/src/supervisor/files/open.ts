/**
 * Opening: `open`, `openat`, `openat2`, `creat`. Finds or makes the object, has it decided, opens the pinned object, and
 * puts the descriptor into the target.
 *
 * Owns the order of errors around the decision. How an object of a kind is opened without waiting is `reopen.ts`.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD, O } from '../../uapi/open.ts';
import type { Judgement } from '../authority.ts';
import { type Answer, type Call, type CallRow, type CallTable, CONTINUE, must, refuse } from '../call.ts';
import { handOut } from '../open-files/hand-out.ts';
import type { Place } from '../place.ts';
import { isReadOnly, mustBeWritable, terminatedCopy } from './names.ts';
import { accessMode, extensibleHow, type How, isUnnamed, legacyHow, rightsOf } from './open-how.ts';
import { cutLast } from './path-bytes.ts';
import { factOf, placeOf } from './place-of.ts';
import { mayOpenIn, mustBeReadable } from './protected.ts';
import { reopen } from './reopen.ts';
import { type Named, resolve, resolveEntry } from './resolve.ts';

const FLAGS = O[ARCH];
/** How often a name may appear and vanish between the look and the act before that is the answer. */
const ATTEMPTS = 16;

/** Opens for the target, whatever the call was. */
function open(call: Call, dirfd: number, path: Uint8Array, how: How): Answer {
  const { flags } = how;
  const follow = (flags & FLAGS.NOFOLLOW) === 0;
  const directory = (flags & FLAGS.DIRECTORY) !== 0;
  if (flags & FLAGS.PATH) {
    return openPlaceOnly(call, resolve(call, dirfd, path, { follow, directory, resolve: how.resolve }));
  }
  if (isUnnamed(how)) {
    const place = resolve(call, dirfd, path, { follow, directory: true, resolve: how.resolve });
    return openUnnamed(call, place, how);
  }
  if (flags & FLAGS.CREAT) return openOrMake(call, dirfd, path, how);
  return openExisting(call, resolve(call, dirfd, path, { follow, directory, resolve: how.resolve }), how);
}

/**
 * O_PATH gives no right, and no such descriptor can be put into a target: the kernel opens it. Where the flags lie in
 * memory they could be others by then. Lookups may begin at a directory from now on, which is all that is asked about.
 */
function openPlaceOnly(call: Call, at: Place): Answer {
  const { authority } = call.run;
  if (at.type === 'dir') {
    const errno = authority.besides?.(call, { kind: 'pick', at, triggers: [], gets: true }).errno ?? 0;
    if (errno !== 0) return refuse(errno);
  }
  return call.name !== 'openat2' || call.run.authority.isFree(call) ? CONTINUE : refuse(ERRNO.ENOSYS);
}

function openOrMake(call: Call, dirfd: number, path: Uint8Array, how: How): Answer {
  const exclusive = (how.flags & FLAGS.EXCL) !== 0;
  // A name with a slash behind it cannot be made, whatever it means.
  const slashed = cutLast(path)?.slash === true;
  const follow = !exclusive && !slashed && (how.flags & FLAGS.NOFOLLOW) === 0;
  for (let left = ATTEMPTS; left > 0; left--) {
    const entry = resolveEntry(call, dirfd, path, { follow, resolve: how.resolve });
    if (entry.error === ERRNO.EACCES) refuse(ERRNO.EACCES);
    if (slashed || (entry.slash && entry.last === 'name')) refuse(ERRNO.EISDIR);
    if (entry.error !== undefined) refuse(entry.error);
    const { object } = entry;
    if (object === null) {
      const made = make(call, entry, how);
      if (made !== null) return made;
      if (exclusive) refuse(ERRNO.EEXIST);
      continue;
    }
    if (exclusive) refuse(ERRNO.EEXIST);
    // A link that was put here after the look: the next look follows it.
    if (object.type === 'lnk' && follow && entry.last === 'name') continue;
    if (entry.last === 'name' && !mayOpenIn(call, factOf(entry.parent.fd), () => factOf(object.fd)))
      refuse(ERRNO.EACCES);
    if (object.type === 'dir') refuse(ERRNO.EISDIR);
    return openExisting(call, object, how);
  }
  return refuse(ERRNO.EEXIST);
}

/** Makes a file under a free name; `null` where the name is not free any more. */
function make(call: Call, entry: Named, how: How): Answer | null {
  mustBeWritable(entry.parent.fd);
  const { rights, optional } = rightsOf('reg', how.flags & ~FLAGS.TRUNC);
  const judgement = call.run.authority.ask(call, {
    kind: 'make',
    entry,
    right: 'fs.make_reg',
    open: rights,
    optional,
  });
  if (judgement.errno !== 0) refuse(judgement.errno);
  const flags = how.flags | FLAGS.EXCL | FLAGS.CLOEXEC | FLAGS.NOCTTY;
  const name = terminatedCopy(entry.name);
  const fd = call.target.as(() => attempt('openat', entry.parent.fd, name, flags, how.mode));
  if (fd === -ERRNO.EEXIST) return null;
  return opened(call, call.own(must(fd)), null, how, judgement);
}

/** Makes the file first, since nobody can see it, and decides on it where it is. */
function openUnnamed(call: Call, directory: Place, how: How): Answer {
  mustBeWritable(directory.fd);
  const flags = how.flags | FLAGS.CLOEXEC;
  const here = terminatedCopy(new Uint8Array([46]));
  const fd = call.own(must(call.target.as(() => attempt('openat', directory.fd, here, flags, how.mode))));
  const place = { ...placeOf(call, fd), parent: directory.fd };
  const { rights, optional } = rightsOf('reg', how.flags & ~FLAGS.TRUNC);
  const judgement = call.run.authority.ask(call, { kind: 'open', at: place, rights, optional, fresh: true });
  if (judgement.errno !== 0) refuse(judgement.errno);
  return opened(call, fd, place, how, judgement);
}

function openExisting(call: Call, place: Place, how: How): Answer {
  const { flags } = how;
  if (place.type === 'lnk') refuse(ERRNO.ELOOP);
  const writes = (flags & FLAGS.ACCMODE) !== FLAGS.RDONLY || (flags & FLAGS.TRUNC) !== 0;
  if (place.type === 'dir' && writes) refuse(ERRNO.EISDIR);
  mustBeReadable(call, place, writes);
  const { rights, optional } = rightsOf(place.type, flags);
  const append = (flags & FLAGS.APPEND) !== 0;
  const judgement = call.run.authority.ask(call, { kind: 'open', at: place, rights, optional, append });
  if (judgement.errno !== 0) refuse(earlierError(call, place, flags, judgement.errno));
  return reopen(call, place, flags, (fd) => opened(call, fd, place, how, judgement));
}

/** What the kernel would have said before Landlock: the permissions of the object come first. */
function earlierError(call: Call, place: Place, flags: number, errno: number): number {
  if (errno !== ERRNO.EACCES) return errno;
  const mode = accessMode(flags);
  if (mode & 2 && (place.type === 'reg' || place.type === 'dir') && isReadOnly(place.fd)) {
    const empty = new Uint8Array(1);
    const read = call.target.as(() =>
      attempt('faccessat2', place.fd, empty, mode, AT.EMPTY_PATH | AT.EACCESS),
    );
    if (read === -ERRNO.EROFS) return ERRNO.EROFS;
  }
  return errno;
}

function opened(call: Call, fd: number, place: Place | null, how: How, judgement: Judgement): Answer {
  const cloexec = (how.flags & FLAGS.CLOEXEC) !== 0;
  if (judgement.lacking === undefined && judgement.watched === undefined) return { kind: 'fd', fd, cloexec };
  const at = place ?? factOf(fd);
  return handOut(call, fd, at, how.flags, judgement, (given) => ({ kind: 'fd', fd: given, cloexec }));
}

function openCall(call: Call, dirfd: number, at: number, how: How): Answer {
  return open(call, dirfd, call.target.readPath(call.arg(at)), how);
}

const TERMINALS = 'A terminal that is opened does not become the controlling terminal.';
const LIMITS = 'The descriptor limit is checked last, after O_CREAT and O_TRUNC took effect.';
const PIPES =
  'For some milliseconds a program that was killed while it waited for the other end of a FIFO still counts as an end.';
const FLAG = 'F_GETFL does not tell O_NOFOLLOW.';
const FUSE = '/dev/fuse is ENODEV: a file system that a supervised program serves could stop its supervisor.';
const PLACES =
  'O_PATH is checked and then left to the kernel: a thread that changes the path in between can learn the attributes of something hidden, but not open it.';
const NO_PLACES = 'O_PATH is refused with ENOSYS, on which programs use openat.';

const emulated = (handle: CallRow['handle'], ...residual: readonly string[]): CallRow => ({
  handle,
  held: 'emulated',
  residual: [TERMINALS, LIMITS, PIPES, FLAG, FUSE, ...residual].join(' '),
});

/** Handlers of the group `open`. */
export const OPEN_CALLS = {
  open: emulated((call) => openCall(call, AT_FDCWD, 0, legacyHow(call.int(1), call.uint(2))), PLACES),
  openat: emulated((call) => openCall(call, call.int(0), 1, legacyHow(call.int(2), call.uint(3))), PLACES),
  creat: emulated((call) =>
    openCall(call, AT_FDCWD, 0, legacyHow(FLAGS.CREAT | FLAGS.WRONLY | FLAGS.TRUNC, call.uint(1))),
  ),
  openat2: emulated(
    (call) => openCall(call, call.int(0), 1, extensibleHow(call, call.arg(2), call.arg(3))),
    NO_PLACES,
  ),
  open_by_handle_at: {
    handle: () => refuse(ERRNO.EPERM),
    held: 'refused',
    residual: 'Always EPERM, also where the program has the capability for it.',
  },
} as const satisfies CallTable;
