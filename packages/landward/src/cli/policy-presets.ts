/** `landward policy presets`: the presets with what each is for. */

import { escapeText } from '../launch/escape.ts';
import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward policy presets';

export const command: Command = {
  usage,
  help: 'Lists the presets. landward policy print @NAME shows one whole.',
  options: {},
  async run(argv) {
    const { operands, rest } = readWords(argv, {}, usage);
    if (operands.length > 0 || rest !== undefined)
      usageError('presets takes no operands', usage, operands[0]);
    const { presetNames, presetSource } = await import('../policy/presets/index.ts');
    const width = Math.max(...presetNames.map((name) => name.length)) + 3;
    for (const name of presetNames)
      print(`${`@${name}`.padEnd(width)}${escapeText(presetSource(name)?.description ?? '')}\n`);
    return 0;
  },
};
