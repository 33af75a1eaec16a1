/**
 * Runs a program under the supervisor and collects what it did and what it was denied. The kernel's part of the plan, the
 * deciding Worker and the handlers are the real ones.
 *
 * With `uid` the whole supervisor runs as that user, in a child process; otherwise in this one, where runs of one plan share
 * a Worker.
 */

import { composeFilter } from '../../packages/landward/src/filter/compose.ts';
import type { NotifyGroup } from '../../packages/landward/src/filter/notify.ts';
import { DEFAULT_FILTER, type FilterSpec } from '../../packages/landward/src/filter/spec.ts';
import { ARCH, attempt } from '../../packages/landward/src/kernel/call.ts';
import { waitPidfd, watchPidfd } from '../../packages/landward/src/kernel/process.ts';
import { compile, type PolicyItem } from '../../packages/landward/src/launch/compile.ts';
import { planHost } from '../../packages/landward/src/launch/host.ts';
import { prepare } from '../../packages/landward/src/launch/prepare.ts';
import { signalName } from '../../packages/landward/src/launch/signals.ts';
import { openStdio } from '../../packages/landward/src/launch/stdio.ts';
import { startSupervised } from '../../packages/landward/src/launch/supervised.ts';
import type { DecideOptions } from '../../packages/landward/src/model/decide-request.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import type { RuleLayer } from '../../packages/landward/src/model/rules.ts';
import type { Plan, SupervisorPlan } from '../../packages/landward/src/policy/plan.ts';
import { DecidingHost, patienceOf } from '../../packages/landward/src/supervisor/functions/deciding-host.ts';
import { fsMaskOfAbi } from './supervised-floor.ts';

/** What to supervise. */
export interface Supervision {
  /** A policy as TOML or a definition: compiled for this host with a supervisor. */
  readonly policy?: PolicyItem;
  /** Rules as they are, in place of a policy: the kernel's part then allows everything (but is there). */
  readonly layers?: readonly RuleLayer[];
  /** The groups to be notified of; those that the policy needs when absent. */
  readonly groups?: readonly NotifyGroup[];
  readonly names?: readonly string[];
  readonly mode?: SupervisorPlan['mode'];
  /** What functions are asked about, besides the groups; see `SupervisedOptions.functions`. */
  readonly decides?: NonNullable<SupervisorPlan['decides']>;
  /** Landlock for programs that use it; then there is no kernel part unless `floor` is set. */
  readonly landlock?: NonNullable<SupervisorPlan['landlock']>;
  /** Whether the kernel's part of a plan from `layers` exists; yes when absent, no with `landlock`. */
  readonly floor?: boolean;
  /** The path of another module for the deciding Worker: one that calls `serve` with a table of its own. */
  readonly worker?: string;
  /** Changes of the filter of a plan from `layers`. */
  readonly filter?: Partial<FilterSpec>;
}

export interface SupervisedOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string | Uint8Array;
  /** The user that the supervisor and the program run as. */
  readonly uid?: number;
  /** Milliseconds after which the tree is ended; 60,000 when absent. */
  readonly timeout?: number;
  /** Functions that decide; not with `uid`. */
  readonly functions?: readonly DecideOptions[];
  /** Called once the program runs. */
  readonly started?: (pid: number, run: string) => void;
}

export interface SupervisedResult {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit status, `null` after a signal. */
  readonly status: number | null;
  readonly signal: string | null;
  readonly events: readonly DenialEvent[];
  /** Why the supervisor ended the tree, if it did. */
  readonly killed: readonly string[];
  /** Why calls were refused that no rule denies. */
  readonly notes: readonly string[];
  /** Defects of handlers (a thrown bug): a test should find none. */
  readonly defects: readonly string[];
}

/** The plan of a supervision. */
export async function planOf(what: Supervision, cwd?: string): Promise<Plan> {
  const { policy, layers, groups, names = [], mode = 'enforce', landlock, filter, decides } = what;
  if (policy !== undefined) {
    const item =
      typeof policy === 'string' ? { name: 'test', text: policy, format: 'toml' as const } : policy;
    const plan = await compile(item, {
      host: { ...planHost(), supervisor: true },
      ...(cwd === undefined ? {} : { cwd }),
    });
    if (groups === undefined && plan.supervisor !== null) return plan;
    const part = plan.supervisor ?? { closes: [], groups: [], names, mode };
    return withGroups(plan, { ...part, groups: groups ?? part.groups }, filter);
  }
  const floor = what.floor ?? landlock === undefined;
  const plan = await compile({ fs: {}, env: { pass: ['*'] } } as never, { keepGaps: true });
  return withGroups(
    {
      ...plan,
      report: plan.report,
      layers: layers ?? [],
      ruleset: floor ? fsMaskOfAbi(plan.abi) : null,
      gaps: [],
      env: { pass: null, scrub: [], set: {} },
    },
    {
      closes: [],
      groups: groups ?? [],
      names,
      mode,
      ...(landlock === undefined ? {} : { landlock }),
      ...(decides === undefined ? {} : { decides }),
    },
    filter,
  );
}

function withGroups(plan: Plan, supervisor: SupervisorPlan, filter: Partial<FilterSpec> = {}): Plan {
  const spec = {
    ...DEFAULT_FILTER,
    hardening: 'allow',
    ...filter,
    arch: ARCH,
    notify: supervisor.groups,
  } as const;
  return { ...plan, report: plan.report, supervisor, filter: composeFilter(spec), stays: true };
}

/** Runs a program under supervision to its end. */
export async function supervised(
  what: Supervision,
  argv: readonly [string, ...string[]],
  options: SupervisedOptions = {},
): Promise<SupervisedResult> {
  if (options.uid !== undefined && options.uid !== process.getuid?.()) return asUser(what, argv, options);
  const plan = await planOf(what, options.cwd);
  using prepared = prepare(plan);
  const stdio = openStdio('pipe');
  const events: DenialEvent[] = [];
  const killed: string[] = [];
  const notes: string[] = [];
  const text = [collect(stdio.stdout!), collect(stdio.stderr!)];
  let over: () => void;
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  const [command, ...args] = argv;
  const { functions = [] } = options;
  using host = new DecidingHost(functions, (text) => notes.push(text));
  let started: Awaited<ReturnType<typeof startSupervised>>;
  try {
    started = await startSupervised(
      command,
      args,
      prepared,
      {
        cwd: options.cwd,
        env: options.env,
        stdio: stdio.child,
        group: true,
        ...(functions.length === 0 ? {} : { patience: patienceOf(functions) }),
      },
      {
        denied: (more) => events.push(...more),
        noted: (text) => notes.push(text),
        killed: (reason) => killed.push(reason),
        over: () => over(),
        decide: (question, answer) => void host.question(question, answer),
        withdrawn: (ticket) => host.withdraw(ticket),
      },
      what.worker,
    );
  } catch (error) {
    stdio.closeChildSide();
    stdio.destroy();
    throw error;
  }
  stdio.closeChildSide();
  stdio.stdin!.on('error', () => {});
  stdio.stdin!.end(options.stdin ?? '');
  const { supervisor, run, pidfd, pid } = started;
  options.started?.(pid, run);
  const timer = setTimeout(() => supervisor.kill(run), options.timeout ?? 60_000);
  await new Promise<void>((resolve) => watchPidfd(pidfd, resolve));
  const exit = waitPidfd(pidfd, { block: true })!;
  attempt('close', pidfd);
  await supervisor.flush(run);
  // What the program left running would keep its output open.
  supervisor.kill(run);
  const [stdout, stderr] = await Promise.all(text);
  await ended;
  clearTimeout(timer);
  return {
    stdout: stdout!,
    stderr: stderr!,
    status: exit.code,
    signal: exit.signal === null ? null : signalName(exit.signal),
    events,
    killed,
    notes,
    defects: [...supervisor.defects],
  };
}

function collect(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((done) => {
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('close', () => done(Buffer.concat(pieces).toString()));
  });
}

async function asUser(
  what: Supervision,
  argv: readonly [string, ...string[]],
  { uid, started: _, ...options }: SupervisedOptions,
): Promise<SupervisedResult> {
  const { runChild } = await import('./child.ts');
  const entry = new URL('./supervised-child.ts', import.meta.url).pathname;
  const input = JSON.stringify({ what, argv, options }, (_key, value) =>
    typeof value === 'bigint'
      ? { bigint: `${value}` }
      : value instanceof Uint8Array
        ? { bytes: [...value] }
        : value,
  );
  const user = ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'];
  const child = await runChild('setpriv', [...user, process.execPath, entry], { input, timeout: 90_000 });
  const line = child.stdout.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`the supervisor as ${uid} gave no result: ${child.stderr}`);
  return JSON.parse(line, reviveJson) as SupervisedResult;
}

/** The inverse of how values that JSON does not have are written. */
export function reviveJson(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('bigint' in value) return BigInt(value.bigint as string);
  return 'bytes' in value ? Uint8Array.from(value.bytes as number[]) : value;
}
