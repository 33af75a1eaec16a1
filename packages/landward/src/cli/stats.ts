/** `landward stats`: rates, top programs, rights and objects of the known denials; which lines of a policy were needed. */

import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';
import { FILTER_OPTIONS, filterOf, STORE_OPTIONS, storeOf } from './denial-options.ts';

const usage = 'landward stats [--since TIME] [FILTERS] [--top N] [--unused POLICY] [--json]';

const options = {
  ...FILTER_OPTIONS,
  ...STORE_OPTIONS,
  top: { type: 'string', value: 'N', help: 'how many of each kind (10)' },
  unused: { type: 'string', value: 'POLICY', help: 'a digest or run: which lines its runs never needed' },
  json: { type: 'boolean', help: 'print JSON' },
} as const;

export const command: Command = {
  usage,
  help: 'Counts the known denials, and says what the counts do not cover. With --unused: which lines of a policy no observed run needed.',
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (operands.length > 0 || rest !== undefined)
      usageError('stats takes no operands', usage, operands[0] ?? rest?.[0]);
    const top = Number(values.top ?? 10);
    if (!(Number.isSafeInteger(top) && top > 0)) usageError('--top takes a number', usage, values.top);
    const [filter, { statsOf, storeFacts }, words] = await Promise.all([
      filterOf(values, Date.now()),
      import('../audit/store/stats.ts'),
      import('../audit/store/words.ts'),
    ]);
    using store = await storeOf(values);
    if (values.unused !== undefined) {
      const { useOfNamed } = await import('../audit/store/policy-named.ts');
      const use = useOfNamed(store, values.unused);
      print(values.json ? `${JSON.stringify(use, null, 2)}\n` : words.policyUseText(use));
      return 0;
    }
    const stats = statsOf(store, filter, top);
    const facts = storeFacts(store);
    print(
      values.json
        ? `${JSON.stringify({ ...stats, store: facts }, null, 2)}\n`
        : words.statsText(stats, facts),
    );
    return 0;
  },
};
