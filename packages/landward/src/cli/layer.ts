/** `landward layer`: the layers of a running sandbox that may change, listed and changed by its owner. */

import { print } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward layer list|modify|commit|discard|seal [RUN] [LAYER] [options]';

const options = {
  last: { type: 'boolean', help: 'the newest run that goes on, in place of RUN' },
  read: { type: 'string', multiple: true, value: 'PATH', help: 'modify: a rule more: read below PATH' },
  write: { type: 'string', multiple: true, value: 'PATH', help: 'modify: write below PATH' },
  exec: { type: 'string', multiple: true, value: 'PATH', help: 'modify: run programs below PATH' },
  deny: { type: 'string', multiple: true, value: 'PATH', help: 'modify: nothing below PATH' },
  connect: { type: 'string', multiple: true, value: 'TARGET', help: 'modify: connect to it' },
  listen: { type: 'string', multiple: true, value: 'TARGET', help: 'modify: listen on it' },
  add: { type: 'string', value: 'FILE', help: 'modify: the rules of a policy text come besides' },
  remove: { type: 'string', value: 'FILE', help: 'modify: the rights of its rules go' },
  intersect: {
    type: 'string',
    value: 'FILE',
    help: 'modify: of rules about the same, only these rights stay',
  },
  'allow-call': { type: 'string', multiple: true, value: 'NAME', help: 'modify: a system call is allowed' },
  'refuse-call': { type: 'string', multiple: true, value: 'NAME', help: 'modify: a system call is refused' },
  draft: { type: 'boolean', help: 'modify: nothing counts before landward layer commit' },
  rules: { type: 'boolean', help: 'list: with the rules' },
  json: { type: 'boolean', help: 'print JSON' },
} as const;

const COMMANDS = ['list', 'modify', 'commit', 'discard', 'seal'] as const;

export const command: Command = {
  usage,
  help: `RUN is the beginning of a run's id or the number of its first process (landward ps); LAYER is the number of a layer or the name of
its file. A layer may change if it was made to (mutable = "stricter" or "any"); a change counts for every process of the sandbox
at once and is written down. A draft is one for each layer, whoever adds to it; discard drops it. Only a process of the same
user, or of root, that no sandbox confines is heard.
Exit status: 0 when done, 125 when refused.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (rest !== undefined) usageError('layer takes no command', usage);
    const [name, ...words] = operands;
    const what = COMMANDS.find((one) => one === name);
    if (what === undefined) usageError(`Say what to do: ${COMMANDS.join(', ')}`, usage, name);
    const wanted = (values.last ? 0 : 1) + (what === 'list' ? 0 : 1);
    if (words.length !== wanted && !(what === 'list' && words.length === 0))
      usageError(values.last ? 'Name the layer' : 'Name the run and the layer', usage, words[0]);
    const { editsOf, OwnedLayers, layerLines, changeLine } = await import('../launch/control/layers.ts');
    const owned = new OwnedLayers(values.last ? undefined : words[0]);
    const { id } = owned.run.record;
    if (what === 'list') {
      const layers = await owned.list();
      if (values.json) print(`${JSON.stringify({ version: 1, run: id, layers }, null, 2)}\n`);
      else print(`run ${id}\n${layerLines(layers, values.rules === true)}`);
      return 0;
    }
    const edits = what === 'modify' ? editsOf(values, process.cwd()) : {};
    const layer = await owned.find(words.at(-1)!);
    const answered =
      what === 'modify'
        ? await owned.modify(layer, edits, values.draft === true)
        : what === 'commit'
          ? await owned.commit(layer)
          : what === 'discard'
            ? await owned.discard(layer)
            : await owned.seal(layer);
    if (values.json) print(`${JSON.stringify({ version: 1, run: id, ...answered }, null, 2)}\n`);
    else print(changeLine(layer, answered));
    return 0;
  },
};
