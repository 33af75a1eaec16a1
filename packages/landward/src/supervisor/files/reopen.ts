/**
 * Opening a pinned object for real, without ever waiting: what may wait is handed over.
 *
 * The object is opened again through its descriptor, so it is the one that was decided on, whatever its name means now.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ImageBuilder, readSlot } from '../../kernel/image.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AT, AT_FDCWD, F, O } from '../../uapi/open.ts';
import { becomeCaller } from '../as-caller.ts';
import { type Answer, type Call, must, refuse } from '../call.ts';
import type { Place } from '../place.ts';
import { openAgain } from './again.ts';
import { accessMode } from './open-how.ts';
import { deviceOf, isTerminal, TERMINAL } from './terminal.ts';

const FLAGS = O[ARCH];
/** Major numbers of devices whose opening never waits: memory, and the multiplexer of pseudo terminals. */
const READY_MAJORS = new Set([1, 5]);
/**
 * The device through which a program serves a file system. Looking anything up there waits for the program, whose own calls
 * wait for this thread.
 */
const FUSE = { major: 10, minor: 229 } as const;

/**
 * Opens.
 *
 * @param flags of the call; those that found or make the object are left out here
 * @param opened makes the answer from the descriptor, which the call owns
 */
export function reopen(call: Call, place: Place, flags: number, opened: (fd: number) => Answer): Answer {
  const wanted = (flags & ~(FLAGS.CREAT | FLAGS.EXCL | FLAGS.NOFOLLOW)) | FLAGS.CLOEXEC | FLAGS.NOCTTY;
  switch (place.type) {
    case 'reg':
      return patient(call, place, wanted, opened);
    case 'fifo':
      return openFifo(call, place, wanted, opened);
    case 'char':
    case 'block':
      return openDevice(call, place, wanted, opened);
    default:
      return opened(must(openAgain(call, place.fd, wanted)));
  }
}

/** Opens what only waits where somebody holds a lease, or not at all: tries, and hands over what would wait. */
function patient(call: Call, place: Place, flags: number, opened: (fd: number) => Answer): Answer {
  if (flags & FLAGS.NONBLOCK) return opened(must(openAgain(call, place.fd, flags)));
  const fd = openAgain(call, place.fd, flags | FLAGS.NONBLOCK);
  if (fd === -ERRNO.EAGAIN) return waiting(call, place, flags, opened);
  must(fd);
  must(attempt('fcntl', fd, F.SETFL, flags & ~FLAGS.NONBLOCK));
  return opened(fd);
}

function openFifo(call: Call, place: Place, flags: number, opened: (fd: number) => Answer): Answer {
  const access = flags & FLAGS.ACCMODE;
  if (flags & FLAGS.NONBLOCK || access === FLAGS.RDWR) return opened(must(openAgain(call, place.fd, flags)));
  if (access !== FLAGS.WRONLY) return waiting(call, place, flags, opened);
  const fd = openAgain(call, place.fd, flags | FLAGS.NONBLOCK);
  if (fd === -ERRNO.ENXIO) return waiting(call, place, flags, opened);
  must(fd);
  must(attempt('fcntl', fd, F.SETFL, flags & ~FLAGS.NONBLOCK));
  return opened(fd);
}

function openDevice(call: Call, place: Place, flags: number, opened: (fd: number) => Answer): Answer {
  const device = deviceOf(place.fd);
  if (place.type === 'char' && device.major === TERMINAL.major && device.minor === TERMINAL.minor)
    return opened(TERMINAL.open(call, flags));
  if (place.type === 'char' && device.major === FUSE.major && device.minor === FUSE.minor)
    return refuse(ERRNO.ENODEV);
  const ready = place.type === 'char' && (READY_MAJORS.has(device.major) || isTerminal(device));
  if (ready || flags & FLAGS.NONBLOCK) return opened(must(openAgain(call, place.fd, flags)));
  return waiting(call, place, flags, opened);
}

/** Opens on another thread, after the permissions of the target have been checked here. */
function waiting(call: Call, place: Place, flags: number, opened: (fd: number) => Answer): Answer {
  const empty = new Uint8Array(1);
  const mode = accessMode(flags);
  must(call.target.as(() => attempt('faccessat2', place.fd, empty, mode, AT.EMPTY_PATH | AT.EACCESS)));
  const build = new ImageBuilder(ARCH);
  // What a driver asks of its opener, it asks of that thread.
  const becoming = becomeCaller(call, build);
  const fd = build.slot(-1);
  const path = build.string(`/proc/self/fd/${place.fd}`);
  build.step('openat', [AT_FDCWD, path, flags, 0], 'open', { store: fd, okErrno: 'any' });
  const image = build.build();
  return call.later({
    image,
    once: becoming.once,
    finish: ({ step, errno }) => {
      if (errno !== 0) refuse(step < becoming.steps ? ERRNO.EPERM : errno);
      const opening = call.own(must(readSlot(image, fd)));
      return becoming.succeeded(image) ? opened(opening) : refuse(ERRNO.EPERM);
    },
  });
}
