/**
 * Explaining denials: where they come from, which policy was in force, and what is known of the host.
 *
 * Joins sources, registry and model for the commands. What is said is `audit/explain`, what is allowed `model`.
 */

import { lstatSync, readdirSync } from 'node:fs';
import { DenialGroups } from '../audit/explain/explain.ts';
import type { Explanation } from '../audit/explain/explanation.ts';
import type { SuggestionHost } from '../audit/explain/suggest.ts';
import { type LayerChange, layersAt, readLayerChanges } from '../audit/registry/layer-changes.ts';
import {
  findRuns,
  type KnownRun,
  lastDenied,
  layersOfRun,
  listRuns,
  readDenials,
} from '../audit/registry/read.ts';
import { openSource } from '../audit/sources/open.ts';
import type { Loss, SourceItem } from '../audit/sources/source.ts';
import { LandwardError } from '../errors.ts';
import type { DenialEvent } from '../model/denial.ts';
import type { RuleLayer } from '../model/rules.ts';
import { loadPolicy } from './load.ts';
import { type Environment, homeDirectory, stateDirectory } from './variables.ts';

/** What came of reading denials. */
export interface Explained {
  readonly explanations: readonly Explanation[];
  /** Denials in all. */
  readonly total: number;
  /** What could not be told; denials may be missing where this is not empty. */
  readonly losses: readonly Loss[];
  /** Whether no denial means that nothing was denied: false where nobody heard of the kernel's. */
  readonly known: boolean;
  /** What has become of the layers of the run, the oldest change first. */
  readonly changes?: readonly LayerChange[];
  /** The run, where it was one. */
  readonly run?: KnownRun;
}

/** What is given besides the source. */
export interface ExplainRequest {
  /** The policies that were in force, where no run tells. */
  readonly policies: readonly string[];
  readonly cwd: string;
  readonly env?: Environment;
  readonly signal?: AbortSignal;
}

type LayersOf = (event: DenialEvent) => readonly RuleLayer[] | null;

/**
 * Explains a run of the registry.
 *
 * @param id the beginning of a run's id; the last run with denials when absent, or the last run where none had any
 * @throws LandwardError USAGE where there is no such run, or several
 */
export async function explainRun(id: string | undefined, request: ExplainRequest): Promise<Explained> {
  const run = chooseRun(id, request.env);
  const layers = await givenLayers(request);
  const state = stateDirectory(request.env);
  // A run that was restored has a part in the registry for each time that it went on.
  const parts = findRuns(state, run.record.id).map((part) => ({
    part,
    own: layersOfRun(state, part.record),
    changes: readLayerChanges(part),
  }));
  // A denial is explained by what bound then.
  const layersOf: LayersOf = ({ time }) => {
    const then = parts.find(({ part }) => part.record.time <= time) ?? parts.at(-1);
    return layers ?? (then?.own == null ? null : layersAt(then.own, then.changes, time));
  };
  const oldestFirst = parts.toReversed();
  const changes = oldestFirst.flatMap((each) => each.changes);
  const items = oldestFirst.flatMap(({ part }) => [...readDenials(part)]);
  return {
    ...explainItems(items, layersOf, suggestionHost(request.env)),
    changes,
    // The kernel's part of a supervised run may have denied what nobody was asked about.
    known: false,
    run,
  };
}

/** The run that a person means. */
export function chooseRun(id: string | undefined, env?: Environment): KnownRun {
  const state = stateDirectory(env);
  if (id === undefined) {
    const run = lastDenied(state) ?? listRuns(state).next().value;
    if (run !== undefined) return run;
    throw new LandwardError('USAGE', 'No run is known that could be explained', {
      fix: 'Run a program with landward run --explain, or name a log',
    });
  }
  const [run, ...others] = findRuns(state, id);
  if (run === undefined)
    throw new LandwardError('USAGE', `No run has an id that begins with '${id}'`, { part: id });
  if (others.some(({ record }) => record.id !== run.record.id))
    throw new LandwardError('USAGE', `Several runs have an id that begins with '${id}'`, { part: id });
  return run;
}

/** Explains what sources tell up to their end. */
export async function explainSources(words: readonly string[], request: ExplainRequest): Promise<Explained> {
  const layersOf = await layersFor(request);
  const items: SourceItem[] = [];
  for (const word of words) {
    const source = await openSource(word, request.signal === undefined ? {} : { signal: request.signal });
    for await (const batch of source.batches())
      for (const item of batch) if (item.kind !== 'domain') items.push(item);
  }
  return { ...explainItems(items, layersOf, suggestionHost(request.env)), known: true };
}

/** Explains what comes, batch by batch. */
export async function* followSources(
  words: readonly string[],
  request: ExplainRequest,
): AsyncGenerator<Explained> {
  const layersOf = await layersFor(request);
  const host = suggestionHost(request.env);
  const [word] = words;
  if (word === undefined || words.length > 1)
    throw new LandwardError('USAGE', 'One source can be followed at a time', { part: words.join(' ') });
  const signal = request.signal === undefined ? {} : { signal: request.signal };
  const source = await openSource(word, { follow: true, ...signal });
  for await (const batch of source.batches()) {
    const explained = explainItems(batch, layersOf, host);
    if (explained.total > 0 || explained.losses.length > 0) yield { ...explained, known: true };
  }
}

function explainItems(
  items: readonly SourceItem[],
  layersOf: LayersOf,
  host: SuggestionHost,
): Pick<Explained, 'explanations' | 'total' | 'losses'> {
  const groups = new DenialGroups();
  for (const item of items) if (item.kind === 'denial') groups.add(item.event);
  return {
    explanations: groups.explain(layersOf, host),
    total: groups.total,
    losses: items.filter((item) => item.kind === 'loss'),
  };
}

/** Layers by the run of an event, else those that were given. */
async function layersFor(request: ExplainRequest): Promise<LayersOf> {
  const given = await givenLayers(request);
  const state = stateDirectory(request.env);
  const known = new Map<string, readonly RuleLayer[] | null>();
  return ({ run }) => {
    if (given !== null || run === undefined) return given;
    if (!known.has(run)) {
      const [found] = findRuns(state, run);
      known.set(run, found === undefined ? null : layersOfRun(state, found.record));
    }
    return known.get(run)!;
  };
}

async function givenLayers({ policies, cwd, env }: ExplainRequest): Promise<readonly RuleLayer[] | null> {
  return policies.length === 0 ? null : layersOfPolicies(policies, cwd, env);
}

/** The layers of policies as a command line names them. */
export async function layersOfPolicies(
  policies: readonly string[],
  cwd: string,
  env?: Environment,
): Promise<readonly RuleLayer[]> {
  return (await loadPolicy({ cwd, policies, ...(env === undefined ? {} : { env }) })).policy.layers;
}

/** This host as suggestions see it. Nothing is followed: a link opens nothing by itself. */
export function suggestionHost(env: Environment = process.env): SuggestionHost {
  return {
    home: homeDirectory(env),
    type(path) {
      try {
        const stat = lstatSync(path);
        if (stat.isDirectory()) return 'directory';
        return stat.isFile() ? 'file' : 'other';
      } catch {
        return null;
      }
    },
    list(path) {
      try {
        return readdirSync(path);
      } catch {
        return null;
      }
    },
  };
}
