/** `landward status`: what this kernel and container can enforce, and why not; exit 1 below a floor. */

import { escapeText } from '../launch/escape.ts';
import { print, printError } from '../launch/output.ts';
import { FEATURES } from '../policy/features.ts';
import { type Command, readWords, usageError } from './command.ts';
import { suggest } from './suggest.ts';

const usage = 'landward status [--json] [--require abi=N|FEATURE]...';

const options = {
  json: { type: 'boolean', help: 'print JSON' },
  require: {
    type: 'string',
    multiple: true,
    value: 'FLOOR',
    help: 'exit 1 unless this host has it: abi=6, net.tcp, scope.signal, ...',
  },
} as const;

export const command: Command = {
  usage,
  help: 'Says what Landlock and seccomp can hold on this host, feature by feature, and what is missing.',
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (operands.length > 0 || rest !== undefined) usageError('status takes no operands', usage, operands[0]);
    const { below, readFloor, statusOf } = await import('../launch/status.ts');
    const { planHost } = await import('../launch/host.ts');
    const floors = (values.require ?? []).map((text) => {
      const floor = readFloor(text);
      if (floor !== undefined) return floor;
      const near = suggest(text, Object.keys(FEATURES));
      return usageError(
        `Unknown floor ${text}${near === undefined ? '' : `: did you mean ${near}`}`,
        usage,
        text,
      );
    });
    const status = statusOf(planHost());
    const missed = below(status, floors);
    if (values.json) print(`${JSON.stringify({ ...status, below: missed }, null, 2)}\n`);
    else print(table(status));
    for (const line of missed) printError(`landward: below the floor: ${escapeText(line)}\n`);
    return missed.length > 0 ? 1 : 0;
  },
};

type Status = ReturnType<typeof import('../launch/status.ts').statusOf>;

function table(status: Status): string {
  const landlock =
    status.abi > 0 ? `ABI ${status.abi}, up to ${status.maxLayers} layers` : `none (${status.landlock})`;
  const errata = status.errata
    .map(({ number, fixed }) => `${number} ${fixed ? 'fixed' : 'not fixed'}`)
    .join(', ');
  const width = Math.max(...status.features.map(({ feature }) => feature.length));
  const rows = status.features.map(
    ({ feature, holder, note }) =>
      `  ${feature.padEnd(width)}  ${MARK[holder].padEnd(10)}  ${escapeText(note)}\n`,
  );
  const notes = status.notes.map((note) => `  ${escapeText(note)}\n`);
  return [
    `Linux ${escapeText(status.kernel)} (${status.arch})\n`,
    `Landlock: ${landlock}\n`,
    ...(status.abi > 0 ? [`Errata: ${errata}\n`] : []),
    `\nFeature by feature:\n`,
    ...rows,
    ...(notes.length > 0 ? ['\nNotes:\n', ...notes] : []),
  ].join('');
}

const MARK = { kernel: 'kernel', filter: 'filter', supervisor: 'supervisor', none: 'NO' } as const;
