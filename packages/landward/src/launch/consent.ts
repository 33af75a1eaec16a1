/** A person's yes at the terminal, and running a command of the registry again. Owns no decision: silence is a no. */

import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { RunRecord } from '../audit/registry/record.ts';
import { packageRoot } from '../kernel/native.ts';
import { printError } from './output.ts';

/**
 * Asks at the terminal.
 *
 * @returns whether the answer was yes; no where there is no terminal
 */
export function confirm(question: string): boolean {
  let terminal: number;
  try {
    terminal = openSync('/dev/tty', 'r');
  } catch {
    printError('landward: there is no terminal to ask at; --yes writes without asking\n');
    return false;
  }
  try {
    printError(`${question} [y/N] `);
    const answer = Buffer.alloc(64);
    return /^y(es)?$/i.test(answer.toString('utf8', 0, readSync(terminal, answer)).trim());
  } finally {
    closeSync(terminal);
  }
}

/** Runs the command of a run again, with the words that it was run with; returns its exit status. */
export function rerun({ words, command, cwd }: RunRecord): number {
  const main = join(packageRoot(), 'bin/landward.js');
  const { status, signal, error } = spawnSync(process.execPath, [main, 'run', ...words, '--', ...command], {
    cwd,
    stdio: 'inherit',
  });
  if (error !== undefined) throw error;
  return status ?? 128 + constants.signals[signal!];
}
