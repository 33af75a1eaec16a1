/** `landward init`: writes a starting policy for the project at hand, and never over a file. */

import { existsSync, writeFileSync } from 'node:fs';
import { LandwardError } from '../errors.ts';
import { escapeText } from '../launch/escape.ts';
import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward init [--print]';

const options = {
  print: { type: 'boolean', help: 'print the policy instead of writing landward.toml' },
} as const;

export const command: Command = {
  usage,
  help: 'Looks at the files of this directory and writes landward.toml. Does not overwrite.',
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (operands.length > 0 || rest !== undefined) usageError('init takes no operands', usage, operands[0]);
    const [{ starter }, { PROJECT_FILES }, { presetNames }] = await Promise.all([
      import('../launch/starter.ts'),
      import('../launch/policy-file.ts'),
      import('../policy/presets/index.ts'),
    ]);
    const proposal = starter(process.cwd(), new Set(presetNames.map((name) => `@${name}`)));
    if (values.print) {
      print(proposal.text);
      return 0;
    }
    const there = PROJECT_FILES.find((name) => existsSync(name));
    if (there !== undefined) throw taken(there);
    try {
      writeFileSync('landward.toml', proposal.text, { flag: 'wx', mode: 0o644 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw taken('landward.toml');
      throw new LandwardError('USAGE', `Cannot write landward.toml: ${(error as Error).message}`, {
        cause: error,
      });
    }
    const kinds = proposal.kinds.length === 0 ? 'no kind of project recognised' : proposal.kinds.join(', ');
    print(
      `wrote landward.toml (${escapeText(kinds)})\nlook at it, then: landward policy approve\nand try it: landward run -- ${proposal.command}\n`,
    );
    return 0;
  },
};

function taken(name: string): LandwardError {
  return new LandwardError('USAGE', `${name} exists and stays as it is`, {
    part: name,
    fix: 'Edit it, or see a proposal with landward init --print',
  });
}
