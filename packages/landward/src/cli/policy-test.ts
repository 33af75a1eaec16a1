/** `landward policy test`: runs the `[[test]]` of a policy on the model; exit 1 when one fails. */

import { escapeText } from '../launch/escape.ts';
import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward policy test [POLICY...] [--json]';

const options = { json: { type: 'boolean', help: 'print JSON' } } as const;

export const command: Command = {
  usage,
  help: 'Asks the model every question of the policy. Exit status 1 when an answer is not the expected one.',
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (rest !== undefined) usageError('test takes no command', usage);
    const [{ loadPolicy }, { runPolicyTests }] = await Promise.all([
      import('../launch/load.ts'),
      import('../policy/test.ts'),
    ]);
    const { policy } = await loadPolicy({ policies: operands });
    const results = runPolicyTests(policy);
    const failed = results.filter(({ passed }) => !passed);
    if (values.json) print(`${JSON.stringify(results, null, 2)}\n`);
    else {
      for (const { test, decision } of failed) {
        const { rule } = decision.blame;
        const by =
          rule === undefined
            ? 'no rule'
            : `the rule at ${escapeText(rule.origin.file)}:${rule.origin.line}:${rule.origin.column}`;
        print(
          `${escapeText(test.at.file)}:${test.at.line}:${test.at.column}: expected ${test.expect}, got ${decision.verdict} by ${by}: ${escapeText(test.text)}\n`,
        );
      }
      print(`${results.length - failed.length} passed, ${failed.length} failed\n`);
    }
    return failed.length > 0 ? 1 : 0;
  },
};
