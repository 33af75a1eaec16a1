/** `landward policy export`: the official Landlock configuration of a policy, with everything that it cannot say. */

import { escapeText } from '../launch/escape.ts';
import { print, printError } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward policy export [POLICY...] [--format toml|json]';

const options = {
  format: { type: 'string', value: 'FORMAT', help: 'toml (as when absent) or json' },
} as const;

export const command: Command = {
  usage,
  help: 'Prints the policy as a Landlock configuration. What that format cannot say is said on standard error.',
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (rest !== undefined) usageError('export takes no command', usage);
    const format = values.format ?? 'toml';
    if (format !== 'toml' && format !== 'json')
      usageError(`Unknown format ${format}: toml or json`, usage, format);
    const [{ loadPolicy }, { configOfPolicy }, { writeLandlockConfig }] = await Promise.all([
      import('../launch/load.ts'),
      import('../policy/landlock-config/convert.ts'),
      import('../policy/landlock-config/write.ts'),
    ]);
    const { policy } = await loadPolicy({ policies: operands });
    const { config, lost } = configOfPolicy(policy);
    for (const sentence of lost) printError(`landward: ${escapeText(sentence)}\n`);
    print(writeLandlockConfig(config, format));
    return lost.length > 0 ? 1 : 0;
  },
};
