/**
 * What a supervisor is asked about although no rule needs it: for layers that come later, policy programs, and functions that
 * decide.
 *
 * Owns that part of the plan, and that it is never promised where nobody would ask: without a supervisor, or beside rings
 * that run calls unseen, such a plan is refused.
 */

import { LandwardError } from '../errors.ts';
import type { NotifyGroup } from '../filter/notify.ts';
import type { Category, RuleLayer } from '../model/rules.ts';
import type { ChangingPart } from './compile-changing.ts';
import { type ProgramPart, programGroups } from './compile-programs.ts';
import { askedGroups, namesOf } from './compile-supervisor.ts';
import type { Host, SupervisorPlan } from './plan.ts';
import type { Policy } from './policy.ts';

/** What is asked besides the rules. */
export interface AskedBesides {
  readonly asks?: readonly Category[];
  readonly changing?: ChangingPart;
  readonly decides?: readonly Category[];
  readonly programs?: ProgramPart | undefined;
  /** Whether rules ask, and somebody answers. */
  readonly answers?: boolean;
}

/**
 * The supervisor's part with what it is asked besides.
 *
 * @throws LandwardError SUPERVISOR or POLICY_INVALID where it would not be asked
 */
export function asking(
  supervisor: SupervisorPlan | null,
  layers: readonly RuleLayer[],
  { asks = [], changing, decides = [], programs, answers = false }: AskedBesides,
  { policy, host }: { readonly policy: Policy; readonly host: Host },
): SupervisorPlan | null {
  const hooks = programs?.hooks ?? [];
  const layersChange = changing !== undefined && (changing.layers.length > 0 || changing.addsLayers);
  const more = asks.length > 0 || layersChange || decides.length > 0 || hooks.length > 0;
  if (!more && !answers) return supervisor;
  mustBeSupervised(policy, host);
  const names = namesOf(layers);
  const groups = new Set([
    ...(supervisor?.groups ?? []),
    ...(asks.length === 0 && !layersChange && hooks.length === 0
      ? []
      : askedGroups([...asks, ...(changing?.asks ?? [])])),
    ...programGroups(hooks),
    ...decidedGroups(decides),
    // An address is told with the names that mean it, where the policy has any.
    ...(names.length > 0 && decides.includes('net') ? (['receive'] as const) : []),
  ]);
  return {
    closes: [],
    names,
    mode: 'enforce',
    ...supervisor,
    groups: [...groups].sort(),
    ...(changing === undefined || changing.calls.length === 0 ? {} : { calls: changing.calls }),
    ...(changing?.addsLayers ? { addsLayers: true as const } : {}),
    ...(hooks.length === 0 ? {} : { programs: programs!.files }),
    ...(decides.length === 0 ? {} : { decides: [...new Set(decides)].sort() }),
    ...(answers ? { answers: true as const } : {}),
  };
}

/** @throws LandwardError where calls would pass that nobody is asked about */
function mustBeSupervised({ process }: Policy, { supervisor, seccomp }: Host): void {
  if (!supervisor || !seccomp)
    throw new LandwardError('SUPERVISOR', 'What is to be asked about each request needs the supervisor', {
      fix: 'Run landward status to see why there is none here',
    });
  if (process.ioUring === 'allow')
    throw new LandwardError(
      'POLICY_INVALID',
      'A ring of io_uring runs calls that nobody is asked about, and this policy allows rings',
      { part: 'io_uring', fix: 'Leave io_uring out of [process], or ask nobody besides the rules' },
    );
}

/**
 * The calls about which functions are asked. Looking at objects and listing them is not among them: it gives nothing that
 * could be refused later, and is most of what programs do.
 */
const DECIDED = {
  fs: ['open', 'create', 'remove', 'refer', 'truncate', 'metadata', 'execute', 'bind', 'mount'],
  net: ['connect', 'bind', 'send'],
  unix: ['connect', 'bind', 'send'],
  process: ['signal', 'ptrace'],
} as const satisfies Record<Category, readonly NotifyGroup[]>;

function decidedGroups(categories: readonly Category[]): readonly NotifyGroup[] {
  if (categories.length === 0) return [];
  return ['guard', 'credential', ...categories.flatMap((category) => DECIDED[category])];
}
