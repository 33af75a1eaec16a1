/**
 * The descriptors 0, 1 and 2 of a started program, and this side of its pipes as streams.
 *
 * Owns every descriptor it opens until the child has it or the stream has taken it over. Pipes, not sockets: a confined
 * program may open /dev/stdout again, which the kernel allows for pipes and refuses for sockets.
 */

import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { LandwardError } from '../errors.ts';
import { ARCH, attempt, call } from '../kernel/call.ts';
import { O } from '../uapi/open.ts';

/** What a descriptor is: a new pipe, nothing (/dev/null), this process's own, or an open descriptor by number. */
export type StdioItem = 'pipe' | 'ignore' | 'inherit' | number;

/** All three alike, or one each for standard input, output and error. */
export type StdioOption = StdioItem | readonly [StdioItem, StdioItem, StdioItem];

/** What each of the three is; whoever gives an input gets a pipe for it. */
export function stdioItems(options: {
  readonly stdio?: StdioOption;
  readonly input?: string | Uint8Array;
}): readonly [StdioItem, StdioItem, StdioItem] {
  const { stdio = 'pipe', input } = options;
  const [stdin, stdout, stderr] = checkedItems(stdio);
  return [input === undefined ? stdin : 'pipe', stdout, stderr];
}

/** The two sides of the three descriptors. */
export interface Stdio {
  /** Which descriptor of this process becomes 0, 1 and 2 of the program. */
  readonly child: readonly [number, number, number];
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Closes this process's copies of the child's side: once the child has them, or nothing will start. */
  closeChildSide(): void;
  /** Ends this side too, when nothing will start. */
  destroy(): void;
}

/**
 * Opens what a start needs.
 *
 * @throws LandwardError USAGE for an unknown word, KERNEL when there is no descriptor left; nothing stays open then
 */
export function openStdio(option: StdioOption): Stdio {
  const items = checkedItems(option);
  const childSide: number[] = [];
  const ownSide: number[] = [];
  try {
    const opened = items.map((item, fd) => {
      if (item === 'inherit') return { child: fd };
      if (typeof item === 'number') return { child: item };
      if (item === 'ignore') {
        const child = call(
          'open /dev/null',
          'openat',
          -100,
          path('/dev/null'),
          O[ARCH].RDWR | O[ARCH].CLOEXEC,
          0,
        );
        childSide.push(child);
        return { child };
      }
      const ends = new Int32Array(2);
      call('make a pipe', 'pipe2', ends, O[ARCH].CLOEXEC);
      const [read, write] = [ends[0]!, ends[1]!];
      const [child, own] = fd === 0 ? [read, write] : [write, read];
      childSide.push(child);
      ownSide.push(own);
      return { child, own };
    });
    const [stdin, stdout, stderr] = opened.map(({ own }, fd) =>
      own === undefined ? null : new Socket({ fd: own, readable: fd > 0, writable: fd === 0 }),
    );
    return {
      child: [opened[0]!.child, opened[1]!.child, opened[2]!.child],
      stdin: stdin!,
      stdout: stdout!,
      stderr: stderr!,
      closeChildSide: () => {
        for (const fd of childSide.splice(0)) attempt('close', fd);
      },
      destroy: () => {
        for (const stream of [stdin, stdout, stderr]) stream?.destroy();
      },
    };
  } catch (error) {
    for (const fd of [...childSide, ...ownSide]) attempt('close', fd);
    throw error;
  }
}

const WORDS: readonly unknown[] = ['pipe', 'ignore', 'inherit'];

/** Types do not hold for callers in JavaScript: an unknown word must not become a pipe that nobody reads. */
function checkedItems(option: StdioOption): readonly [StdioItem, StdioItem, StdioItem] {
  const items: readonly unknown[] = Array.isArray(option) ? option : [option, option, option];
  if (items.length !== 3) {
    throw new LandwardError('USAGE', `stdio names ${items.length} descriptors, not 3`, {
      fix: 'Give one item for all three, or one each for standard input, output and error',
    });
  }
  for (const item of items) {
    if (WORDS.includes(item) || (Number.isInteger(item) && (item as number) >= 0)) continue;
    if (typeof item === 'number')
      throw new LandwardError('USAGE', `A descriptor is a non-negative integer, not ${item}`);
    throw new LandwardError('USAGE', `There is no stdio ${shown(item)}`, {
      fix: "Use 'pipe', 'ignore', 'inherit' or the number of an open descriptor",
    });
  }
  return items as [StdioItem, StdioItem, StdioItem];
}

const shown = (item: unknown) => (typeof item === 'string' ? JSON.stringify(item) : `of type ${typeof item}`);

function path(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
