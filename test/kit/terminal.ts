/**
 * Runs a program as the foreground job of a fresh pseudo-terminal, through Python's `pty`, and returns what it wrote.
 * For programs that end by themselves; a dialogue with a program is another thing.
 */

import { type ChildOptions, type ChildResult, runChild } from './child.ts';

const RELAY = `
import os, pty, sys
def read(fd):
    return os.read(fd, 65536)
status = pty.spawn(sys.argv[1:], read)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
`;

/** Runs a command in a pseudo-terminal; `stdout` holds all that it wrote there, with the terminal's line ends. */
export function runInTerminal(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildResult> {
  return runChild('python3', ['-c', RELAY, command, ...args], options);
}
