/**
 * Counts over a whole source in one pass and constant memory: denials by right, losses by kind, domains.
 *
 * Owns counting only. Programs and objects are not counted here, because their number has no bound: that is the store's.
 */

import { Correlator } from './correlate.ts';
import type { DomainEvent, Loss, Source } from './sources/source.ts';

/** What a source held. */
export interface Counts {
  readonly denials: number;
  /** Denials by missing right; one denial may lack several. */
  readonly rights: Readonly<Record<string, number>>;
  readonly domains: Readonly<Record<DomainEvent['what']['state'], number>>;
  /** Losses by kind: how many were counted, and how often it is not known how many. */
  readonly losses: Readonly<Record<Loss['what'], { readonly count: number; readonly uncounted: number }>>;
  /** The time of the first and the last denial, milliseconds since 1970; `null` without denials. */
  readonly span: { readonly first: number; readonly last: number } | null;
}

/** Rights that are counted by name; a log can name any number, and what is more is counted together. */
const NAMES = 256;

/**
 * Reads a source to its end and counts.
 *
 * @example (await analyse(openLog('audit.log'))).denials
 */
export async function analyse(source: Source): Promise<Counts> {
  const correlator = new Correlator();
  const rights = new Map<string, number>();
  const domains = { named: 0, freed: 0, created: 0, entered: 0 };
  const loss = () => ({ count: 0, uncounted: 0 });
  const losses = { lost: loss(), malformed: loss(), truncated: loss(), unread: loss(), unlogged: loss() };
  let denials = 0;
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for await (const batch of source.batches())
    for (const each of batch)
      for (const item of correlator.join(each)) {
        if (item.kind === 'domain') domains[item.what.state]++;
        else if (item.kind === 'loss') {
          if (item.count === 0) losses[item.what].uncounted++;
          else losses[item.what].count += item.count;
        } else {
          denials++;
          first = Math.min(first, item.event.time);
          last = Math.max(last, item.event.time);
          for (const right of item.event.missing) {
            const name = rights.has(right) || rights.size < NAMES ? right : '(other)';
            rights.set(name, (rights.get(name) ?? 0) + 1);
          }
        }
      }
  return {
    denials,
    rights: Object.fromEntries(rights),
    domains,
    losses,
    span: denials === 0 ? null : { first, last },
  };
}
