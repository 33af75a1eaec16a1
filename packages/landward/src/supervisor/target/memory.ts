/**
 * The memory of another process, copied. Owns the copying and the form of paths; what is read may have changed a moment
 * later, so nobody reads a thing twice.
 *
 * No step here waits: pages that somebody else has to fill (userfaultfd) are refused to confined programs.
 */

import { ARCH } from '../../kernel/call.ts';
import { ImageBuilder, readSlot } from '../../kernel/image.ts';
import { native } from '../../kernel/native.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { refuse } from '../call.ts';

const BUFFER_BYTES = 64 * 1024;
const PAGE_BYTES = 4096;
/** With the NUL. */
const PATH_MAX = 4096;
/** The size of an iovec, and where its fields are. */
const IOVEC = { base: 0, length: 8, bytes: 16 } as const;

/** One call of process_vm_readv or process_vm_writev, laid out once. */
function transfer(name: 'process_vm_readv' | 'process_vm_writev') {
  const build = new ImageBuilder(ARCH);
  const pid = build.slot();
  const result = build.slot();
  const local = build.reserve(IOVEC.bytes);
  const remote = build.reserve(IOVEC.bytes);
  const buffer = build.reserve(BUFFER_BYTES);
  build.point(local, IOVEC.base, buffer);
  build.step(name, [pid, local, 1, remote, 1, 0], name, { store: result, okErrno: 'any' });
  const image = build.build();
  const view = new DataView(image.bytes.buffer);
  const at = image.data;
  return {
    buffer: image.bytes.subarray(at + buffer.at, at + buffer.at + BUFFER_BYTES),
    /** Moves up to `length` bytes; the count that could be moved, or `-errno`. */
    move(tid: number, address: number, length: number): number {
      if (address > Number.MAX_SAFE_INTEGER) return -ERRNO.EFAULT;
      view.setInt32(at + pid.at, tid, true);
      view.setBigUint64(at + local.at + IOVEC.length, BigInt(length), true);
      view.setBigUint64(at + remote.at + IOVEC.base, BigInt(address), true);
      view.setBigUint64(at + remote.at + IOVEC.length, BigInt(length), true);
      native().apply(image.bytes);
      return readSlot(image, result);
    },
  };
}

/** Memory of any process that this thread may look into. */
export class Memory {
  readonly #in = transfer('process_vm_readv');
  readonly #out = transfer('process_vm_writev');

  /** Copies what is readable before the first hole. */
  readSome(tid: number, address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const wanted = Math.min(length - done, BUFFER_BYTES);
      const count = this.#in.move(tid, address + done, wanted);
      if (count < 0) checkReadable(count);
      if (count <= 0) break;
      bytes.set(this.#in.buffer.subarray(0, count), done);
      done += count;
      if (count < wanted) break;
    }
    return done === length ? bytes : bytes.subarray(0, done);
  }

  read(tid: number, address: number, length: number): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    const bytes = this.readSome(tid, address, length);
    return bytes.length === length ? bytes : refuse(ERRNO.EFAULT);
  }

  /** The bytes before a NUL. Reads page by page, since a path may lie at the end of what is mapped. */
  readPath(tid: number, address: number): Uint8Array {
    let path: Uint8Array | undefined;
    let done = 0;
    while (done < PATH_MAX) {
      const room = PAGE_BYTES - ((address + done) % PAGE_BYTES);
      const wanted = Math.min(room, PATH_MAX - done);
      const count = this.#in.move(tid, address + done, wanted);
      if (count < 0) checkReadable(count);
      if (count <= 0) refuse(ERRNO.EFAULT);
      const end = this.#in.buffer.subarray(0, count).indexOf(0);
      const piece = this.#in.buffer.slice(0, end < 0 ? count : end);
      path = path === undefined ? piece : joined(path, piece);
      if (end >= 0) return path;
      if (count < wanted) refuse(ERRNO.EFAULT);
      done += count;
    }
    return refuse(ERRNO.ENAMETOOLONG);
  }

  write(tid: number, address: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const piece = bytes.subarray(done, done + BUFFER_BYTES);
      this.#out.buffer.set(piece);
      const count = this.#out.move(tid, address + done, piece.length);
      if (count < 0) checkReadable(count);
      if (count !== piece.length) refuse(ERRNO.EFAULT);
      done += count;
    }
  }
}

/** A hole is the target's error; memory that must not be looked into is a denial, never a guess. */
function checkReadable(result: number): void {
  if (result === -ERRNO.EFAULT) refuse(ERRNO.EFAULT);
  if (result === -ERRNO.ESRCH) refuse(ERRNO.ESRCH);
  refuse(ERRNO.EPERM);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
