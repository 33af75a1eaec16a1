/** `landward policy print`: a policy as it is meant after presets, variables and layers, or as this kernel gets it. */

import { escapeText } from '../launch/escape.ts';
import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward policy print [POLICY...] [--kernel]';

const options = {
  kernel: { type: 'boolean', help: 'the ruleset, filter, variables and limits for this kernel' },
} as const;

export const command: Command = {
  usage,
  help: 'POLICY is a file or @preset; without one, what landward run would use here.',
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (rest !== undefined) usageError('print takes no command', usage);
    const { loadForRun } = await import('../launch/run-policy.ts');
    const { policy, plan } = await loadForRun({ policy: operands }, { keepGaps: true });
    if (values.kernel) {
      const { printKernel } = await import('../policy/report-kernel.ts');
      for (const line of printKernel(plan)) print(`${escapeText(line)}\n`);
      return 0;
    }
    const { printPolicy } = await import('../policy/print.ts');
    const texts = printPolicy(policy);
    for (const { layer, name, toml } of texts)
      print(`${texts.length > 1 ? `# ${layer}: ${escapeText(name)}\n` : ''}${lines(toml)}`);
    return 0;
  },
};

/** Text of several lines with everything else in it made harmless. */
function lines(text: string): string {
  return `${text.trimEnd().split('\n').map(escapeText).join('\n')}\n`;
}
