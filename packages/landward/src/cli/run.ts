/**
 * `landward run`: a program in a Landlock domain. Becomes the program where the kernel alone holds the plan, stays
 * beside it where the plan needs that.
 */

import type { DecideFile } from '../launch/decide-file.ts';
import { escapeText } from '../launch/escape.ts';
import type { ProgramRule } from '../launch/landlock-user.ts';
import { print, printError } from '../launch/output.ts';
import type { SocketMode } from '../model/sockets/modes.ts';
import type { Plan } from '../policy/plan.ts';
import { type Command, readWords, usageError, type Values } from './command.ts';

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
  explain: { type: 'boolean', help: 'note every denial with its reason, and tell them at the end' },
  trial: { type: 'boolean', help: 'deny nothing, and tell at the end what would have been denied' },
  landlock: {
    type: 'string',
    value: 'user',
    help: 'answer the Landlock calls of the program in user space; nothing else is restricted',
  },
  abi: { type: 'string', value: 'N', help: 'with --landlock=user: the Landlock ABI that the program sees' },
  sockets: {
    type: 'string',
    value: 'MODE',
    help: 'with --landlock=user: whose credential decides on sockets (caller, socket, both, ...; see docs/sockets.md)',
  },
  'program-rule': {
    type: 'string',
    value: 'RULE',
    help: 'with --landlock=user: who may enforce policy programs on itself (unprivileged, privileged)',
  },
  program: {
    type: 'string',
    multiple: true,
    value: 'FILE[,MAP=PATH...]',
    help: 'ask policy programs (an eBPF object) besides the rules; see docs/programs.md',
  },
  decide: {
    type: 'string',
    value: 'FILE',
    help: 'ask the function that a module exports about all that the rules allow; see docs/functions.md',
  },
  ask: { type: 'boolean', help: 'ask on the terminal where the policy or the function says so' },
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
    if (values.landlock !== undefined) return userLandlock(values, rest as readonly string[]);
    for (const word of ['abi', 'sockets', 'program-rule'] as const)
      if (values[word] !== undefined) usageError(`--${word} is for --landlock=user`, usage, values[word]);
    if (values.trial && values.explain) usageError('--trial and --explain exclude each other', usage);
    const observe = values.trial ? 'trial' : values.explain ? 'explain' : undefined;
    const decide = await functionOf(values);
    const { loadForRun } = await import('../launch/run-policy.ts');
    const { policy, plan, found, files } = await loadForRun(values, {
      ...(dry ? { keepGaps: true } : {}),
      command: rest?.[0],
      digest: dry || values.report === true,
      observe,
      decide,
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
    const words = argv.slice(0, argv.indexOf('--'));
    return stayBeside(
      name,
      args,
      plan,
      { words, files },
      { observe: observe !== undefined, report: values.report === true },
      decide?.decide,
    );
  },
};

type Deciders = Omit<DecideFile, 'path'> & Partial<DecideFile>;

/** The function of `--decide` and the person of `--ask`, where there are any. */
async function functionOf({ decide, ask }: Values<typeof options>): Promise<Deciders | undefined> {
  if (decide === undefined && !ask) return undefined;
  const onAsk = ask ? (await import('../launch/ask-terminal.ts')).terminalAsker() : undefined;
  if (decide === undefined) return { decide: { onAsk: onAsk! }, asked: { decides: [], answers: true } };
  const { decideFile } = await import('../launch/decide-file.ts');
  return decideFile(decide, onAsk);
}

async function stayBeside(
  name: string,
  args: readonly string[],
  plan: Plan,
  origin: { readonly words: readonly string[]; readonly files: readonly string[] },
  told: { readonly observe: boolean; readonly report: boolean },
  decide?: DecideFile['decide'],
): Promise<number> {
  const { stay } = await import('../launch/stay.ts');
  const { prepare } = await import('../launch/prepare.ts');
  const { afterwards } = await import('../launch/afterwards.ts');
  const stayed = await stay(name, args, prepare(plan), origin, { decide });
  for (const line of await afterwards(name, stayed, told)) printError(`${line}\n`);
  return stayed.status;
}

/** Options that say what is allowed have no place beside this: the program's own Landlock is all that restricts it. */
async function userLandlock(values: Values<typeof options>, rest: readonly string[]): Promise<number> {
  const { landlock, abi, sockets, 'program-rule': programs, ...others } = values;
  if (landlock !== 'user') usageError(`Unknown kind of Landlock ${landlock}: user`, usage, landlock);
  const other = Object.keys(others)[0];
  if (other !== undefined) usageError(`--${other} cannot stand beside --landlock=user`, usage, other);
  const { userLandlockPlan } = await import('../launch/landlock-user.ts');
  const plan = await userLandlockPlan({
    ...(abi === undefined ? {} : { abi: Number(abi) }),
    ...(sockets === undefined ? {} : { sockets: sockets as SocketMode }),
    ...(programs === undefined ? {} : { programs: programs as ProgramRule }),
  });
  const [name, ...args] = rest as readonly [string, ...string[]];
  const words = [
    '--landlock=user',
    ...(abi === undefined ? [] : [`--abi=${abi}`]),
    ...(sockets === undefined ? [] : [`--sockets=${sockets}`]),
    ...(programs === undefined ? [] : [`--program-rule=${programs}`]),
  ];
  return stayBeside(name, args, plan, { words, files: [] }, { observe: false, report: false });
}

interface Found {
  readonly path: string;
  readonly state: string;
  readonly reason?: string;
}

function notice({ path, state, reason }: Found): string {
  const why = reason === undefined ? `${state}` : `${state}: ${reason}`;
  return `landward: ${escapeText(path)} only narrows (${escapeText(why)}); landward policy approve lets it grant\n`;
}
