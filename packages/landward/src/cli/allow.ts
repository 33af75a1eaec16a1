/** `landward allow`: the smallest changes for chosen denials, as a diff of the policy, written on consent. */

import { escapeText, quote } from '../launch/escape.ts';
import { print, printError } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage =
  'landward allow [--run ID | --from SOURCE] [-p POLICY]... [--to FILE] [--yes] [--consent VALUE]... [--rerun] [NUMBER...]';

const options = {
  run: { type: 'string', value: 'ID', help: 'a run; the last that denied something when absent' },
  from: { type: 'string', value: 'SOURCE', help: 'a log, or another source of explain' },
  policy: {
    type: 'string',
    short: 'p',
    multiple: true,
    value: 'POLICY',
    help: 'the policy that was in force, for a source without a run',
  },
  to: {
    type: 'string',
    value: 'FILE',
    help: 'where to write what a preset or an option would have to grant',
  },
  yes: { type: 'boolean', short: 'y', help: 'write without asking' },
  consent: {
    type: 'string',
    multiple: true,
    value: 'VALUE',
    help: 'allow this value although it is weighty: home, credentials, powerful sockets',
  },
  rerun: { type: 'boolean', help: 'run the command of the run again, under the changed policy' },
} as const;

export const command: Command = {
  usage,
  help: `NUMBER is that of a denial in landward explain; without one, all are meant. Exit status: 0 when written (or that of the
command, with --rerun), 1 when nothing was.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (rest !== undefined) usageError('allow takes no command', usage);
    const numbers = operands.map((word) => {
      if (!/^[1-9][0-9]{0,5}$/.test(word)) usageError('A denial is named by its number', usage, word);
      return Number(word);
    });
    const [{ explainRun, explainSources }, { applyEdit, proposeEdits }, { confirm, rerun }] =
      await Promise.all([
        import('../launch/explain.ts'),
        import('../launch/allow.ts'),
        import('../launch/consent.ts'),
      ]);
    const cwd = process.cwd();
    const request = { policies: values.policy ?? [], cwd };
    const explained =
      values.from === undefined
        ? await explainRun(values.run, request)
        : await explainSources([values.from], request);
    const { edits, withheld } = await proposeEdits({
      explanations: explained.explanations,
      numbers,
      consents: values.consent ?? [],
      cwd,
      ...(values.to === undefined ? {} : { to: values.to }),
    });
    for (const { kind, value, weighty, alsoOpens, file } of withheld)
      printError(
        kind === 'remove'
          ? `landward: left as it is: ${quote(value)} in ${escapeText(file)} says no on purpose; change it by hand\n`
          : `landward: left out: ${quote(value)}: ${escapeText(weighty ?? `it opens ${alsoOpens.secret} files that look secret`)}; --consent ${quote(value)} allows it\n`,
      );
    const changed = edits.filter(({ diff }) => diff !== '');
    if (changed.length === 0) {
      printError('landward: there is nothing to change\n');
      return 1;
    }
    for (const { diff } of changed) print(diff);
    if (!values.yes && !confirm('Write this?')) return 1;
    for (const edit of changed) {
      applyEdit(edit);
      printError(`landward: wrote ${escapeText(edit.file)}\n`);
    }
    if (!values.rerun) return 0;
    if (explained.run === undefined) usageError('Only a run can be run again', usage);
    return rerun(explained.run.record);
  },
};
