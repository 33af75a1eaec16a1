/**
 * What the owner of a run and the process that supervises it tell each other: one line of JSON each way, after a greeting.
 *
 * Owns the words and their bounds. The greeting names a descriptor of the supervising process whose name holds a secret: only
 * a process that could trace the supervisor can read it, which a sandboxed one never can, whatever confines it.
 */

import { count, flag, list, oneOf, readShape, record, type Shape, text } from '../../audit/shape.ts';

/** Changes when an older side would misunderstand. */
export const VERSION = 1;
/** A request may hold the texts of policies. */
export const MAX_REQUEST_BYTES = 1 << 20;
/** An answer may hold every layer of a sandbox. */
export const MAX_ANSWER_BYTES = 64 << 20;
/** How long a side waits for the other, milliseconds. */
export const PATIENCE_MS = 10_000;

/** The supervising process, and where its secret is to be read. */
export interface Greeting {
  readonly version: typeof VERSION;
  readonly run: string;
  readonly pid: number;
  readonly fd: number;
}

/** A policy text as the owner's command line has read it. */
export interface SentText {
  readonly name: string;
  readonly text: string;
  readonly format: 'toml' | 'json';
  /** Where relative names in `extends` start from. */
  readonly directory?: string;
}

/** Edits in words of a policy. */
export interface SentEdits {
  readonly add?: SentText;
  readonly remove?: SentText;
  readonly intersect?: SentText;
  readonly replace?: { readonly rule: SentText; readonly by: SentText };
  readonly allowCalls?: readonly string[];
  readonly refuseCalls?: readonly string[];
  readonly cwd?: string;
}

/** What is asked. Every field is somebody else's until `readRequest` has looked at it. */
export interface Request {
  readonly op: 'list' | 'modify' | 'commit' | 'discard' | 'seal' | 'domain' | 'checkpoint';
  /** The layer. */
  readonly key?: number;
  readonly edits?: SentEdits;
  /** The version that the edits were made for. */
  readonly base?: number;
  /** Leaves the edits as a draft. */
  readonly draft?: boolean;
  /** The process whose domain is asked for, as this PID namespace numbers it. */
  readonly pid?: number;
}

/** An answer. `errno` as the model has it, 0 where it is no matter of the model. */
export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly errno: number; readonly code: string; readonly message: string };

const sent: Shape<SentText> = record(
  { name: text, text, format: oneOf('toml', 'json') },
  { directory: text },
);
const edits: Shape<SentEdits> = record(
  {},
  {
    add: sent,
    remove: sent,
    intersect: sent,
    replace: record({ rule: sent, by: sent }, {}),
    allowCalls: list(text),
    refuseCalls: list(text),
    cwd: text,
  },
);
const request: Shape<{ readonly version: 1; readonly proof: string; readonly request: Request }> = record(
  {
    version: oneOf(VERSION),
    proof: text,
    request: record(
      { op: oneOf('list', 'modify', 'commit', 'discard', 'seal', 'domain', 'checkpoint') },
      { key: count, edits, base: count, draft: flag, pid: count },
    ),
  },
  {},
);
const greeting: Shape<Greeting> = record({ version: oneOf(VERSION), run: text, pid: count, fd: count }, {});

/** Reads a request: what it says, or why it is none. */
export function readRequest(line: string): ReturnType<typeof readShape<ReturnType<typeof request>>> {
  return readShape(request, parsed(line));
}

/** Reads a greeting. */
export function readGreeting(line: string): ReturnType<typeof readShape<Greeting>> {
  return readShape(greeting, parsed(line));
}

/** Reads an answer; `undefined` where it is none. */
export function readAnswer(line: string): Answer | undefined {
  const value = parsed(line) as Answer | null | undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  if (value.ok === true) return value;
  const { errno, code, message } = value;
  const isAnswer = typeof errno === 'number' && typeof code === 'string' && typeof message === 'string';
  return value.ok === false && isAnswer ? value : undefined;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
