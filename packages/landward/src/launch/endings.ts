/**
 * What ends a running program before its own time: a timeout, an abort signal, the time limit of its policy. Arms them and
 * notes which one it was; the ending itself is the tree's.
 */

import type { Tree } from './tree.ts';

/** Why a program was ended; set once it is. */
export interface Causes {
  timedOut: boolean;
  aborted: boolean;
}

/** The caller's part of it. Times in milliseconds. */
export interface EndingOptions {
  readonly signal?: AbortSignal;
  readonly timeout?: number;
  readonly killSignal?: NodeJS.Signals;
  readonly graceMs?: number;
}

const GRACE_MS = 5000;

/**
 * Arms the endings of a program.
 *
 * @param tree the program and all that it started
 * @param causes where the reason is noted
 * @param options the caller's wishes; `killSignal` is followed by SIGKILL `graceMs` later
 * @param limitMs the time limit of the policy, which ends everything at once
 * @returns what disarms them all
 */
export function armEndings(
  tree: Tree,
  causes: Causes,
  options: EndingOptions,
  limitMs: number | undefined,
): () => void {
  const { signal, timeout, killSignal = 'SIGTERM', graceMs = GRACE_MS } = options;
  const timers: Disposable[] = [];
  const end = () => {
    tree.end(killSignal);
    timers.push(startTimer(graceMs, () => tree.kill()));
  };
  const abort = () => {
    causes.aborted = true;
    end();
  };
  const after = (ms: number | undefined, then: () => void) => {
    if (ms === undefined) return;
    timers.push(
      startTimer(ms, () => {
        causes.timedOut = true;
        then();
      }),
    );
  };
  after(timeout, end);
  after(limitMs, () => tree.kill());
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  return () => {
    for (const timer of timers) timer[Symbol.dispose]();
    signal?.removeEventListener('abort', abort);
  };
}

/** The longest time that a timer of Node takes, milliseconds; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Calls back once after a time of any length, unless it is disposed of before.
 *
 * @param ms milliseconds
 */
export function startTimer(ms: number, then: () => void): Disposable {
  const end = performance.now() + ms;
  let timer: NodeJS.Timeout;
  const arm = () => {
    const left = Math.max(0, end - performance.now());
    timer = setTimeout(left > LONGEST_MS ? arm : then, Math.min(left, LONGEST_MS));
  };
  arm();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
