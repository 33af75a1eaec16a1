/** `landward policy lint`: what is risky, idle or contradictory; exit 1 when there is a warning. */

import { escapeText } from '../launch/escape.ts';
import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward policy lint [POLICY...] [--json]';

const options = { json: { type: 'boolean', help: 'print JSON' } } as const;

export const command: Command = {
  usage,
  help: 'Says what in a policy is risky, idle or contradictory. Exit status 1 when there is a warning.',
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (rest !== undefined) usageError('lint takes no command', usage);
    const [{ loadPolicy }, { lintPolicy }, { systemVariables }] = await Promise.all([
      import('../launch/load.ts'),
      import('../policy/lint.ts'),
      import('../launch/variables.ts'),
    ]);
    const { policy } = await loadPolicy({ policies: operands });
    const lints = lintPolicy(policy, systemVariables(process.cwd()));
    if (values.json) print(`${JSON.stringify(lints, null, 2)}\n`);
    else
      for (const { code, severity, text, at } of lints) {
        const position = at !== undefined && at.line > 0 ? `:${at.line}:${at.column}` : '';
        const place = at === undefined ? '' : `${escapeText(at.file)}${position}: `;
        print(`${place}${severity}: ${escapeText(text)} [${code}]\n`);
      }
    return lints.some(({ severity }) => severity === 'warning') ? 1 : 0;
  },
};
