/**
 * Where the commands write: descriptors 1 and 2, directly and completely, without the stream objects of Node, which
 * would change the file descriptions that a started program shares. A closed reader ends the command quietly.
 */

import { writeSync } from 'node:fs';

/** Writes to standard output. */
export function print(text: string): void {
  write(1, text);
}

/** Writes to standard error. */
export function printError(text: string): void {
  write(2, text);
}

function write(fd: number, text: string): void {
  let bytes: Uint8Array = new TextEncoder().encode(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      else if (code === 'EPIPE' && fd === 1) process.exit(process.exitCode ?? 0);
      else return;
    }
  }
}
