/** `landward log`: the denials that are known, by filters; as lines, JSON, CSV, Parquet; also as they come. */

import { print, printError } from '../launch/output.ts';
import type { DenialEvent } from '../model/denial.ts';
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

const usage =
  'landward log [--since TIME] [--right RIGHT]... [--path GLOB]... [--from SOURCE]... [--json|--csv|--format FORM|--parquet FILE] [--follow]';

const options = {
  ...FILTER_OPTIONS,
  ...STORE_OPTIONS,
  json: { type: 'boolean', help: 'print JSON, one denial a line' },
  csv: { type: 'boolean', help: 'print CSV' },
  format: {
    type: 'string',
    value: 'FORM',
    help: 'print records of the kernel: 2023 (one line each) or audit',
  },
  parquet: { type: 'string', value: 'FILE', help: 'write a Parquet file (needs hyparquet-writer)' },
  last: { type: 'string', short: 'n', value: 'N', help: 'only the newest N' },
  follow: { type: 'boolean', short: 'f', help: 'go on with what comes, until interrupted' },
  keep: { type: 'string', value: 'AGE', help: 'from now on keep denials so long: 30d' },
  size: { type: 'string', value: 'SIZE', help: 'from now on keep so much: 256M' },
} as const;

export const command: Command = {
  usage,
  help: `Tells what was denied, as far as it is known: what supervised runs told, and what was read in with --ingest. What is known to
be missing is told on standard error. Exit status: 0 with denials, 1 without any.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (operands.length > 0 || rest !== undefined)
      usageError('log takes no operands', usage, operands[0] ?? rest?.[0]);
    const forms = [values.json, values.csv, values.format, values.parquet].filter(
      (form) => form !== undefined,
    );
    if (forms.length > 1) usageError('Only one of --json, --csv, --format and --parquet makes sense', usage);
    if (values.follow && values.parquet !== undefined)
      usageError('A Parquet file has an end: leave --follow out', usage);
    const limit = values.last === undefined ? undefined : Number(values.last);
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0))
      usageError('--last takes a number', usage, values.last);
    const [filter, words, { findEvents, lastEvents, lastId }, { coverageOf }] = await Promise.all([
      filterOf(values, Date.now()),
      import('../audit/store/words.ts'),
      import('../audit/store/query.ts'),
      import('../audit/store/stats.ts'),
    ]);
    using store = await storeOf(values, { follow: values.follow === true });
    if (values.keep !== undefined || values.size !== undefined) {
      const { setBoundWords } = await import('../audit/store/bounds.ts');
      setBoundWords(store, values);
    }
    const { line, finish } = await linesOf(values);
    const after = lastId(store);
    const known = { ...filter, upTo: after };
    if (values.csv) print((await import('../audit/store/csv.ts')).csvHeader());
    const found = limit === undefined ? findEvents(store, known) : lastEvents(store, known, limit);
    let count = 0;
    if (values.parquet !== undefined) {
      const { exportParquet } = await import('../audit/store/parquet.ts');
      count = await exportParquet(values.parquet, found);
      printError(`landward: ${count} denials written to ${values.parquet}\n`);
    } else
      for (const { event } of found) {
        count++;
        print(line(event));
      }
    if (values.follow) {
      const { followStore } = await import('../audit/store/follow.ts');
      const followed = { sources: sourcesOf(values), registry: usesRegistry(values), filter, after };
      await untilSignal((signal) =>
        followStore(store, { ...followed, signal }, (event) => {
          count++;
          print(line(event));
        }),
      );
    }
    printError(finish());
    for (const missing of words.coverageLines(coverageOf(store)))
      printError(`landward: not covered: ${missing}\n`);
    if (count === 0) printError(words.NOTHING_KNOWN);
    return count > 0 ? 0 : 1;
  },
};

type Line = (event: DenialEvent) => string;

/** How a denial is printed, and what is to be said on standard error at the end. */
async function linesOf(values: {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly format?: string;
}): Promise<{ readonly line: Line; readonly finish: () => string }> {
  const plain = (line: Line) => ({ line, finish: () => '' });
  if (values.format !== undefined) {
    const { recordLines } = await import('../audit/store/record-lines.ts');
    return recordLines(values.format);
  }
  if (values.csv) return plain((await import('../audit/store/csv.ts')).csvLine);
  if (!values.json) return plain((await import('../audit/store/words.ts')).eventLine);
  const { eventToJson } = await import('../audit/event.ts');
  return plain((event) => `${JSON.stringify(eventToJson(event))}\n`);
}
