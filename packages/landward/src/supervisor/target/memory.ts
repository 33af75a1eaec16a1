/**
 * The memory of a target, copied. Owns what a refusal becomes: a hole is the target's error, memory that must not be looked
 * into is a denial, never a guess.
 *
 * No copy waits: pages that somebody else has to fill (userfaultfd) are refused to confined programs.
 */

import { readMemory, readString, writeMemory } from '../../kernel/memory.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { refuse, Unreadable } from '../call.ts';

/** With the NUL. */
const PATH_MAX = 4096;

export class Memory {
  readonly #path = new Uint8Array(PATH_MAX);

  /** Copies what is readable before the first hole. */
  readSome(tid: number, address: number, length: number): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    const bytes = new Uint8Array(length);
    const count = readMemory(tid, within(address), bytes, length);
    if (count === -ERRNO.EFAULT) return new Uint8Array(0);
    return count < 0 ? unreadable(count) : bytes.subarray(0, count);
  }

  read(tid: number, address: number, length: number): Uint8Array {
    const bytes = this.readSome(tid, address, length);
    return bytes.length === length ? bytes : refuse(ERRNO.EFAULT);
  }

  /** The bytes before a NUL. */
  readPath(tid: number, address: number): Uint8Array {
    const length = readString(tid, within(address), this.#path);
    return length < 0 ? unreadable(length) : this.#path.slice(0, length);
  }

  write(tid: number, address: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const count = writeMemory(tid, within(address), bytes);
    if (count < 0) unreadable(count);
    if (count !== bytes.length) refuse(ERRNO.EFAULT);
  }
}

/** No memory is where a number is not exact any more. */
function within(address: number): number {
  return address <= Number.MAX_SAFE_INTEGER ? address : refuse(ERRNO.EFAULT);
}

function unreadable(result: number): never {
  switch (-result) {
    case ERRNO.EFAULT:
    case ERRNO.ENAMETOOLONG:
    case ERRNO.ESRCH:
      return refuse(-result);
    default:
      throw new Unreadable(ERRNO.EPERM);
  }
}
