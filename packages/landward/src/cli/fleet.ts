/** `landward fleet`: sends denials and counts to where a fleet collects them; merges counts of many hosts. */

import { readFileSync } from 'node:fs';
import type { Store } from '../audit/store/store.ts';
import { escapeText } from '../launch/escape.ts';
import { print, printError } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';
import { untilSignal } from './until-signal.ts';

const usage = 'landward fleet run|table -c FILE [--once] | export | merge FILE... [--totals] | textfile FILE';

const options = {
  config: { type: 'string', short: 'c', value: 'FILE', help: 'what is sent where (fleet.toml)' },
  once: { type: 'boolean', help: 'send what there is and end; 1 when something could not be sent' },
  totals: { type: 'boolean', help: 'merge: print sums over all hosts' },
  store: {
    type: 'string',
    value: 'FILE',
    help: 'another store than $XDG_STATE_HOME/landward/denials.sqlite',
  },
} as const;

export const command: Command = {
  usage,
  help: `run sends by the configuration; table prints the ClickHouse table for it; export prints this host's counts as JSON; merge adds
such counts, the same ones any number of times; textfile writes metrics for the node exporter. No path, command line, program, user
or host leaves unless the configuration names it.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    const [task, ...files] = operands;
    if (rest !== undefined) usageError('fleet takes nothing behind --', usage, rest[0]);
    switch (task) {
      case 'run':
      case 'table':
        return withConfig(task, values, files);
      case 'export': {
        const [{ aggregateOf, aggregateToJson }, store] = await opened(
          values.store,
          import('../audit/fleet/aggregate.ts'),
        );
        using _ = store;
        print(`${aggregateToJson(aggregateOf(store))}\n`);
        return 0;
      }
      case 'merge': {
        const { aggregateFromJson, aggregateToJson, merge, totalsToJson } = await import(
          '../audit/fleet/aggregate.ts'
        );
        if (files.length === 0) usageError('No file to merge', usage);
        const merged = merge(...files.map((file) => aggregateFromJson(file, readFileSync(file, 'utf8'))));
        print(`${values.totals ? totalsToJson(merged) : aggregateToJson(merged)}\n`);
        return 0;
      }
      case 'textfile': {
        if (files.length !== 1) usageError('textfile takes one file', usage, files[1]);
        const [{ metricsOf, writeTextfile }, store] = await opened(
          values.store,
          import('../audit/fleet/prometheus.ts'),
        );
        using _ = store;
        await writeTextfile(await metricsOf(store), files[0]!);
        return 0;
      }
      default:
        return usageError(task === undefined ? 'fleet needs a task' : `Unknown task ${task}`, usage, task);
    }
  },
};

type Values = { readonly config?: string; readonly once?: boolean; readonly store?: string };

async function withConfig(task: 'run' | 'table', values: Values, files: readonly string[]): Promise<number> {
  if (values.config === undefined) usageError(`fleet ${task} needs -c FILE`, usage);
  if (files.length > 0) usageError(`fleet ${task} takes no operands`, usage, files[0]);
  const { readFleet } = await import('../audit/fleet/config.ts');
  const config = await readFleet(values.config, readFileSync(values.config));
  if (task === 'table') {
    const { clickHouseTable } = await import('../audit/fleet/clickhouse.ts');
    print(clickHouseTable(config.clickhouse ?? { url: '' }, config.disclose));
    return 0;
  }
  const [{ runFleet }, store] = await opened(values.store, import('../audit/fleet/run.ts'));
  using _ = store;
  const say = (text: string) => printError(`landward: ${escapeText(text)}\n`);
  const news = {
    listening: (url: string) => say(`metrics at ${url}`),
    sent: (sink: string, count: number) => say(`${sink}: sent ${count}`),
    rejected: (sink: string, count: number) => say(`${sink}: REJECTED ${count}, which are lost to it`),
    failed: (sink: string, why: string) => say(`${sink}: not sent, will be tried again: ${why}`),
  };
  const registry = values.store === undefined ? await registryOf(store) : {};
  const once = values.once === true;
  const whole = await untilSignal((signal) => runFleet(store, config, news, { once, signal, ...registry }));
  return whole || values.once !== true ? 0 : 1;
}

/** What keeps a store up to what this user's runs tell. */
async function registryOf(store: Store) {
  const [{ ingestRuns }, { stateDirectory }] = await Promise.all([
    import('../audit/store/runs.ts'),
    import('../audit/state-directory.ts'),
  ]);
  return { refresh: () => void ingestRuns(store, stateDirectory()) };
}

/** A module and the store, brought up to what the registry holds. */
async function opened<T>(file: string | undefined, module: Promise<T>) {
  const { storeOf } = await import('./denial-options.ts');
  const store = await storeOf(file === undefined ? {} : { store: file });
  return [await module, store] as const;
}
