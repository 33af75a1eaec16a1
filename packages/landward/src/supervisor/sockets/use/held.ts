/**
 * A descriptor that is read or written under layers that ask at each use: pinned, asked about where it is a network socket, and
 * used as it was asked about.
 *
 * Nothing is left to the kernel to run, whatever the descriptor is: between a look and the kernel's own, another thread could put
 * a socket in its place that would have been refused. Owns how an operation is performed here, now or on another thread.
 */

import { ARCH, attempt } from '../../../kernel/call.ts';
import { ImageBuilder, type Place, readSlot, type StepArg } from '../../../kernel/image.ts';
import { native } from '../../../kernel/native.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { AT } from '../../../uapi/open.ts';
import { AF, SO } from '../../../uapi/socket.ts';
import type { SyscallName } from '../../../uapi/syscalls.ts';
import { type Answer, type Call, must } from '../../call.ts';
import { lookAt, option, receiveTimeout, sendTimeout } from '../socket.ts';
import { askUse } from '../use-questions.ts';
import { interruption } from '../waiting.ts';

const MODE_AT = 28;
const STATX_TYPE = 1;
const TYPES = { mask: 0o170_000, reg: 0o100_000, dir: 0o040_000, block: 0o060_000 } as const;
const facts = new DataView(new ArrayBuffer(256));

/** What is moved at once: of a file, and of what can make a thread wait with it. */
const MOST = { file: 4 * 1024 * 1024, other: 256 * 1024, message: 1024 * 1024 } as const;

/** A pinned descriptor. */
export interface HeldFile {
  readonly fd: number;
  readonly isSocket: boolean;
  /** Whether it is a regular file, whose size the target may have a limit for. */
  readonly isFile: boolean;
  /** Whether using it can take as long as somebody else likes. */
  readonly waits: boolean;
  /** How many bytes one operation moves at most here. */
  readonly most: number;
}

/** Whether each use of a descriptor is asked about in this run. */
export function asksUses(call: Call): boolean {
  return call.run.plan.supervisor.groups.includes('use');
}

/**
 * Pins a descriptor of the target and asks about its use.
 *
 * @throws {Refused} EBADF, and what the authority says
 */
export function holdFor(call: Call, number: number, use: 'send' | 'receive'): HeldFile {
  const fd = call.target.fd(number);
  const domain = option(fd, SO.DOMAIN);
  if (domain >= 0 && domain !== AF.UNIX) askUse(call, lookAt(fd, number), use);
  const isSocket = domain >= 0;
  must(attempt('statx', fd, Uint8Array.of(0), AT.EMPTY_PATH, STATX_TYPE, facts));
  const type = facts.getUint16(MODE_AT, true) & TYPES.mask;
  const quick = type === TYPES.reg || type === TYPES.dir || type === TYPES.block;
  return {
    fd,
    isSocket,
    isFile: type === TYPES.reg,
    // O_NONBLOCK is no promise: who shares the open file can take it away while it is used here.
    waits: !quick,
    most: quick ? MOST.file : isSocket ? MOST.message : MOST.other,
  };
}

/** An operation laid out: its step's arguments, made from an image. */
export interface Operation<T> {
  readonly name: SyscallName;
  readonly lay: (build: ImageBuilder) => { readonly args: readonly StepArg[]; readonly places: T };
  /** Fills what is in the places before the operation. */
  readonly fill?: (view: (place: Place, length: number) => DataView, places: T) => void;
  /** Makes the answer of the result, `-errno` for an error. */
  readonly finish: (result: number, view: (place: Place, length: number) => DataView, places: T) => Answer;
}

/**
 * Performs an operation.
 *
 * @param waits whether it may wait, and so belongs on another thread
 * @param limited the descriptor whose time limit decides what a signal answers
 */
export function performUse<T>(
  call: Call,
  { name, lay, fill, finish }: Operation<T>,
  waits: boolean,
  limited?: { readonly fd: number; readonly sends: boolean },
): Answer {
  const build = new ImageBuilder(ARCH);
  const slot = build.slot();
  const { args, places } = lay(build);
  build.step(name, args, name, { store: slot, okErrno: 'any' });
  const image = build.build();
  const view = (place: Place, length: number) =>
    new DataView(image.bytes.buffer, image.bytes.byteOffset + image.data + place.at, length);
  fill?.(view, places);
  if (!waits) {
    call.target.as(() => native().apply(image.bytes));
    return finish(readSlot(image, slot), view, places);
  }
  return call.later({
    image,
    finish: ({ errno }) => {
      const result = errno === 0 ? readSlot(image, slot) : -errno;
      if (result === -ERRNO.EINTR) {
        const limit =
          limited === undefined ? null : limited.sends ? sendTimeout(limited.fd) : receiveTimeout(limited.fd);
        return interruption(call, limit !== null);
      }
      return finish(result, view, places);
    },
  });
}

/** The bytes of a place. */
export function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
}
