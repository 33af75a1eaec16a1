/**
 * The policy of one command line: the named policies, presets and options, or the project's own, as a plan.
 */

import { LandwardError } from '../errors.ts';
import type { Host, Plan } from '../policy/plan.ts';
import type { Policy } from '../policy/policy.ts';
import { kernelOnly } from './alone.ts';
import { optionsPolicy, type PolicyOptions } from './command-line.ts';
import { programsFor, protectedPolicy, toPlan } from './compile.ts';
import type { DecideFile } from './decide-file.ts';
import { commandInput, tellCommand } from './default-policy.ts';
import { planHost } from './host.ts';
import { type FoundPolicy, loadPolicy } from './load.ts';

export interface RunPolicyOptions extends PolicyOptions {
  readonly policy?: readonly string[];
  readonly preset?: readonly string[];
  readonly program?: readonly string[];
}

/** What a command line comes to. */
export interface RunPolicy {
  readonly policy: Policy;
  readonly plan: Plan;
  readonly found?: FoundPolicy;
  /** The policy files that were read. */
  readonly files: readonly string[];
}

export interface RunSettings {
  /** Leaves gaps for the caller to report. */
  readonly keepGaps?: boolean;
  readonly cwd?: string;
  /** Whether the plan carries the policy's digest, which only reports need. */
  readonly digest?: boolean;
  /** The command that is to run: where no policy is given, its own file is opened. */
  readonly command?: string | undefined;
  /** As in `CompileOptions`. */
  readonly observe?: 'explain' | 'trial' | undefined;
  /** Whether no process can stay beside the program, so that there is no supervisor. */
  readonly alone?: boolean;
  /** A function that decides or a person who answers, and the file that the program must not change. */
  readonly decide?: (Partial<Pick<DecideFile, 'path'>> & Pick<DecideFile, 'asked'>) | undefined;
  /** The architecture of the plan; this machine's when absent. */
  readonly arch?: Host['arch'];
}

/** This process's directory, which somebody may have removed. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new LandwardError('PATH_MISSING', 'The working directory does not exist any more', {
      fix: 'Change to a directory that exists, or to the same one again',
      cause,
    });
  }
}

/**
 * Loads and compiles the policy of a command line.
 *
 * @param options the options as given
 * @throws LandwardError or PolicyErrors
 */
export async function loadForRun(options: RunPolicyOptions, settings: RunSettings = {}): Promise<RunPolicy> {
  const cwd = settings.cwd ?? workingDirectory();
  const extra = optionsPolicy(options, cwd);
  const command = settings.command === undefined ? undefined : commandInput(settings.command, cwd);
  const presets = (options.preset ?? []).map((name) => (name.startsWith('@') ? name : `@${name}`));
  const loaded = await loadPolicy({
    cwd,
    policies: [...presets, ...(options.policy ?? [])],
    add: extra === undefined ? [] : [extra],
    addToDefault: command === undefined ? [] : [command],
  });
  const named = options.program ?? [];
  const own = guarding(tellCommand(protectedPolicy(loaded)), settings.decide?.path);
  const policy =
    named.length === 0 ? own : (await import('./program-option.ts')).withPrograms(own, named, cwd);
  const programs = await programsFor(policy);
  const host = settings.alone ? kernelOnly() : planHost();
  const plan = toPlan(
    policy,
    {
      host: settings.arch === undefined ? host : { ...host, arch: settings.arch },
      keepGaps: settings.keepGaps ?? settings.observe === 'trial',
      ...(settings.digest ? { digest: loaded.digest } : {}),
      ...(settings.observe === undefined ? {} : { observe: settings.observe }),
      ...settings.decide?.asked,
    },
    programs,
  );
  // A trial denies nothing, so nothing can be missing of it.
  if (settings.observe === 'trial') Object.assign(plan, { gaps: [] });
  // Only reports and the registry need it; a start by the kernel alone has neither.
  if (plan.supervisor !== null && plan.digest === '') Object.assign(plan, { digest: loaded.digest });
  return {
    policy,
    plan,
    files: loaded.files,
    ...(loaded.found === undefined ? {} : { found: loaded.found }),
  };
}

/** A policy under which a file cannot be changed from inside. */
function guarding(policy: Policy, file: string | undefined): Policy {
  return file === undefined ? policy : { ...policy, protect: [...(policy.protect ?? []), file] };
}
