/**
 * The last step of opening: an open file that lacks a right is marked, and where the kernel can hold what it lacks, the
 * kernel is made to.
 *
 * `ioctl` runs in the kernel after the look at the descriptor, so a program with threads could exchange the descriptor in
 * between. A device that must not be controlled is therefore opened by a thread in a Landlock domain that has not got the
 * right: the kernel remembers that with the open file.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ImageBuilder, readSlot } from '../../kernel/image.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { fsMask } from '../../uapi/masks.ts';
import { AT_FDCWD, O } from '../../uapi/open.ts';
import { PR } from '../../uapi/prctl.ts';
import { becomeCaller } from '../as-caller.ts';
import type { Judgement } from '../authority.ts';
import { type Answer, type Call, must, refuse } from '../call.ts';
import type { Place } from '../place.ts';
import { holdsOpened, mark } from './marks.ts';

/** The Landlock ABI that knows `fs.ioctl_dev`. */
const IOCTL_DEV_ABI = 5;
const FLAGS = O[ARCH];

/** What was opened: a pinned place, or what was looked up of a new file. */
export type Opened = Pick<Place, 'dev' | 'ino' | 'type'> & { readonly fd?: number };

/**
 * Marks an open file and gives it out.
 *
 * @param fd owned by the call
 * @param flags that it was opened with
 * @param give makes the answer; the descriptor may be another one than `fd`
 */
export function handOut(
  call: Call,
  fd: number,
  at: Opened,
  flags: number,
  judgement: Judgement,
  give: (fd: number) => Answer,
): Answer {
  const device = at.type === 'char' || at.type === 'block';
  const uncontrolled = device && (judgement.lacking ?? []).includes('fs.ioctl_dev') && holdsOpened(call);
  if (!uncontrolled || call.run.plan.abi < IOCTL_DEV_ABI) {
    mark(call, fd, at, judgement);
    return give(fd);
  }
  return openBounded(call, fd, at, flags, (bounded) => {
    mark(call, bounded, at, judgement);
    return give(bounded);
  });
}

/** Opens again in a domain without the right. The target's permission was proven by the first opening. */
function openBounded(
  call: Call,
  fd: number,
  at: Opened,
  flags: number,
  give: (fd: number) => Answer,
): Answer {
  // A block device may be claimed by its first opener. A terminal is meant by the open file, not by the name.
  const block = at.type === 'block' && at.fd !== undefined;
  if (block) attempt('close', call.disown(fd));
  const attr = new BigUint64Array([BigInt(fsMask('fs.ioctl_dev'))]);
  const ruleset = call.own(must(attempt('landlock_create_ruleset', attr, attr.byteLength, 0)));
  const build = new ImageBuilder(ARCH);
  const result = build.slot(-1);
  const path = build.string(`/proc/self/fd/${block ? at.fd! : fd}`);
  const left = flags & ~(FLAGS.CREAT | FLAGS.TRUNC | FLAGS.NOFOLLOW | (block ? 0 : FLAGS.EXCL));
  build.step('prctl', [PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0], 'give up new privileges');
  build.step('landlock_restrict_self', [ruleset, 0], 'enter the domain');
  const becoming = becomeCaller(call, build);
  build.step('openat', [AT_FDCWD, path, left | FLAGS.CLOEXEC | FLAGS.NOCTTY, 0], 'open', { store: result });
  const image = build.build();
  return call.later({
    image,
    once: true,
    finish: ({ step, errno }) => {
      if (errno !== 0) return refuse(step < 2 + becoming.steps ? ERRNO.EACCES : errno);
      const bounded = call.own(must(readSlot(image, result)));
      return becoming.succeeded(image) ? give(bounded) : refuse(ERRNO.EACCES);
    },
  });
}
