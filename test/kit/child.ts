/**
 * Runs a program and collects what it did. Whatever restricts itself runs through here, never in the test process.
 * Does not judge: a status other than zero is a result, not an error.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './needs.ts';

export interface ChildResult {
  /** The exit status, or `null` after a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Milliseconds after which the process is killed and `timedOut` is true. Default 60,000. */
  readonly timeout?: number;
  /** Descriptors of this process that the program gets as 3, 4 and so on. */
  readonly fds?: readonly number[];
  /** Called once the process exists. */
  readonly started?: (child: ChildProcess) => void;
}

/** Runs a command to its end. Rejects only when it cannot be started at all. */
export function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildResult> {
  return new Promise((done, refuse) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe', ...(options.fds ?? [])],
    });
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeout ?? 60_000);
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin!.on('error', () => {}); // A program may end without reading its input.
    child.stdin!.end(options.input ?? '');
    child.once('error', (error) => {
      clearTimeout(timer);
      refuse(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      done({ code, signal, stdout, stderr, timedOut });
    });
    options.started?.(child);
  });
}

/** The command line of the clone: what `npx landward` runs. */
export const landwardBin = join(root, 'packages/landward/bin/landward.js');

/** Runs `landward` with these arguments, on the Node that runs the tests. */
export function runLandward(args: readonly string[], options: ChildOptions = {}): Promise<ChildResult> {
  return runChild(process.execPath, [landwardBin, ...args], options);
}

/** Runs TypeScript text as a module in a child, with its imports relative to the root of the clone. */
export function runScript(
  text: string,
  args: readonly string[] = [],
  options: ChildOptions = {},
): Promise<ChildResult> {
  return runChild(process.execPath, ['--input-type=module-typescript', '-e', text, '--', ...args], {
    cwd: root,
    ...options,
  });
}
