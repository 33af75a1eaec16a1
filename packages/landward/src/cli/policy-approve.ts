/** `landward policy approve`: lets the project's own policy grant, as it is now; any change needs a new approval. */

import { LandwardError } from '../errors.ts';
import { escapeText } from '../launch/escape.ts';
import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward policy approve [FILE]';

export const command: Command = {
  usage,
  help: `A policy that is found in a project only narrows, since whoever wrote the project wrote it. This records the digest
of the policy (and of the files that it extends) after you have read them; until a byte changes, it grants.`,
  options: {},
  async run(argv) {
    const { operands, rest } = readWords(argv, {}, usage);
    if (operands.length > 1 || rest !== undefined) usageError('approve takes one file', usage, operands[1]);
    const { approve } = await import('../launch/load.ts');
    const found = await approve(operands[0] ?? (await projectFile()));
    print(`approved ${escapeText(found.path)} ${found.digest}\n`);
    return 0;
  },
};

async function projectFile(): Promise<string> {
  const [{ findProjectFile }, { homeDirectory }, { realpath }] = await Promise.all([
    import('../launch/policy-file.ts'),
    import('../launch/variables.ts'),
    import('node:fs/promises'),
  ]);
  const path = await findProjectFile(await realpath('.'), homeDirectory());
  if (path !== undefined) return path;
  throw new LandwardError('POLICY_NOT_FOUND', 'This project has no policy to approve', {
    fix: 'Write one with landward init, or name the file',
  });
}
