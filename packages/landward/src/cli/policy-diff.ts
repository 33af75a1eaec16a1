/** `landward policy diff`: what a new policy allows that the old one did not, and the other way round. */

import { escapeText } from '../launch/escape.ts';
import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward policy diff OLD NEW [--json]';

const options = { json: { type: 'boolean', help: 'print JSON' } } as const;

export const command: Command = {
  usage,
  help: 'Compares two policies by meaning. Exit status 1 when the new one is wider.',
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (rest !== undefined || operands.length !== 2) usageError('diff compares two policies', usage);
    const [{ loadPolicy }, { diffPolicies }] = await Promise.all([
      import('../launch/load.ts'),
      import('../policy/diff.ts'),
    ]);
    const [before, after] = await Promise.all(operands.map((policy) => loadPolicy({ policies: [policy] })));
    const diff = diffPolicies(before!.policy, after!.policy);
    if (values.json) print(`${JSON.stringify(diff, null, 2)}\n`);
    else {
      for (const change of diff.wider) print(`wider    ${describe(change)}\n`);
      for (const change of diff.narrower) print(`narrower ${describe(change)}\n`);
      if (diff.wider.length + diff.narrower.length === 0) print('no difference found\n');
      if (!diff.complete)
        print('Globs, hosts or networks were compared by examples: other differences are possible\n');
    }
    return diff.wider.length > 0 ? 1 : 0;
  },
};

type Change = ReturnType<typeof import('../policy/diff.ts').diffPolicies>['wider'][number];

function describe(change: Change): string {
  if ('setting' in change)
    return `${change.setting}: ${escapeText(JSON.stringify(change.from) ?? 'nothing')} -> ${escapeText(JSON.stringify(change.to) ?? 'nothing')}`;
  return `${escapeText(change.object)}: ${change.from} -> ${change.to} (${change.rights.join(', ')})`;
}
