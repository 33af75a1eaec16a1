/** `landward checkpoint`: keeps a run in a file, so that it can go on as the same one. */

import { escapeText, quote } from '../launch/escape.ts';
import { print, printError } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward checkpoint RUN FILE';

const options = {
  last: { type: 'boolean', help: 'the newest run that goes on, in place of RUN' },
  json: { type: 'boolean', help: 'print JSON' },
} as const;

export const command: Command = {
  usage,
  help: `Writes what makes a run the run that it is into a new file, for this user alone: its id, layers with their versions and seals, domains
with their identifiers. Not its processes. The run goes on. What no restore could bring back is refused by name.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (rest !== undefined || operands.length !== (values.last ? 1 : 2))
      usageError('Name the run and a file', usage, operands[0]);
    const { checkpoint } = await import('../launch/checkpoint.ts');
    const file = operands.at(-1)!;
    const kept = await checkpoint(values.last ? undefined : operands[0], file);
    if (values.json) print(`${JSON.stringify({ version: 1, file, ...kept }, null, 2)}\n`);
    else print(`run ${kept.run} is kept in ${quote(file)}\n`);
    for (const { pid, tid, comm, state } of values.json ? [] : kept.threads)
      print(`  thread ${tid} of process ${pid} (${escapeText(comm)}): domain state ${state}\n`);
    for (const text of kept.lost) printError(`landward: not kept: ${escapeText(text)}\n`);
    return 0;
  },
};
