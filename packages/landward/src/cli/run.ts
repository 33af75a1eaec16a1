/**
 * `landward run`: a program in a Landlock domain. Becomes the program where the kernel alone holds the plan, stays
 * beside it where the plan needs that.
 */

import { escapeText } from '../launch/escape.ts';
import { print, printError } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward run [options] -- command [arguments...]';

const options = {
  policy: {
    type: 'string',
    short: 'p',
    multiple: true,
    value: 'FILE',
    help: 'a policy file or @preset (several compose)',
  },
  preset: {
    type: 'string',
    multiple: true,
    value: 'NAME',
    help: 'a preset, such as node (see landward policy print @base)',
  },
  read: { type: 'string', multiple: true, value: 'PATH', help: 'read below PATH' },
  write: { type: 'string', multiple: true, value: 'PATH', help: 'read, write, create and delete below PATH' },
  exec: { type: 'string', multiple: true, value: 'PATH', help: 'run programs below PATH' },
  deny: { type: 'string', multiple: true, value: 'PATH', help: 'nothing below PATH' },
  connect: {
    type: 'string',
    multiple: true,
    value: 'TARGET',
    help: 'connect to it: tcp:443, udp:53, tcp:host:443',
  },
  listen: { type: 'string', multiple: true, value: 'TARGET', help: 'listen on it: tcp:8080' },
  env: { type: 'string', multiple: true, value: 'NAME[=VALUE]', help: 'pass or set a variable' },
  degrade: {
    type: 'string',
    multiple: true,
    value: 'GAP',
    help: 'accept by name what this host cannot hold',
  },
  require: { type: 'string', multiple: true, value: 'abi=N', help: 'refuse an older Landlock' },
  'dry-run': { type: 'boolean', help: 'compile and report, start nothing' },
  report: { type: 'boolean', help: 'tell what is enforced, on standard error' },
  json: { type: 'boolean', help: 'report as JSON' },
} as const;

export const command: Command = {
  usage,
  help: `Runs a program confined. Options add to the policies and presets that are named; where none is named, to @default
(read the system, write the working directory and temporary files, no network), narrowed by the project's
landward.toml. Exit status: the program's; 125, 126 or 127 when it did not start.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (operands.length > 0)
      usageError(
        'The command stands behind --',
        `landward run [options] -- ${operands.join(' ')}`,
        operands[0],
      );
    const dry = values['dry-run'] === true;
    if (!dry && (rest === undefined || rest.length === 0)) usageError('There is no command behind --', usage);
    const { loadForRun } = await import('../launch/run-policy.ts');
    const { policy, plan, found } = await loadForRun(values, {
      keepGaps: dry,
      command: rest?.[0],
      digest: dry || values.report === true,
    });
    if (found !== undefined && found.state !== 'approved') printError(notice(found));
    for (const { code, text } of policy.notes ?? [])
      if (code === 'home-project') printError(`landward: ${escapeText(text)}\n`);
    if (dry || values.report) {
      const { formatReport, reportData } = await import('../policy/report-text.ts');
      const text = values.json
        ? `${JSON.stringify(reportData(plan), null, 2)}\n`
        : formatReport(plan)
            .map((line) => `${escapeText(line)}\n`)
            .join('');
      if (dry) print(text);
      else printError(text);
    }
    if (dry) return plan.gaps.some(({ accepted }) => !accepted) ? 125 : 0;
    const [name, ...args] = rest as readonly [string, ...string[]];
    const cgroup = Object.keys(plan.limits.cgroup).length > 0;
    if (!plan.stays && !cgroup) {
      const { exec } = await import('../launch/exec.ts');
      exec(name, args, { plan });
    }
    const { stay } = await import('../launch/stay.ts');
    const { prepare } = await import('../launch/prepare.ts');
    const { status, timedOut, left, denials, outlived, killed } = await stay(name, args, prepare(plan));
    if (timedOut) printError(`landward: ended ${escapeText(name)}: the time limit of the policy is over\n`);
    if (left.length > 0)
      printError(`landward: could not end ${left.length} of its processes: ${left.join(', ')}\n`);
    for (const reason of killed)
      printError(`landward: ended ${escapeText(name)} and all that it started: ${escapeText(reason)}\n`);
    if (outlived > 0)
      printError(`landward: ended ${outlived} processes that ${escapeText(name)} had left running\n`);
    if (denials !== 'unknown') {
      const { denialLines } = await import('../launch/denial-lines.ts');
      for (const line of denialLines(denials, status)) printError(`landward: ${line}\n`);
    }
    return status;
  },
};

interface Found {
  readonly path: string;
  readonly state: string;
  readonly reason?: string;
}

function notice({ path, state, reason }: Found): string {
  const why = reason === undefined ? `${state}` : `${state}: ${reason}`;
  return `landward: ${escapeText(path)} only narrows (${escapeText(why)}); landward policy approve lets it grant\n`;
}
