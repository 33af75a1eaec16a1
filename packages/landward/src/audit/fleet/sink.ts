/**
 * The contract of a place that denials are sent to. Owns the shape of a batch and what an answer means; HTTP answers are
 * judged here, the same for every sink that speaks it.
 */

import type { ExportRecord } from './disclose.ts';

/** Denials that are sent together. The same batch has the same name and content, however often it is sent. */
export interface Batch {
  /** The store's random name and the numbers of the first and last denial. */
  readonly id: string;
  readonly records: readonly ExportRecord[];
}

/** What became of a batch. `later`: it will be sent again. `rejected`: the receiver will never take it. */
export type Outcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'later' | 'rejected'; readonly why: string };

/** A place that denials are sent to. */
export interface Sink {
  /** Names its row in the store and its folder in the spool. */
  readonly name: string;
  /** Must not throw for what a network or receiver does; what it throws is a configuration that cannot work. */
  send(batch: Batch): Promise<Outcome>;
  close(): Promise<void>;
}

export const ACCEPTED: Outcome = { kind: 'accepted' };

/** Milliseconds that a receiver has to answer. */
export const TIMEOUT = 30_000;

/** Only what says that the content is wrong ends a batch: a wrong password must not cost data. */
const REJECTED: ReadonlySet<number> = new Set([400, 413, 415, 422]);

/** Judges the status of an HTTP answer. */
export function judgeStatus(status: number, text = ''): Outcome {
  if (status >= 200 && status < 300) return ACCEPTED;
  const why = `HTTP ${status}${text === '' ? '' : `: ${text.slice(0, 200)}`}`;
  return { kind: REJECTED.has(status) ? 'rejected' : 'later', why };
}

/** Sends a request, and judges the answer; a network that fails is `later`. Redirects are not followed. */
export async function sendHttp(request: () => Promise<Response>): Promise<Outcome> {
  try {
    const response = await request();
    return judgeStatus(response.status, response.ok ? '' : await response.text());
  } catch (error) {
    return { kind: 'later', why: reasonOf(error) };
  }
}

/** A failed request in words: fetch puts the reason into the cause. */
export function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & {
    readonly cause?: { readonly code?: string; readonly message?: string };
  };
  return cause?.code ?? cause?.message ?? message;
}
