/** `landward restore`: a program goes on as the run that a file keeps. */

import { printError } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward restore FILE [--as TID] -- command [arguments...]';

const options = {
  as: { type: 'string', value: 'TID', help: 'start in the domain that this thread had' },
} as const;

export const command: Command = {
  usage,
  help: `Starts a command in the run that landward checkpoint has kept: the same id, layers and domains, under the policy that the run had. The
file must be this user's own, unchanged, and made by the same registry; no process of the run may be left. Nothing is allowed that
the run was not allowed when it was kept. Exit status: the command's.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    const [file, ...more] = operands;
    if (file === undefined || more.length > 0) usageError('Name the file', usage, more[0]);
    if (rest === undefined || rest.length === 0) usageError('There is no command behind --', usage);
    if (values.as !== undefined && !/^[1-9]\d{0,9}$/.test(values.as))
      usageError('--as takes the number of a thread', usage, values.as);
    const { restoredPlan } = await import('../launch/checkpoint.ts');
    const plan = restoredPlan(file, values.as === undefined ? undefined : Number(values.as));
    const [{ stay }, { prepare }, { afterwards }] = await Promise.all([
      import('../launch/stay.ts'),
      import('../launch/prepare.ts'),
      import('../launch/afterwards.ts'),
    ]);
    const [name, ...args] = rest as readonly [string, ...string[]];
    const words = ['restore', file];
    const stayed = await stay(name, args, prepare(plan), { words, files: [] });
    for (const line of await afterwards(name, stayed, { observe: false, report: false }))
      printError(`${line}\n`);
    return stayed.status;
  },
};
