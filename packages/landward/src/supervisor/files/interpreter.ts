/**
 * Which other files the kernel runs for a file: the interpreter of a script, the loader of an ELF program.
 *
 * Reads headers only, from a pinned file. Formats that somebody registered (binfmt_misc) are not known here.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { O } from '../../uapi/open.ts';
import { type Call, must, refuse } from '../call.ts';
import type { Place } from '../place.ts';
import { openAgain } from './again.ts';

const FLAGS = O[ARCH];
/** What the kernel reads of a file to know its format. */
const HEADER_BYTES = 256;
const PATH_MAX = 4096;
const MAX_PROGRAM_HEADERS = 1024;
const PT_INTERP = 3;
const NEWLINE = 10;

/** The next file that is run, and whether it may itself be a script. */
export interface Interpreter {
  readonly path: Uint8Array;
  readonly kind: 'script' | 'loader';
}

/**
 * Finds the interpreter of a file; `null` where it has none, or is in no format that is known here.
 *
 * @throws {Refused} EACCES where the file cannot be read: what it would run is not known
 */
export function interpreterOf(call: Call, place: Place): Interpreter | null {
  const fd = must(openAgain(call, place.fd, FLAGS.RDONLY | FLAGS.CLOEXEC | FLAGS.NONBLOCK));
  const header = readAt(fd, 0, HEADER_BYTES);
  if (header[0] === 0x23 && header[1] === 0x21) return scriptInterpreter(header);
  if (header[0] === 0x7f && header[1] === 0x45 && header[2] === 0x4c && header[3] === 0x46)
    return loader(fd, header);
  return null;
}

function readAt(fd: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, must(attempt('pread64', fd, bytes, length, offset)));
}

/** The first word after `#!`, as the kernel cuts it: a name that does not end in what it reads is no script. */
function scriptInterpreter(header: Uint8Array): Interpreter | null {
  const isBlank = (byte: number) => byte === 0x20 || byte === 0x09;
  const newline = header.indexOf(NEWLINE);
  const end = newline < 0 ? header.length : newline;
  let start = 2;
  while (start < end && isBlank(header[start]!)) start++;
  let stop = start;
  while (stop < end && !isBlank(header[stop]!) && header[stop] !== 0) stop++;
  if (stop === start) return null;
  if (newline < 0 && stop === HEADER_BYTES) refuse(ERRNO.ENOEXEC);
  return { path: header.slice(start, stop), kind: 'script' };
}

/** The path in the PT_INTERP header of a 64-bit or 32-bit program. */
function loader(fd: number, header: Uint8Array): Interpreter | null {
  if (header.length < 64 || header[5] !== 1) return null;
  const wide = header[4] === 2;
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const table = wide ? Number(view.getBigUint64(32, true)) : view.getUint32(28, true);
  const size = view.getUint16(wide ? 54 : 42, true);
  const count = view.getUint16(wide ? 56 : 44, true);
  // The kernel takes no other size of entry either.
  if (size !== (wide ? 56 : 32) || count === 0 || count > MAX_PROGRAM_HEADERS) return null;
  const rows = readAt(fd, table, size * count);
  const row = new DataView(rows.buffer, rows.byteOffset, rows.length);
  for (let at = 0; at + size <= rows.length; at += size) {
    if (row.getUint32(at, true) !== PT_INTERP) continue;
    const offset = wide ? Number(row.getBigUint64(at + 8, true)) : row.getUint32(at + 4, true);
    const length = wide ? Number(row.getBigUint64(at + 32, true)) : row.getUint32(at + 16, true);
    if (length < 2 || length > PATH_MAX) return null;
    const path = readAt(fd, offset, length);
    const end = path.indexOf(0);
    return end <= 0 ? null : { path: path.slice(0, end), kind: 'loader' };
  }
  return null;
}
