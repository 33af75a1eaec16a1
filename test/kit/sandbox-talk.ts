/**
 * A program in a sandbox that is talked to: a shell, or Python, that runs what it is told and answers. For tests of what changes
 * while a program runs.
 */

import type { Running, Sandbox } from '../../packages/landward/src/index.ts';

/** Directories that every interpreter here needs, as a policy has them. */
export const SYSTEM = ['/usr', '/bin', '/lib', '/lib64', '/etc', '/dev', '/proc'] as const;
/** A policy under which interpreters run, with the trees of a test besides. */
export function basePolicy(...trees: readonly string[]) {
  return {
    fs: {
      read: [...SYSTEM.map((path) => ({ path, missing: 'optional' as const })), ...trees],
      exec: ['/usr', '/bin', '/lib', '/lib64'].map((path) => ({ path, missing: 'optional' as const })),
      modify: [...trees],
      create: [...trees],
      device: ['/dev/null'],
    },
    env: { set: { PYTHONDONTWRITEBYTECODE: '1' } },
  };
}

/** What a limit needs for the interpreters themselves. */
export const LIMIT_SYSTEM = {
  read: SYSTEM.map((path) => ({ path, missing: 'optional' as const })),
  exec: ['/usr', '/bin', '/lib', '/lib64'].map((path) => ({ path, missing: 'optional' as const })),
};

const PYTHON = `
import ctypes, errno, json, mmap, os, signal, socket, sys, threading, time
def tried(act):
    try:
        return act()
    except OSError as error:
        return errno.errorcode[error.errno]
for line in sys.stdin:
    try:
        answer = tried(lambda: eval(line))
    except SyntaxError:
        answer = tried(lambda: exec(line, globals()))
    print(json.dumps(answer, default=str), flush=True)
`;

/** A Python that evaluates a line at a time: an OSError answers with the errno's name. */
export class Talk implements AsyncDisposable {
  readonly running: Running;
  readonly #waiting: ((answer: unknown) => void)[] = [];
  #rest = '';
  #over = false;

  constructor(sandbox: Sandbox) {
    this.running = sandbox.spawn('/usr/bin/python3', ['-I', '-S', '-c', PYTHON], {
      reject: false,
      capture: false,
      timeout: 60_000,
    });
    this.running.stdout!.on('data', (piece: Buffer) => {
      const lines = (this.#rest + piece.toString()).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) this.#waiting.shift()?.(JSON.parse(line));
    });
    this.running.stderr!.on('data', (piece: Buffer) => process.stderr.write(piece));
    this.running.stdin!.on('error', () => {});
    this.running.stdout!.on('close', () => {
      this.#over = true;
      for (const waiting of this.#waiting.splice(0)) waiting('the program is over');
    });
  }

  /** Evaluates an expression, or runs a statement of one line. */
  ask(line: string): Promise<unknown> {
    if (line.includes('\n')) throw new Error('one line at a time');
    if (this.#over) return Promise.resolve('the program is over');
    return new Promise((answer) => {
      this.#waiting.push(answer);
      this.running.stdin!.write(`${line}\n`);
    });
  }

  /** What is answered to each. */
  async all(...lines: readonly string[]): Promise<readonly unknown[]> {
    return Promise.all(lines.map((line) => this.ask(line)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.running.stdin!.end();
    await this.running;
  }
}
