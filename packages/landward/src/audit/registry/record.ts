/**
 * What the registry keeps of a run: who ran what under which policy, so that a denial can be explained later.
 *
 * Owns the shape and its JSON form. The command line is the user's own and stays in the user's own directory.
 */

import { count, finite, flag, list, oneOf, readShape, record, type Shape, text } from '../shape.ts';

/** A run, as written when it starts. */
export interface RunRecord {
  readonly version: 1;
  /** Sixteen hex digits. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly uid: number;
  /** The first process of the program, in the PID namespace of the writer. */
  readonly pid: number;
  /** When that process started, in clock ticks since boot, as `/proc/PID/stat` says: with `boot` it names it for good. */
  readonly started: string;
  readonly boot: string;
  readonly command: readonly string[];
  readonly cwd: string;
  /** `kernel`: nobody hears of denials but audit. `supervisor`: what it decides is known. `observe`: a trial or explanation. */
  readonly mode: 'kernel' | 'supervisor' | 'observe';
  readonly digest: string;
  /** The policies as the command line named them, with the options that are rules (`--read /srv`). */
  readonly words: readonly string[];
  /** The policy files that were read. */
  readonly files: readonly string[];
  /** The name under which the layers are kept. */
  readonly policy: string;
  readonly abi: number;
  /** Whether the policy keeps signals and abstract sockets inside. */
  readonly noNewPrivs: boolean;
  /** Landlock layers that landward put on the program, those that it inherited from landward included. */
  readonly domains?: number;
  /** The PID namespace of the writer, as its link in /proc reads: `pid` is a number there. */
  readonly namespace?: string;
  /** Who is asked besides the layers, and can refuse what they all allow. */
  readonly besides?: readonly string[];
}

/** How a run ended, written when it did. */
export interface RunEnd {
  readonly time: number;
  readonly status?: number;
  readonly signal?: string;
  /** Denials that were told, in all. */
  readonly denials: number;
  /** Denials that were not kept because there were too many. */
  readonly dropped: number;
}

const RECORD: Shape<RunRecord> = record(
  {
    version: oneOf(1),
    id: text,
    time: finite,
    uid: count,
    pid: count,
    started: text,
    boot: text,
    command: list(text),
    cwd: text,
    mode: oneOf('kernel', 'supervisor', 'observe'),
    digest: text,
    words: list(text),
    files: list(text),
    policy: text,
    abi: count,
    noNewPrivs: flag,
  },
  { domains: count, namespace: text, besides: list(text) },
);

const END: Shape<RunEnd> = record(
  { time: finite, denials: count, dropped: count },
  { status: count, signal: text },
);

/** Reads a record; the reason where it is none. */
export function readRecord(value: unknown): ReturnType<typeof readShape<RunRecord>> {
  return readShape(RECORD, value);
}

/** Reads the end of a run. */
export function readEnd(value: unknown): ReturnType<typeof readShape<RunEnd>> {
  return readShape(END, value);
}
