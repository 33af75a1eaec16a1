/**
 * From what a person gave to a plan for this host: loads the policy, names what protects landward itself, compiles,
 * and refuses a plan with gaps that nobody accepted.
 */

import { LandwardError } from '../errors.ts';
import { packageRoot } from '../kernel/native.ts';
import { type SupervisorState, supervisorState } from '../kernel/supervisor.ts';
import type { Category } from '../model/rules.ts';
import { compile as compilePlan, refuse } from '../policy/compile.ts';
import { SUPERVISED } from '../policy/compile-supervisor.ts';
import type { PolicyDefinition } from '../policy/define.ts';
import type { Host, Plan } from '../policy/plan.ts';
import type { Policy } from '../policy/policy.ts';
import type { PolicyInput } from '../policy/resolve.ts';
import { planHost } from './host.ts';
import { type LoadedPolicy, loadPolicy, policyDigest } from './load.ts';
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
  return toPlan(policy, { digest: policyDigest(policy), ...options });
}

/** The resolved policy behind a source. */
export async function resolveSource(source: PolicySource, options: CompileOptions = {}): Promise<Policy> {
  return isPolicy(source) ? source : protectedPolicy(await load(source, options), options.env);
}

/** Turns a resolved policy into a plan for this host. */
export function toPlan(policy: Policy, options: CompileOptions = {}): Plan {
  const { host = planHost(), digest, observe, asks } = options;
  const plan = compilePlan(policy, host, {
    ...(digest === undefined ? {} : { digest }),
    ...(observe === undefined ? {} : { observe }),
    ...(asks === undefined ? {} : { asks }),
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
  const protect = [...(loaded.policy.protect ?? []), stateDirectory(env), ...believed];
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
