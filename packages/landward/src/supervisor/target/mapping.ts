/**
 * What a process has mapped at an address, from `/proc/PID/maps`. Owns the reading, to its end: a program can have any number
 * of mappings before the one that is looked for.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { AT_FDCWD, O } from '../../uapi/open.ts';
import { pathBytes } from './proc.ts';

const PIECE = 1 << 16;

/** A mapped file as the kernel tells of it. */
export interface Mapping {
  readonly path: string;
  readonly ino: bigint;
}

/** The mapping that begins at an address; `null` where none does, or one without a file. */
export function mappingAt(pid: number, address: bigint): Mapping | null {
  const path = pathBytes(`/proc/${pid}/maps`);
  const fd = attempt('openat', AT_FDCWD, path, O[ARCH].RDONLY | O[ARCH].CLOEXEC, 0);
  if (fd < 0) return null;
  try {
    return findMapping(pieces(fd), address);
  } finally {
    attempt('close', fd);
  }
}

function* pieces(fd: number): Iterable<Uint8Array> {
  const bytes = new Uint8Array(PIECE);
  for (let count = attempt('read', fd, bytes, PIECE); count > 0; count = attempt('read', fd, bytes, PIECE))
    yield bytes.subarray(0, count);
}

/**
 * Finds a mapping in the text of a maps file.
 *
 * @param text in pieces, which end anywhere; mappings in the order of their addresses
 */
export function findMapping(text: Iterable<Uint8Array>, address: bigint): Mapping | null {
  let rest: Buffer = Buffer.alloc(0);
  for (const piece of text) {
    const bytes = Buffer.concat([rest, piece]);
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; from = end + 1, end = bytes.indexOf(10, from)) {
      const dash = bytes.indexOf(45, from);
      const start = BigInt(`0x${bytes.toString('latin1', from, dash)}`);
      if (start > address) return null;
      if (start === address) return mappingOf(bytes.toString('utf8', from, end));
    }
    rest = Buffer.from(bytes.subarray(from));
  }
  return null;
}

function mappingOf(line: string): Mapping | null {
  const match = /^\S+ \S+ \S+ \S+ (\d+)\s+(\/.*)$/.exec(line);
  return match === null ? null : { ino: BigInt(match[1]!), path: match[2]! };
}
