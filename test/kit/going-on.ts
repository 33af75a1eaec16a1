/**
 * Programs under landward that go on while a test asks about them: started from the sources, with a registry of their own,
 * spoken to line by line, and ended with the test.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { type ChildOptions, type ChildResult, runChild } from './child.ts';
import { root } from './needs.ts';
import { type Ending, temporaryDirectory } from './temporary.ts';

const LANDWARD = join(root, 'test/kit/landward.ts');

/** A program that goes on. */
export interface GoingOn {
  /** The number of landward's own process. */
  readonly pid: number;
  /** Sends a line to the program. */
  say(line: string): void;
  /** The next line that the program prints. */
  line(): Promise<string>;
  /** Ends landward at once. */
  kill(): Promise<void>;
}

export interface Owner {
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs a program under landward: the words behind `landward`. */
  start(...words: string[]): GoingOn;
  /** Runs a module as it is, under nothing. */
  startScript(...words: string[]): GoingOn;
  /** Runs a command of landward to its end. */
  landward(words: readonly string[], options?: ChildOptions): Promise<ChildResult>;
}

/** Somebody with a directory and a registry of their own. */
export function owner(t: Ending): Owner {
  const directory = temporaryDirectory(t, 'owner');
  const state = temporaryDirectory(t, 'owner-state');
  const env = { ...process.env, XDG_STATE_HOME: state };
  const start = (command: readonly string[]): GoingOn => {
    const stdio: ['pipe', 'pipe', 'ignore'] = ['pipe', 'pipe', 'ignore'];
    const child = spawn(process.execPath, command, { cwd: directory, env, stdio });
    t.after(() => void child.kill('SIGKILL'));
    return goingOn(child);
  };
  return {
    directory,
    env,
    start: (...words) => start([LANDWARD, ...words]),
    startScript: (...words) => start(words),
    landward: (words, options) =>
      runChild(process.execPath, [LANDWARD, ...words], { cwd: directory, env, ...options }),
  };
}

function goingOn(child: ChildProcessByStdio<Writable, Readable, null>): GoingOn {
  const over = new Promise<void>((done) => child.once('close', () => done()));
  const lines: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  let text = '';
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      const next = waiting.shift();
      if (next === undefined) lines.push(line);
      else next(line);
    }
  });
  return {
    pid: child.pid!,
    say: (line) => void child.stdin.write(`${line}\n`),
    line: () =>
      lines.length > 0
        ? Promise.resolve(lines.shift()!)
        : Promise.race([
            new Promise<string>((resolve) => waiting.push(resolve)),
            over.then(() => Promise.reject(new Error('the program has ended'))),
          ]),
    async kill() {
      child.kill('SIGKILL');
      await over;
    },
  };
}
