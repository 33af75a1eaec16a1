/**
 * A full screen in a terminal: the other screen while it lasts, and everything as it was afterwards, however it ends.
 *
 * Owns the control sequences and the keys; what is drawn comes as lines that are safe to show.
 */

import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty, ReadStream } from 'node:tty';
import { windowSize } from '../../kernel/tty.ts';
import type { ScreenSize } from './top.ts';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';

/** Whether there is a terminal to draw on. */
export function hasTerminal(): boolean {
  return isatty(1);
}

/**
 * Draws until the signal aborts or a person presses q or Ctrl-C.
 *
 * @param lines the lines for a screen of a size
 * @param interval milliseconds between two drawings
 */
export async function drawUntil(
  lines: (size: ScreenSize) => readonly string[],
  interval: number,
  signal: AbortSignal,
): Promise<void> {
  const input = isatty(0) ? new ReadStream(0) : undefined;
  const quit = new AbortController();
  const stop = AbortSignal.any([signal, quit.signal]);
  let redraw = new AbortController();
  const leave = () => {
    input?.setRawMode(false);
    writeSync(1, LEAVE);
  };
  // Also where an error ends the process.
  process.once('exit', leave);
  const resized = () => redraw.abort();
  process.on('SIGWINCH', resized);
  input?.setRawMode(true);
  input?.on('data', (keys: Buffer) => {
    if (keys.includes('q') || keys.includes(3)) quit.abort();
    else redraw.abort();
  });
  writeSync(1, ENTER);
  try {
    while (!stop.aborted) {
      // A terminal that nobody has given a size says 0.
      const { columns, rows } = windowSize(1) ?? { columns: 0, rows: 0 };
      const size = { columns: columns || 80, rows: rows || 24 };
      // Each line ends with clearing its rest, so that nothing flickers; no line end after the last, which would scroll.
      const text = lines(size).map((line) => `${line}\x1b[K`);
      writeSync(1, `\x1b[H${text.join('\n')}\x1b[J`);
      redraw = new AbortController();
      await sleep(interval, undefined, { signal: AbortSignal.any([stop, redraw.signal]) }).catch(() => {});
    }
  } finally {
    process.off('exit', leave);
    leave();
    input?.destroy();
    process.off('SIGWINCH', resized);
  }
}
