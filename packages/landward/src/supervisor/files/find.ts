/**
 * Calls that tell that something is there without telling what: changing directory, watches, handles.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD } from '../../uapi/open.ts';
import {
  type Answer,
  type Call,
  type CallRow,
  type CallTable,
  CONTINUE,
  DONE,
  outcome,
  refuse,
} from '../call.ts';
import { ATTRIBUTE_CALLS } from './attributes.ts';
import { descriptorPath } from './look.ts';
import { READ_LINK_CALLS } from './read-link.ts';
import { resolve } from './resolve.ts';
import { seen } from './seen.ts';
import { STAT_CALLS } from './stat.ts';

const IN = { ONLYDIR: 0x0100_0000, DONT_FOLLOW: 0x0200_0000 } as const;
/** `struct file_handle`: how many bytes follow, their type, the bytes. */
const HANDLE = { head: 8, max: 128 } as const;
/** Flags of name_to_handle_at: an identifier of 64 bits for the mount. */
const MNT_ID_UNIQUE = 1;
const HANDLE_FLAGS = AT.SYMLINK_FOLLOW | AT.EMPTY_PATH | 0x200 | MNT_ID_UNIQUE | 2;

/** Nobody can change somebody else's directory: it is looked for, and the kernel goes there. */
function enter(call: Call): Answer {
  const at = resolve(call, AT_FDCWD, call.target.readPath(call.arg(0)), { directory: true });
  if (at.type !== 'dir') return refuse(ERRNO.ENOTDIR);
  const triggers = [call.name === 'chroot' ? 'chroot' : 'chdir'] as const;
  const errno = call.run.authority.besides?.(call, { kind: 'pick', at, triggers, gets: true }).errno ?? 0;
  return errno === 0 ? CONTINUE : refuse(errno);
}

/** Told also where nothing is hidden: what absolute paths mean changes. */
function changeRoot(call: Call): Answer {
  call.target.changesRoot();
  return call.run.plan.supervisor.groups.includes('find') ? enter(call) : CONTINUE;
}

/** A duplicate of the target's instance takes the watch: the number is valid for the target. */
function watch(call: Call): Answer {
  const mask = call.uint(2);
  const instance = call.target.fd(call.int(0));
  const look = { follow: (mask & IN.DONT_FOLLOW) === 0, directory: (mask & IN.ONLYDIR) !== 0 };
  const fd = seen(call, AT_FDCWD, 1, look);
  const wanted = mask & ~IN.DONT_FOLLOW;
  return outcome(
    call.target.as(() => attempt('inotify_add_watch', instance, descriptorPath(fd), wanted >>> 0)),
  );
}

function handle(call: Call): Answer {
  const flags = call.uint(4);
  if ((flags & ~HANDLE_FLAGS) !== 0) refuse(ERRNO.EINVAL);
  const look = { follow: (flags & AT.SYMLINK_FOLLOW) !== 0, emptyPath: (flags & AT.EMPTY_PATH) !== 0 };
  const fd = seen(call, call.int(0), 1, look);
  const { target } = call;
  const head = target.read(call.arg(2), HANDLE.head);
  const room = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
  if (room > HANDLE.max) refuse(ERRNO.EINVAL);
  const bytes = new Uint8Array(HANDLE.head + room);
  bytes.set(head);
  const mount = new Uint8Array(flags & MNT_ID_UNIQUE ? 8 : 4);
  const asked = (flags & ~AT.SYMLINK_FOLLOW) | AT.EMPTY_PATH;
  const result = target.as(() => attempt('name_to_handle_at', fd, new Uint8Array(1), bytes, mount, asked));
  if (result < 0 && result !== -ERRNO.EOVERFLOW) return outcome(result);
  target.write(call.arg(3), mount);
  target.write(call.arg(2), result < 0 ? bytes.subarray(0, HANDLE.head) : bytes);
  return result < 0 ? outcome(result) : DONE;
}

const DIRECTORY =
  'A thread that changes the path in between can learn whether a hidden directory exists; what is looked for from there is hidden all the same.';
const MOUNTS = 'EPERM while places are hidden: it would open them, or tell whether they are there.';
const EVENTS = 'Events in a watched directory tell the names of hidden files that are used meanwhile.';

const mounts: CallRow = { handle: () => refuse(ERRNO.EPERM), held: 'refused', residual: MOUNTS };

/** Handlers of the group `find`, but for opening. */
export const FIND_CALLS = {
  ...STAT_CALLS,
  ...READ_LINK_CALLS,
  ...ATTRIBUTE_CALLS,
  chdir: { handle: enter, held: 'verified', residual: DIRECTORY },
  chroot: { handle: changeRoot, held: 'verified', residual: DIRECTORY },
  inotify_add_watch: { handle: watch, held: 'emulated', residual: EVENTS },
  name_to_handle_at: { handle, held: 'emulated', residual: '' },
  fanotify_mark: {
    handle: () => refuse(ERRNO.EPERM),
    held: 'refused',
    residual: 'EPERM while places are hidden: its events would tell of them.',
  },
  open_tree: mounts,
  open_tree_attr: mounts,
  fspick: mounts,
  mount_setattr: mounts,
  ustat: { handle: () => CONTINUE, held: 'registers', residual: '' },
} as const satisfies CallTable;
