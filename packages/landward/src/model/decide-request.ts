/**
 * What a function that decides, or a person, is shown of a request, and what they may answer.
 *
 * Owns the shape. What is asked is described, never who may be trusted: every string may come from a confined program.
 */

import type { DenialObject, DenialProcess } from './denial.ts';
import type { Category } from './rules.ts';

/** An object of the file system as it was when it was asked about; found on the object itself, not by its name. */
export interface DecideFile {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly type: 'reg' | 'dir' | 'lnk' | 'char' | 'block' | 'fifo' | 'sock';
  /** Permission bits, without the type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  /** Bytes. */
  readonly size: bigint;
  /** When it was made, milliseconds since 1970; no program can set it. `null` where the file system does not keep it. */
  readonly bornMs: number | null;
  /** When its content changed last, milliseconds since 1970. Its owner can set it to any time. */
  readonly modifiedMs: number;
}

/**
 * One request: the rules, the domains of the program, and everything else have allowed it, and it happens unless somebody
 * says no now.
 */
export interface DecideRequest {
  readonly category: Category;
  /** The system call. */
  readonly operation: string;
  /** The rights that are asked, in audit spelling. */
  readonly rights: readonly string[];
  readonly object: DenialObject;
  /** The object that exists: what is opened, removed, moved or linked. Absent where a name is new, and for no files. */
  readonly file?: DecideFile;
  /** What is there already at the other end of a move. */
  readonly replaces?: DecideFile;
  /** Of a signal: its number, 0 for a look whether the process is there. */
  readonly signal?: number;
  readonly process: DenialProcess;
  /** The run's id. */
  readonly run: string;
  /** When it was asked, milliseconds since 1970. */
  readonly time: number;
}

/** What a function answers: no opinion (`undefined`) leaves it allowed, `ask` asks a person. */
export type DecideVerdict = 'allow' | 'deny' | 'ask' | undefined;

/**
 * Decides on a request that everything else has allowed. A function that throws, answers anything else, or does not answer in
 * time has denied.
 */
export type DecideFunction = (request: DecideRequest) => DecideVerdict | Promise<DecideVerdict>;

/** What a person answers. `always` and `never` hold for the same rights on the same object until the run is over. */
export type AskAnswer = 'allow' | 'deny' | 'always' | 'never';

/**
 * Asks a person.
 *
 * @param options `signal` fires when the answer is not wanted any more: the program is gone, or it took too long
 */
export type AskFunction = (
  request: DecideRequest,
  options: { readonly signal: AbortSignal },
) => AskAnswer | Promise<AskAnswer>;

/** A function that decides, with its bounds. */
export interface DecideOptions {
  /** The name that denials carry; that of the function when absent. */
  readonly name?: string;
  /** The parts of the system that it is asked about; all when absent. */
  readonly about?: readonly Category[];
  /** Absent where only a person is asked, for rules that say `ask`. */
  readonly decide?: DecideFunction;
  /** Asks a person where the function, or a rule of the policy, says `ask`. Without it that is a denial. */
  readonly onAsk?: AskFunction;
  /** How long the function may take for one request, milliseconds; 1000 when absent. */
  readonly timeoutMs?: number;
  /** How long a person may take, milliseconds; two minutes when absent. */
  readonly askTimeoutMs?: number;
}

/** All parts of the system. */
export const ALL_CATEGORIES = ['fs', 'net', 'unix', 'process'] as const satisfies readonly Category[];
