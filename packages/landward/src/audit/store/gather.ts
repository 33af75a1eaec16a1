/**
 * Reads what a command names into a store: the registry of runs, and sources by their words. Owns the words and the order;
 * what a source says is its own file's.
 */

import { LandwardError } from '../../errors.ts';
import { Correlator, correlate } from '../correlate.ts';
import { matchGrowing } from '../registry/match.ts';
import { listRuns } from '../registry/read.ts';
import { openNetlink } from '../sources/netlink.ts';
import { openSource } from '../sources/open.ts';
import { type Source, type SourceOptions, sourceOf } from '../sources/source.ts';
import { stateDirectory } from '../state-directory.ts';
import { type Added, ingest, NOTHING_ADDED, plus } from './intake.ts';
import { ingestRuns } from './runs.ts';
import type { Store } from './store.ts';

/** Words of sources that have no end. */
const LIVE: ReadonlySet<string> = new Set(['audit', 'tracepoint']);

/**
 * Opens a source by its word, joined over the whole stream.
 *
 * @param word as `openSource` knows them; the kernel's audit is turned on meanwhile where it is off
 * @param options `ready` is called when everything from now on is read
 * @throws LandwardError USAGE for a source without an end where one is needed
 */
export async function openWord(
  word: string,
  options: SourceOptions & { readonly ready?: () => void } = {},
): Promise<Source> {
  if (LIVE.has(word) && options.follow !== true)
    throw new LandwardError('USAGE', `The source ${word} has no end`, {
      part: word,
      fix: `Follow it: landward log --from ${word} --follow, or landward watch --from ${word}`,
    });
  const { ready, ...rest } = options;
  const source =
    word === 'audit' ? openNetlink({ ...rest, ready, turnOn: true }) : await openSource(word, rest);
  if (word !== 'audit') ready?.();
  return sourceOf(
    source.teller,
    correlate(source.batches(), new Correlator(matchGrowing(() => listRuns(stateDirectory())))),
  );
}

/**
 * Brings a store up to date.
 *
 * @param wanted `registry`: what supervised runs told; `sources`: words, read to their end
 */
export async function ingestWords(
  store: Store,
  wanted: { readonly sources: readonly string[]; readonly registry: boolean },
): Promise<Added> {
  let sum = wanted.registry ? ingestRuns(store, stateDirectory()) : NOTHING_ADDED;
  for (const word of wanted.sources) sum = plus(sum, await ingest(store, await openWord(word)));
  return sum;
}
