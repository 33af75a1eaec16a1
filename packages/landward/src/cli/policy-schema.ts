/** `landward policy schema`: the JSON Schema of policy files, for editors. */

import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward policy schema';

export const command: Command = {
  usage,
  help: 'Prints the JSON Schema (2020-12) of policy files.',
  options: {},
  async run(argv) {
    const { operands, rest } = readWords(argv, {}, usage);
    if (operands.length > 0 || rest !== undefined) usageError('schema takes no operands', usage, operands[0]);
    const { policyJsonSchema } = await import('../policy/json-schema.ts');
    print(`${JSON.stringify(policyJsonSchema(), null, 2)}\n`);
    return 0;
  },
};
