/**
 * From what a person gave to a plan for this host: loads the policy, names what protects landward itself, compiles,
 * and refuses a plan with gaps that nobody accepted.
 */

import { LandwardError } from '../errors.ts';
import { packageRoot } from '../kernel/native.ts';
import { type SupervisorState, supervisorState } from '../kernel/supervisor.ts';
import type { Category } from '../model/rules.ts';
import { compile as compilePlan, refuse } from '../policy/compile.ts';
import type { ProgramPart } from '../policy/compile-programs.ts';
import { SUPERVISED } from '../policy/compile-supervisor.ts';
import type { PolicyDefinition } from '../policy/define.ts';
import type { Host, Plan } from '../policy/plan.ts';
import type { Policy } from '../policy/policy.ts';
import type { PolicyInput } from '../policy/resolve.ts';
import { planHost } from './host.ts';
import { type LoadedPolicy, loadPolicy, policyDigest } from './load.ts';
import type { ProgramSource } from './programs.ts';
import { type Environment, stateDirectory } from './variables.ts';

/** One policy: a file, an `@preset`, a definition or text, or a resolved policy; or several that are composed. */
export type PolicySource = PolicyItem | readonly PolicyItem[] | Policy;
export type PolicyItem = string | PolicyDefinition | PolicyInput;

export interface CompileOptions {
  /** What relative names and `$project` start from; this process's directory when absent. */
  readonly cwd?: string;
  readonly env?: Environment;
  /** The host to compile for; this one when absent. */
  readonly host?: Host;
  /** Whether gaps that the policy does not accept are left for the caller to see, instead of refused. */
  readonly keepGaps?: boolean;
  /** Hex SHA-256 of the canonical policy, for `plan.digest`. */
  readonly digest?: string;
  /**
   * Lets a supervisor note every denial with its reason: `explain` leaves what the plan denies as it is, `trial` denies
   * nothing at all.
   */
  readonly observe?: 'explain' | 'trial';
  /** Parts of the system that the supervisor is asked about although no rule needs it. */
  readonly asks?: readonly Category[];
  /** Whether layers may be added while programs run. */
  readonly addsLayers?: boolean;
  /**
   * Parts of the system about which the function is asked that each start of the plan brings along, besides those of the
   * policy's own functions.
   */
  readonly decides?: readonly Category[];
  /** Whether each start of the plan brings along a way to a person, for rules that say `ask`. */
  readonly answers?: boolean;
  /** Policy programs that are asked besides the rules and the policy's own programs. */
  readonly programs?: readonly ProgramSource[];
}

/**
 * Compiles a policy for this host. The plan is plain data, good for any number of starts as long as its paths stay.
 *
 * @throws LandwardError or PolicyErrors: what is wrong with the policy, or what this host cannot hold of it
 * @example
 * const plan = await compile({ extends: ['@node'], fs: { read: ['$project'] } });
 * await Promise.all(jobs.map((job) => spawn('node', [job], { plan })));
 */
export async function compile(source: PolicySource, options: CompileOptions = {}): Promise<Plan> {
  const policy = await resolveSource(source, options);
  const programs = await programsFor(policy, options.programs);
  return toPlan(policy, { digest: policyDigest(policy), ...options }, programs);
}

/** The resolved policy behind a source, with the functions that came with it. */
export async function resolveSource(source: PolicySource, options: CompileOptions = {}): Promise<Policy> {
  return isPolicy(source) ? source : protectedPolicy(await load(source, options), options.env);
}

/**
 * The policy programs of a start, verified; nothing where there are none.
 *
 * @param given those that come with the start, asked after those of the policy
 * @throws LandwardError PROGRAM_INVALID
 */
export async function programsFor(
  { programs = [] }: Policy,
  given: readonly ProgramSource[] = [],
): Promise<ProgramPart | undefined> {
  if (programs.length === 0 && given.length === 0) return undefined;
  const { programPart, programSources } = await import('./programs.ts');
  return programPart([...programSources(programs), ...given]);
}

/**
 * Turns a resolved policy into a plan for this host.
 *
 * @param programs what `programsFor` has found, where the policy or the start has programs
 * @throws LandwardError UNSUPPORTED where the policy has programs and they are not given
 */
export function toPlan(policy: Policy, options: CompileOptions = {}, programs?: ProgramPart): Plan {
  // A policy whose programs nobody has read would be held without them.
  if (policy.programs !== undefined && programs === undefined)
    throw new LandwardError(
      'UNSUPPORTED',
      'The policy has programs, which need the supervisor beside the program',
      {
        part: policy.programs[0]?.path,
        fix: 'Use spawn or landward run',
      },
    );
  const { host = planHost(), digest, observe, asks, decides } = options;
  const plan = compilePlan(policy, host, {
    ...(digest === undefined ? {} : { digest }),
    ...(observe === undefined ? {} : { observe }),
    ...(asks === undefined ? {} : { asks }),
    ...(options.addsLayers === undefined ? {} : { addsLayers: options.addsLayers }),
    ...(programs === undefined ? {} : { programs }),
    ...(decides === undefined ? {} : { decides }),
    ...(options.answers === undefined ? {} : { answers: options.answers }),
  });
  if (!options.keepGaps) refuseWhy(plan, host);
  return plan;
}

async function load(
  source: PolicyItem | readonly PolicyItem[],
  { cwd, env }: CompileOptions,
): Promise<LoadedPolicy> {
  const policies = Array.isArray(source) ? (source as readonly PolicyItem[]) : [source as PolicyItem];
  return loadPolicy({
    policies,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
  });
}

/**
 * A loaded policy with the paths that must not be writable from inside: landward's state, and the policy files that are
 * believed as they are. A file that is approved by its digest needs no protection: a change of it ends the approval.
 */
export function protectedPolicy(loaded: LoadedPolicy, env?: Environment): Policy {
  const believed = loaded.found === undefined ? loaded.files : [];
  // Programs are no part of what an approval holds for.
  const programs = (loaded.policy.programs ?? []).map(({ path }) => path);
  const protect = [...(loaded.policy.protect ?? []), stateDirectory(env), ...believed, ...programs];
  return { ...loaded.policy, protect, program: packageRoot() };
}

function isPolicy(source: PolicySource): source is Policy {
  return typeof source === 'object' && 'layers' in source && 'sources' in source;
}

/** Refuses a plan with gaps, and says why there is no supervisor to close them, where that is what is missing. */
function refuseWhy(plan: Plan, host: Host): void {
  try {
    refuse(plan);
  } catch (error) {
    // Under a supervisor, Landlock itself looks switched off: what is answered there would not be bound by it.
    const open = plan.gaps.some(
      ({ feature, accepted }) => !accepted && (feature === 'landlock' || SUPERVISED.has(feature)),
    );
    const state: SupervisorState = open && !host.supervisor ? supervisorState() : { works: true };
    if (!(error instanceof LandwardError) || state.works) throw error;
    const { code, message, part, at, fix } = error;
    throw new LandwardError(code, `${message}\nThere is no supervisor here: ${state.reason}`, {
      part,
      at,
      fix,
    });
  }
}
