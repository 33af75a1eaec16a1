/** `landward top`: what is denied now, drawn again and again; one look where standard output is no terminal. */

import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';
import {
  FILTER_OPTIONS,
  filterOf,
  STORE_OPTIONS,
  sourcesOf,
  storeOf,
  usesRegistry,
} from './denial-options.ts';
import { untilSignal } from './until-signal.ts';

const usage = 'landward top [FILTERS] [--from SOURCE]... [--every SECONDS] [--once]';

const options = {
  ...FILTER_OPTIONS,
  ...STORE_OPTIONS,
  every: { type: 'string', value: 'SECONDS', help: 'how often it is drawn (2)' },
  once: { type: 'boolean', help: 'print one look and end' },
} as const;

export const command: Command = {
  usage,
  help: 'Shows the denials of the last 15 minutes by domain, program, right and object. q ends it; any other key draws it at once.',
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (operands.length > 0 || rest !== undefined)
      usageError('top takes no operands', usage, operands[0] ?? rest?.[0]);
    const every = Number(values.every ?? 2);
    if (!(every >= 0.1 && every <= 3600))
      usageError('--every takes seconds from 0.1 to 3600', usage, values.every);
    const [filter, { topLines }, { drawUntil, hasTerminal }] = await Promise.all([
      filterOf(values, Date.now()),
      import('../audit/store/top.ts'),
      import('../audit/store/screen.ts'),
    ]);
    const once = values.once === true || !hasTerminal();
    using store = await storeOf(values, { follow: !once });
    if (once) {
      print(`${topLines(store, filter, Date.now(), { columns: 120, rows: 50 }).join('\n')}\n`);
      return 0;
    }
    const { followStore } = await import('../audit/store/follow.ts');
    await untilSignal(async (signal) => {
      const quit = new AbortController();
      const stop = AbortSignal.any([signal, quit.signal]);
      const followed = { sources: sourcesOf(values), registry: usesRegistry(values), filter, signal: stop };
      const following = followStore(store, followed, () => {}).finally(() => quit.abort());
      following.catch(() => {}); // Told once the screen is as it was.
      await drawUntil((size) => topLines(store, filter, Date.now(), size), every * 1000, stop);
      quit.abort();
      await following;
    });
    return 0;
  },
};
