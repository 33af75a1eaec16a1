/**
 * The contract of a source of denials: the kernel's audit, a log, the journal, the kernel log, tracepoints.
 *
 * A source tells three kinds of things in the order in which it learned them: denials, what became of domains, and what
 * it could not tell. Whoever counts denials must show the losses too. A source is read once.
 */

import type { DenialEvent, DenialProcess, DenialSource } from '../../model/denial.ts';

/** What happened to a domain of the kernel. */
export interface DomainEvent {
  readonly kind: 'domain';
  readonly source: DenialSource;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly id: bigint;
  readonly what: /** Its first logged denial told who had put it on. */
    | { readonly state: 'named'; readonly enforcer: DenialProcess; readonly mode: string }
    /** It is gone. All denials blamed on it, those that were never logged included. */
    | { readonly state: 'freed'; readonly denials: bigint }
    /** Tracepoints only: it was made, below `parent` (`null` for a first layer). */
    | {
        readonly state: 'created';
        readonly parent: bigint | null;
        readonly tid: number;
        readonly comm: string;
      }
    /** Tracepoints only: a thread entered it. */
    | {
        readonly state: 'entered';
        readonly tid: number;
        readonly comm: string;
        readonly noNewPrivs: boolean;
      };
}

/** Something that the source could not tell. Never silently left out. */
export interface Loss {
  readonly kind: 'loss';
  readonly source: DenialSource;
  /**
   * `lost`: records that never arrived (the kernel, the daemon or this reader had no room). `malformed`: lines that name
   * Landlock and can't be trusted to say anything. `truncated`: the end of the input cuts a record. `unread`: a part of
   * the input that could not be read or was skipped. `unlogged`: denials that the kernel counted for a domain and did
   * not log (a program that a muted domain started, a quiet rule, or records that were lost).
   */
  readonly what: 'lost' | 'malformed' | 'truncated' | 'unread' | 'unlogged';
  /** How many records; 0 where it is known that there were some, not how many. */
  readonly count: number;
  /** Why, in words of landward's own (nothing foreign in it). */
  readonly reason: string;
  /** The beginning of the line, verbatim: escape before showing. */
  readonly sample?: string;
  /** Milliseconds since 1970, where known. */
  readonly time?: number;
  /** The domain that it is about, where it is about one. */
  readonly domain?: bigint;
}

/** What a source tells. */
export type SourceItem = { readonly kind: 'denial'; readonly event: DenialEvent } | DomainEvent | Loss;

/** A source that is open. Ends by itself at the end of its input, or when its signal aborts. */
export interface Source extends AsyncIterable<SourceItem> {
  readonly teller: DenialSource;
  /** The same items as many at a time as have come together: what stores and counters want. Never an empty list. */
  batches(): AsyncIterable<readonly SourceItem[]>;
}

/** How a source is opened. */
export interface SourceOptions {
  /** Ends the source. */
  readonly signal?: AbortSignal;
  /** Whether it goes on at the end of its input and waits for more. */
  readonly follow?: boolean;
}

/**
 * A source from its batches.
 *
 * @example for await (const item of sourceOf('log', batches)) if (item.kind === 'denial') console.log(item.event);
 */
export function sourceOf(teller: DenialSource, batches: AsyncIterable<readonly SourceItem[]>): Source {
  return {
    teller,
    batches: () => batches,
    async *[Symbol.asyncIterator]() {
      for await (const batch of batches) yield* batch;
    },
  };
}
