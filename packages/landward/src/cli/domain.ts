/** `landward domain`: which domain restricts a process, as far as landward knows it. */

import { escapeText } from '../launch/escape.ts';
import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward domain PID [--layers] [--json]';

const options = {
  layers: { type: 'boolean', help: 'with the rules of its layers' },
  json: { type: 'boolean', help: 'print JSON' },
} as const;

export const command: Command = {
  usage,
  help: `Tells the domain of a process: its run, TID.version as this PID namespace has it (0.0 where the maker is not seen here), and with
CAP_AUDIT_READ the identifier that logs have. Known are supervised runs and the domains that programs make under
--landlock=user; of other processes it is said that nothing is known, never that they are free. Exit status: 0 when it
is known, 125 otherwise.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    const [word, ...more] = operands;
    if (word === undefined || more.length > 0 || rest !== undefined || !/^[1-9]\d{0,9}$/.test(word))
      usageError('Give the number of one process', usage, more[0] ?? word);
    const { openDomain } = await import('../launch/domain.ts');
    using domain = await openDomain(Number(word));
    const id = domain.id();
    const { layers, stricter } = values.layers ? await domain.asLayers() : { layers: [], stricter: [] };
    if (values.json) {
      const told = {
        version: 1,
        pid: Number(word),
        run: domain.run,
        name: domain.name,
        ...(id.kind === 'absolute' ? { id: id.text } : {}),
        ownLayers: domain.ownLayers,
        ...(values.layers ? { layers, stricter } : {}),
      };
      print(`${JSON.stringify(told, null, 2)}\n`);
      return 0;
    }
    const absolute = id.kind === 'absolute' ? `, id ${id.text}` : '';
    print(`domain ${domain.name} of run ${domain.run}${absolute}\n`);
    if (domain.ownLayers > 0) print(`layers that it has put on itself: ${domain.ownLayers}\n`);
    if (values.layers) {
      const { ruleText } = await import('../model/rules/rule-text.ts');
      for (const { name, rules } of layers)
        print(`${escapeText(name)}\n${rules.map((rule) => `  ${escapeText(ruleText(rule))}\n`).join('')}`);
      for (const text of stricter) print(`left out: ${escapeText(text)}\n`);
    }
    return 0;
  },
};
