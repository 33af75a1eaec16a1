/** The options by which commands name denials, and what they mean as a filter. Shared by `log`, `stats`, `top` and `watch`. */

import type { Filter } from '../audit/store/filter.ts';
import type { Store } from '../audit/store/store.ts';
import type { Values } from './command.ts';

const many = (value: string, help: string) => ({ type: 'string', multiple: true, value, help }) as const;
const one = (value: string, help: string) => ({ type: 'string', value, help }) as const;

/** Which denials. */
export const FILTER_OPTIONS = {
  since: one('TIME', 'from then on: 2h, today, 2026-11-22, 2026-11-22T08:30'),
  until: one('TIME', 'before then'),
  user: many('USER', 'a name or number'),
  program: many('NAME', "the program's name or file"),
  domain: many('ID', 'a domain, as ps and logs write it'),
  right: many('RIGHT', 'fs.read_file, ptrace; net. for all of the network'),
  path: many('GLOB', 'an absolute path, ** for what is below'),
  policy: many('DIGEST', "six or more digits of a policy's digest"),
  run: many('ID', 'a run'),
  effect: many('WORD', 'denied, hidden or observed'),
} as const;

/** Where denials come from. */
export const STORE_OPTIONS = {
  from: many('SOURCE', 'ask this instead of the store: audit, journal, kmsg, tracepoint or a log file'),
  ingest: many('SOURCE', 'read this into the store first'),
  store: one('FILE', 'another store than $XDG_STATE_HOME/landward/denials.sqlite'),
} as const;

/** The filter of a command line. */
export async function filterOf(values: Values<typeof FILTER_OPTIONS>, now: number): Promise<Filter> {
  const { readTime, readUser } = await import('../audit/store/when.ts');
  const { since, until, user, program, domain, right, path, policy, run, effect } = values;
  return {
    since: since === undefined ? undefined : readTime(since, now),
    until: until === undefined ? undefined : readTime(until, now),
    uid: user?.map((word) => readUser(word)),
    program,
    domain,
    right,
    path,
    policy,
    run,
    effect,
  };
}

/**
 * The store of a command line, brought up to what is known: the registry, and the sources that are named. With `follow`,
 * sources are left to be followed.
 */
export async function storeOf(
  values: Values<typeof STORE_OPTIONS>,
  { follow = false }: { readonly follow?: boolean } = {},
): Promise<Store> {
  const [{ openStore, TEMPORARY }, { ingestWords }] = await Promise.all([
    import('../audit/store/store.ts'),
    import('../audit/store/gather.ts'),
  ]);
  const store = await openStore({ file: values.from === undefined ? values.store : TEMPORARY });
  try {
    await ingestWords(store, {
      sources: follow ? [] : sourcesOf(values),
      registry: usesRegistry(values),
    });
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}

/** The words of all sources. */
export function sourcesOf({ from, ingest }: Values<typeof STORE_OPTIONS>): readonly string[] {
  return [...(from ?? []), ...(ingest ?? [])];
}

/** Whether the runs of this user belong to the question: not where it is about another source or store. */
export function usesRegistry({ from, store }: Values<typeof STORE_OPTIONS>): boolean {
  return from === undefined && store === undefined;
}
