/** `landward ps`: the sandboxes on this host, who is in them, and what holds them. */

import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward ps [--all] [--from SOURCE] [--json]';

const options = {
  all: { type: 'boolean', short: 'a', help: 'runs that have ended, too' },
  from: {
    type: 'string',
    value: 'SOURCE',
    help: "a log that tells the kernel's identifiers: a file, journal, kmsg",
  },
  json: { type: 'boolean', help: 'print JSON' },
} as const;

export const command: Command = {
  usage,
  help: `Shows the sandboxes that landward started and this user can see: those of this user's registry, and all processes that
bear the mark of a supervised run. DOMAIN is TID.version as this PID namespace sees it, 0.0 where it may not see it;
LAYERS is how many of the 16 Landlock layers are known to be used. What cannot be seen is said.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (operands.length > 0 || rest !== undefined) usageError('ps takes no operands', usage, operands[0]);
    if (values.from === 'audit' || values.from === 'tracepoint')
      usageError(`--from ${values.from} never ends: give a log, journal or kmsg`, usage, values.from);
    const [{ gatherSandboxes }, { stateDirectory }] = await Promise.all([
      import('../audit/ps/gather.ts'),
      import('../launch/variables.ts'),
    ]);
    const log =
      values.from === undefined
        ? undefined
        : await (await import('../audit/sources/open.ts')).openSource(values.from);
    const view = await gatherSandboxes(stateDirectory(), { all: values.all === true, log });
    if (values.json) print(`${JSON.stringify({ version: 1, ...view }, null, 2)}\n`);
    else print((await import('../audit/ps/table.ts')).formatView(view, Date.now()));
    return 0;
  },
};
