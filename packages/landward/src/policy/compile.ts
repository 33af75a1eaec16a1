/**
 * From a policy to a plan for one host: one Landlock ruleset, one filter, environment, limits, and a truthful account of
 * what misses.
 *
 * Pure: asks only the `Host` that it is given. A gap that nobody accepted makes the plan stricter, never weaker, and
 * `refuse` stops it.
 */

import { LandwardError } from '../errors.ts';
import type { Category } from '../model/rules.ts';
import { abiRow } from '../uapi/landlock.ts';
import { type AskTwins, askTwins, withTwins } from './compile-ask.ts';
import { asking } from './compile-asked.ts';
import { changingPart, fixedLayers } from './compile-changing.ts';
import { compileEnv } from './compile-env.ts';
import { locate, relocatedLayer } from './compile-facts.ts';
import { compileFilter } from './compile-filter.ts';
import { foldingGaps } from './compile-folding.ts';
import { compileFs } from './compile-fs.ts';
import { type GapList, gapList, silent } from './compile-gaps.ts';
import { compileLimits } from './compile-limits.ts';
import { compileNet } from './compile-net.ts';
import type { ProgramPart } from './compile-programs.ts';
import { compileQuiet } from './compile-quiet.ts';
import { reportOf } from './compile-report.ts';
import { rulesetOf } from './compile-ruleset.ts';
import { compileScopes } from './compile-scopes.ts';
import { programNote, protectClock, protectSelf } from './compile-self.ts';
import { compileSockets } from './compile-sockets.ts';
import { namesOf, observedGroups, supervisedFeatures, supervisorPlan } from './compile-supervisor.ts';
import { type Widened, widenedRules } from './compile-widen.ts';
import { decidedBy, functionsOf } from './define.ts';
import type { Host, Plan, Report, SupervisorPlan } from './plan.ts';
import type { Policy } from './policy.ts';

export { refuse } from './compile-refuse.ts';

export interface CompileOptions {
  /** Hex SHA-256 of the canonical policy, for `plan.digest`. */
  readonly digest?: string;
  /**
   * Lets an observing supervisor note every denial: `explain` leaves what the plan denies as it is, `trial` denies
   * nothing at all.
   */
  readonly observe?: 'explain' | 'trial';
  /**
   * Parts of the system that the supervisor is asked about although no rule needs it: for layers that come or change later,
   * and policy programs.
   */
  readonly asks?: readonly Category[];
  /** Whether layers may be added while programs run. */
  readonly addsLayers?: boolean;
  /** Whether a person answers where rules say `ask`. */
  readonly answers?: boolean;
  /** Parts of the system about which functions of the starting process are asked besides the rules. */
  readonly decides?: readonly Category[];
  /** Policy programs that are asked besides the rules. */
  readonly programs?: ProgramPart;
}

/**
 * Compiles a policy.
 *
 * @param policy a resolved policy
 * @param host what is known of the system that will run the plan
 * @returns the plan; call `refuse` before carrying it out
 * @throws PolicyErrors PATH_MISSING for every required path that is missing
 * @throws LandwardError POLICY_FLOOR where the kernel is below the policy's floor, POLICY_INVALID for a system call
 *   or a path that cannot be meant
 * @example
 * const plan = compile(policy, host);
 * refuse(plan);
 */
export function compile(policy: Policy, host: Host, options: CompileOptions = {}): Plan {
  checkFloor(policy, host);
  const first = (twins: AskTwins) =>
    pass(policy, host, options, gapList(policy.require.degrade), new Map(), twins);
  const kernel = first(new Map());
  const answers = options.answers ?? functionsOf(policy).some(({ onAsk }) => onAsk !== undefined);
  const supervised = supervisedFeatures(policy, host, kernel.gaps, answers);
  if (supervised === null || options.observe === 'trial') return kernel;
  const gaps = gapList(policy.require.degrade, supervised);
  const twins = answers ? askTwins(policy.layers) : new Map();
  const { gaps: wide } = twins.size === 0 ? kernel : first(twins);
  return pass(policy, host, options, gaps, widenedRules(wide), twins);
}

function pass(
  policy: Policy,
  host: Host,
  { digest = '', observe, asks = [], addsLayers = false, decides = [], programs }: CompileOptions,
  gaps: GapList,
  widened: Widened,
  twins: AskTwins,
): Plan {
  const row = abiRow(host.abi);
  const written = locate(fixedLayers(policy.layers), host, policy.foreign);
  const layers = withTwins(written, twins, gaps);
  const changing = changingPart(policy.layers, host, policy.foreign, addsLayers);
  const fs = compileFs(layers, host, row, gaps, widened);
  const net = compileNet(layers, row, gaps);
  const sockets = compileSockets(layers, gaps);
  // What binds the caller: ports of a layer about who made a socket are not the kernel's to ask about.
  const kernelNet = sockets.kernel === layers ? net : compileNet(sockets.kernel, row, silent(gaps));
  const scopes = compileScopes(layers, row, host.seccomp, fs.connect, gaps);
  const own = policy.protect === undefined ? null : protectSelf(policy.protect, fs, host, gaps);
  const rules = [...written.map(relocatedLayer), ...(own === null ? [] : [own]), ...changing.layers];
  if (gaps.held.length > 0 || changing.layers.length > 0) foldingGaps(rules, own, host, gaps);
  const supervisor = observing(
    asking(
      supervisorPlan(rules, gaps),
      rules,
      {
        asks,
        changing,
        decides: [...decides, ...decidedBy(functionsOf(policy))],
        programs,
        answers: twins.size > 0,
      },
      { policy, host },
    ),
    rules,
    observe,
    row.abi > 0 && gaps.gaps.length === 0,
  );
  const filter = compileFilter(policy, host, row, net, scopes, gaps, {
    notify: supervisor?.groups ?? [],
    calls: supervisor?.calls ?? [],
    only: observe === 'trial',
    sockets,
    kernelNet,
  });
  const { plan: limits, stricter } = compileLimits(policy.limits, host, gaps);
  const quiet = compileQuiet(layers, fs, kernelNet, row);
  const ruleset =
    observe === 'trial' ? null : rulesetOf(policy, fs, kernelNet, quiet, scopes.scoped, row.restrictFlags);
  const wanted = fs.restricted !== 0 || net.restricted || scopes.restricted || scopes.wanted !== 0;
  if (row.abi === 0 && wanted)
    gaps.add('landlock', { lost: `${lostWithout(host)}, so nothing is restricted by Landlock` });
  protectClock(limits.timeMs, scopes.scoped, gaps);
  const create = layers.flatMap((layer) =>
    layer.rules.flatMap((rule) => (rule.create === null ? [] : [rule.create])),
  );
  const { gaps: found, held } = gaps;
  let report: Report | undefined;
  return {
    version: 1,
    arch: host.arch,
    abi: row.abi,
    digest,
    layers: rules,
    ruleset,
    filter: filter.filter,
    supervisor,
    create: [...new Set(create)],
    env: compileEnv(policy.env),
    limits,
    keepFds: policy.keepFds,
    stays: limits.timeMs !== undefined || supervisor !== null,
    gaps: found,
    // Made when it is first read: most starts tell nobody.
    get report() {
      const notes = [...notesOf(policy), ...programNote(policy.program, fs, host), ...quiet.notes];
      report ??= reportOf({
        row,
        layers: written,
        fs,
        net,
        scopes,
        filter,
        gaps: found,
        held,
        limits: stricter,
        notes,
        ruleset,
      });
      return report;
    },
  };
}

/** The supervisor's part with an observer added, where one is asked for. */
function observing(
  supervisor: SupervisorPlan | null,
  layers: Plan['layers'],
  observe: CompileOptions['observe'],
  whole: boolean,
): SupervisorPlan | null {
  if (observe === undefined) return supervisor;
  const groups = new Set([...(supervisor?.groups ?? []), ...observedGroups(layers)]);
  // A trial tells of sockets that worked before, so it has to know which were made inside.
  if (observe === 'trial' && groups.has('connect')) groups.add('socket');
  const names = supervisor?.names ?? namesOf(layers);
  // Without what name servers answer, an address that the policy allows by its name would seem to be denied.
  if (names.length > 0) groups.add('receive');
  return {
    ...supervisor,
    closes: supervisor?.closes ?? [],
    groups: [...groups].sort(),
    names,
    // Where the kernel holds all of the policy, a refusal by the supervisor is the one that the kernel would give.
    mode: observe === 'trial' ? 'observe' : (supervisor?.mode ?? (whole ? 'enforce' : 'observe')),
  };
}

/** The notes about how the policy was completed; those about its text are the linter's. */
function notesOf({ notes = [] }: Policy): readonly string[] {
  return notes
    .filter(({ code }) => code === 'home-project' || code === 'opens-command' || code === 'no-such-port')
    .map(({ text }) => text);
}

function checkFloor(policy: Policy, host: Host): void {
  const floor = policy.require.abi;
  if (floor === undefined || host.abi >= floor) return;
  const has = host.abi === 0 ? 'no Landlock' : `Landlock ABI ${host.abi}`;
  throw new LandwardError(
    'POLICY_FLOOR',
    `The policy requires Landlock ABI ${floor}, but this kernel (${host.kernel}) has ${has}`,
    {
      part: String(floor),
    },
  );
}

function lostWithout(host: Host): string {
  switch (host.landlock) {
    case 'disabled':
      return 'Landlock is built into this kernel but not switched on';
    case 'refused':
      return 'the calls of Landlock are refused here, as containers do by seccomp';
    default:
      return 'this kernel has no Landlock';
  }
}
