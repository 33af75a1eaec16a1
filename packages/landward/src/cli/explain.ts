/** `landward explain`: who said no, by which line or because none grants it, and the smallest change. */

import type { Explained } from '../launch/explain.ts';
import { print, printError } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage =
  'landward explain [--last | --run ID | SOURCE...] [-p POLICY]... [--json | --format FORMAT] [--follow]';

const options = {
  last: { type: 'boolean', help: 'the last run that denied something (the default)' },
  run: { type: 'string', value: 'ID', help: 'a run, by the beginning of its id' },
  policy: {
    type: 'string',
    short: 'p',
    multiple: true,
    value: 'POLICY',
    help: 'the policy that was in force, for denials that no run is known of',
  },
  follow: { type: 'boolean', help: 'explain what comes, until interrupted' },
  json: { type: 'boolean', help: 'print JSON' },
  format: { type: 'string', value: 'FORMAT', help: 'text, json, sarif or github' },
} as const;

const FORMATS = ['text', 'json', 'sarif', 'github'] as const;

export const command: Command = {
  usage,
  help: `SOURCE is a log of the audit daemon (also gzipped, or ausearch --raw), an export of the journal, or one of the words
audit, journal, kmsg, tracepoint. Exit status: 0 when nothing was denied and all was told, 1 otherwise.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (rest !== undefined) usageError('explain takes no command', usage);
    const format = formatOf(values.format, values.json === true);
    if (operands.length > 0 && (values.run !== undefined || values.last))
      usageError('Give either a run or sources', usage, operands[0]);
    const { explainSources, explainRun, followSources } = await import('../launch/explain.ts');
    const { reportExplained } = await import('../launch/explain-report.ts');
    const { version: versionOf } = await import('./version.ts');
    const version = versionOf().split(' ')[1] ?? '';
    const request = { policies: values.policy ?? [], cwd: process.cwd() };
    if (values.follow) {
      const sources = operands.length === 0 ? ['audit'] : operands;
      for await (const explained of followSources(sources, request))
        print(reportExplained(explained, format, version));
      return 0;
    }
    const explained: Explained =
      operands.length > 0 ? await explainSources(operands, request) : await explainRun(values.run, request);
    const text = reportExplained(explained, format, version);
    if (format === 'text' && explained.total === 0) printError(text);
    else print(text);
    return explained.total === 0 && explained.losses.length === 0 && explained.known ? 0 : 1;
  },
};

function formatOf(given: string | undefined, json: boolean): (typeof FORMATS)[number] {
  if (given === undefined) return json ? 'json' : 'text';
  const known = FORMATS.find((format) => format === given);
  if (known === undefined || (json && known !== 'json'))
    usageError(`The format is one of ${FORMATS.join(', ')}`, usage, given);
  return known;
}
