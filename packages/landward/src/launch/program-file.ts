/**
 * Reading an object file of policy programs: a regular file of a bounded size, never a pipe that blocks.
 *
 * Owns no judgement of what is in it. A file that others can write may only narrow what a person allows, but could narrow less
 * tomorrow, so that it is refused as a policy file would be.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { LandwardError, type Position } from '../errors.ts';
import { distrustOf } from './policy-file.ts';

/** Bytes of an object file. */
const MAX_BYTES = 1 << 20;

/** @throws LandwardError PROGRAM_INVALID */
export function readProgramFile(path: string, at?: Position): Uint8Array {
  const refuse = (why: string, cause?: unknown): never => {
    throw new LandwardError('PROGRAM_INVALID', `The program file ${JSON.stringify(path)} ${why}`, {
      part: path,
      at,
      cause,
    });
  };
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return refuse(`cannot be read: ${(error as NodeJS.ErrnoException).code}`, error);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) refuse('is no regular file');
    const distrust = distrustOf(stat);
    if (distrust !== undefined) refuse(`cannot be trusted: ${distrust}`);
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(fd, bytes, length, bytes.length - length, length);
    if (length > MAX_BYTES) refuse(`has more than ${MAX_BYTES} bytes`);
    return Uint8Array.from(bytes.subarray(0, length));
  } finally {
    closeSync(fd);
  }
}
