/**
 * Joins what sources tell over the whole stream: a denial gets what is known of its domain (who put it on, which run it
 * belongs to), and the end of a domain tells how many denials were never logged.
 *
 * Domains are joined by identifier, never by serial. Memory is bounded: the domains that were used last are kept.
 */

import type { DenialEvent, DenialProcess } from '../model/denial.ts';
import type { SourceItem } from './sources/source.ts';

/** Domains that are kept. */
const KEPT = 65_536;

/** What is known of a domain. */
export interface KnownDomain {
  readonly id: bigint;
  enforcer?: DenialProcess;
  /** The identifier of the layer below; `null` for a first layer. Only tracepoints tell. */
  parent?: bigint | null;
  /** The run that it belongs to. */
  run?: string;
  /** Logged denials that were seen. */
  denials: number;
  /** Whether all logged denials since its first were seen. */
  whole: boolean;
}

/** A run, as far as correlation needs it. */
export interface RunMatch {
  readonly run: string;
  readonly digest?: string;
}

/** Which run a process belongs to, by what a log knows of it. `undefined` where nothing says. */
export type FindRun = (process: DenialProcess, time: number) => RunMatch | undefined;

/** Joins one stream of items. */
export class Correlator {
  readonly #find: FindRun | undefined;
  readonly #domains = new Map<bigint, KnownDomain>();
  readonly #digests = new Map<string, string>();

  /** @param find how runs are found; without it, events keep the run that they bring */
  constructor(find?: FindRun) {
    this.#find = find;
  }

  /** The domains that are known now, in the order of their first use. */
  get domains(): readonly KnownDomain[] {
    return [...this.#domains.values()];
  }

  /**
   * Takes the next item.
   *
   * @returns the item with what is known beside it; the end of a domain may tell of denials that were not logged
   */
  join(item: SourceItem): readonly SourceItem[] {
    if (item.kind === 'denial') return [{ kind: 'denial', event: this.#denial(item.event) }];
    if (item.kind === 'loss') return [item];
    const { what } = item;
    const domain = this.#domain(item.id);
    switch (what.state) {
      case 'named':
        domain.enforcer = what.enforcer;
        // Two processors may both tell of the first denial.
        domain.whole ||= domain.denials === 0;
        this.#own(domain, what.enforcer, item.time);
        return [item];
      case 'created':
        domain.parent = what.parent;
        return [item];
      case 'entered':
        domain.enforcer ??= { pid: what.tid, comm: what.comm };
        return [item];
      case 'freed': {
        this.#domains.delete(item.id);
        const unlogged = Number(what.denials) - domain.denials;
        if (!domain.whole || unlogged <= 0) return [item];
        const reason = 'the kernel counted denials of the domain that it did not log';
        return [
          item,
          {
            kind: 'loss',
            source: item.source,
            what: 'unlogged',
            count: unlogged,
            reason,
            time: item.time,
            domain: item.id,
          },
        ];
      }
    }
  }

  #denial(event: DenialEvent): DenialEvent {
    if (event.domain?.kind !== 'kernel') return event;
    const domain = this.#domain(event.domain.id);
    domain.denials++;
    if (domain.run === undefined && event.process !== undefined) this.#own(domain, event.process, event.time);
    const run = event.run ?? domain.run;
    const digest = event.digest ?? (run === undefined ? undefined : this.#digests.get(run));
    const enforcer = event.enforcer ?? domain.enforcer;
    if (run === event.run && digest === event.digest && enforcer === event.enforcer) return event;
    return {
      ...event,
      ...(enforcer === undefined ? {} : { enforcer }),
      ...(run === undefined ? {} : { run }),
      ...(digest === undefined ? {} : { digest }),
    };
  }

  #own(domain: KnownDomain, process: DenialProcess, time: number): void {
    const found = this.#find?.(process, time);
    if (found === undefined) return;
    domain.run = found.run;
    if (found.digest !== undefined) this.#digests.set(found.run, found.digest);
  }

  /** The record of a domain, as the one that was used last. */
  #domain(id: bigint): KnownDomain {
    const known = this.#domains.get(id);
    if (known !== undefined) {
      this.#domains.delete(id);
      this.#domains.set(id, known);
      return known;
    }
    const fresh: KnownDomain = { id, denials: 0, whole: false };
    this.#domains.set(id, fresh);
    if (this.#domains.size > KEPT) this.#domains.delete(this.#domains.keys().next().value!);
    return fresh;
  }
}

/** Items of a source, joined. */
export async function* correlate(
  batches: AsyncIterable<readonly SourceItem[]>,
  correlator: Correlator,
): AsyncGenerator<readonly SourceItem[]> {
  for await (const batch of batches) yield batch.flatMap((item) => correlator.join(item));
}
