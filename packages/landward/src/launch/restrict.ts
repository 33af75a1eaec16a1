/**
 * Restricting the running Node process, on all of its threads, and proving it: what runs in the thread pool, in workers
 * and in threads that start later is bound as the caller is.
 *
 * Where the kernel cannot bind all threads in one call, each is stopped and binds itself. Before anything happens the
 * restriction is rehearsed in a child, so that an ordinary refusal leaves this process as it was. If it fails half-way all
 * the same, the process ends: it never goes on half restricted.
 */

import { writeSync } from 'node:fs';
import { bug, KernelError, LandwardError } from '../errors.ts';
import { ARCH, applyImageToThreads, attempt, call, refusal } from '../kernel/call.ts';
import { ImageBuilder } from '../kernel/image.ts';
import type { ThreadApplied } from '../kernel/native.ts';
import { readLimit } from '../kernel/process.ts';
import { installFilter } from '../kernel/seccomp.ts';
import { refuse } from '../policy/compile.ts';
import { FEATURES } from '../policy/features.ts';
import type { Gap, Plan, Report } from '../policy/plan.ts';
import type { Policy } from '../policy/policy.ts';
import { ERRNO, errnoName } from '../uapi/errno.ts';
import { RESTRICT_SELF } from '../uapi/landlock.ts';
import { F } from '../uapi/open.ts';
import { PR } from '../uapi/prctl.ts';
import { SECCOMP_FILTER_FLAG } from '../uapi/seccomp.ts';
import { kernelOnly, refuseStaying } from './alone.ts';
import { type CompileOptions, type PolicySource, resolveSource, toPlan } from './compile.ts';
import { prepare } from './prepare.ts';
import { proofSteps, rehearse } from './probe.ts';
import { layersAreFull, tooManyLayers } from './refused.ts';
import { findRings } from './rings.ts';
import { confineSteps } from './steps.ts';
import { type ThreadState, ThreadWitness, threadName } from './threads.ts';

/** What became of the process. */
export interface Restricted {
  /** Whether one call bound all threads (`tsync`) or each bound itself (`threads`). */
  readonly mode: 'tsync' | 'threads';
  /** Every thread, as read back afterwards. */
  readonly threads: readonly ThreadState[];
  /**
   * The directory whose refusal each thread has proven; `null` where the policy leaves none to prove it with, and the
   * proof is that each thread's own call succeeded.
   */
  readonly probe: string | null;
  readonly gaps: readonly Gap[];
  readonly report: Report;
  /** Parts of the policy that mean the start of a program and do nothing to one that runs. */
  readonly notApplied: readonly string[];
}

/** How long threads may take to stop, milliseconds. */
const STOP_MS = 5000;

/**
 * Restricts this process. From then on, every thread and every program that it starts is in the domain; a later call can only
 * narrow further. Descriptors that are open stay usable.
 *
 * @param source the policy
 * @throws LandwardError or PolicyErrors for the policy; POLICY_GAP for what cannot be held here; THREADS where not all threads
 * can be bound; KERNEL with E2BIG at the 17th layer. The process is then as it was.
 * @example
 * await restrictProcess({ extends: ['@node'], fs: { read: ['$project'] }, net: { listen: ['tcp:8080'] } });
 */
export async function restrictProcess(
  source: PolicySource,
  options: CompileOptions = {},
): Promise<Restricted> {
  const resolved = await resolveSource(source, options);
  const rings = lookAtSelf(findRings);
  if (rings.dangerous.length > 0)
    throw new LandwardError('THREADS', `Cannot restrict this process: ${rings.dangerous.join('; ')}`, {
      fix: 'Restrict the process before such a ring is made, or start it with landward run',
    });
  const wanted = { ...options, host: kernelOnly(options.host), keepGaps: true };
  const plan = planBesideRings(resolved, rings.ordinary.length, wanted);
  refuse(plan);
  refuseStaying(plan, 'restrict this process', 'Take the limit out of the policy, or use landward run');
  return restrict(plan);
}

/** Looks at this process in /proc, which a process that is restricted already may not be able to. */
function lookAtSelf<T>(look: () => T): T {
  try {
    return look();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new LandwardError(
      'THREADS',
      `Cannot restrict this process: its own threads in /proc/self cannot be looked at (${code})`,
      {
        fix: 'Mount /proc; a policy that is to be narrowed later grants read = ["/proc"]',
        cause,
      },
    );
  }
}

/**
 * A plan for a process that has rings, which must go on using them: a gap where they reach past the filter, and none
 * where Landlock alone holds what a ring can do.
 */
function planBesideRings(resolved: Policy, rings: number, options: CompileOptions): Plan {
  const strict = toPlan(resolved, options);
  if (rings === 0 || resolved.process.ioUring !== 'deny' || strict.filter === null) return strict;
  const policy: Policy = { ...resolved, process: { ...resolved.process, ioUring: 'deny-new' } };
  const plan = toPlan(policy, options);
  const reached = plan.report.residual.filter((way) => !strict.report.residual.includes(way));
  if (reached.length === 0) return plan;
  const feature = 'process.io_uring';
  const { lost, closes } = FEATURES[feature];
  const gap: Gap = {
    feature,
    lost: `${lost}: ${reached.join('; ')}`,
    closes,
    accepted: policy.require.degrade.includes(feature),
  };
  return { ...plan, gaps: [...plan.gaps, gap] };
}

function restrict(plan: Plan): Restricted {
  using prepared = prepare(plan);
  const { ruleset } = prepared;
  using witness = lookAtSelf(() => new ThreadWitness());
  const before = new Map(witness.read().map((thread) => [thread.tid, thread]));
  const probe = tryRehearsal(plan, ruleset);
  const tsync = plan.abi >= 8;
  limit(plan);
  if (ruleset !== null) {
    if (tsync && probe === undefined) restrictAtOnce(plan, ruleset);
    else restrictStopped(plan, ruleset, probe, tsync);
  }
  try {
    if (ruleset === null || tsync) call('give up new privileges', 'prctl', PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (plan.filter !== null) installFilter(plan.filter, SECCOMP_FILTER_FLAG.TSYNC);
    const threads = witness.read();
    const free = threads.filter(({ tid, noNewPrivs, filters }) => {
      const earlier = before.get(tid)?.filters ?? 0;
      return !noNewPrivs || (plan.filter !== null && filters <= earlier);
    });
    if (free.length > 0)
      die(`threads ${free.map(({ tid, name }) => `${tid} (${name})`).join(', ')} are not bound`);
    return {
      mode: tsync ? 'tsync' : 'threads',
      threads,
      probe: probe ?? null,
      gaps: plan.gaps,
      report: plan.report,
      notApplied: notApplied(plan),
    };
  } catch (error) {
    return die(error instanceof Error ? error.message : String(error));
  }
}

/** What can be refused is refused here, in a child, with this process untouched. */
function tryRehearsal(plan: Plan, ruleset: number | null): string | undefined {
  try {
    return rehearse(plan, ruleset);
  } catch (error) {
    throw error instanceof KernelError && layersAreFull(error)
      ? tooManyLayers('restrict this process', error)
      : error;
  }
}

function limit(plan: Plan): void {
  for (const { resource, name, value } of plan.limits.rlimits) {
    const { hard } = readLimit(resource);
    const wanted = BigInt(value) < hard ? BigInt(value) : hard;
    call(`limit ${name}`, 'prlimit64', 0, resource, new BigUint64Array([wanted, wanted]), null);
  }
}

function restrictAtOnce(plan: Plan, ruleset: number): void {
  call('give up new privileges', 'prctl', PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const flags = (plan.ruleset?.restrictFlags ?? 0) | RESTRICT_SELF.TSYNC;
  call('enter the Landlock domain on all threads', 'landlock_restrict_self', ruleset, flags);
}

/**
 * Stops all threads, restricts them, and has each prove that it is bound, in one round: a restricted process may no longer
 * be able to list its threads. The calling thread goes first, and the others only follow when it went well.
 */
function restrictStopped(plan: Plan, ruleset: number, probe: string | undefined, tsync: boolean): void {
  const build = new ImageBuilder(ARCH);
  const own = tsync ? call('duplicate the ruleset', 'fcntl', ruleset, F.DUPFD_CLOEXEC, 3) : ruleset;
  if (tsync) atOnceSteps(build, plan, own);
  else confineSteps(build, { ...plan, filter: null }, own);
  const confining = build.stepCount;
  if (probe !== undefined) proofSteps(build, probe);
  const image = build.build();
  const results = applyImageToThreads(image, STOP_MS);
  const failed = results.filter(({ errno }) => errno !== 0);
  if (failed.length === 0) return;
  const first = results[0] ?? bug('applying an image to all threads told nothing');
  const untouched =
    results.slice(1).every(({ errno }) => errno !== 0) && (first.step < 0 || first.step < confining);
  const what = failed
    .filter(({ errno }) => errno !== ERRNO.ECANCELED)
    .map((result) => tell(result, image.steps));
  if (!untouched) die(`not all threads entered the domain: ${what.join('; ')}`);
  if (tsync) attempt('close', own);
  if (first.step >= 0)
    throw refusal(image.steps[first.step]!.what, image.steps[first.step]!.call, first.errno);
  throw new LandwardError('THREADS', `Cannot restrict this process on all threads: ${what.join('; ')}`);
}

/**
 * The steps of one call that binds all threads. Every thread takes them, but the first one closes the descriptor, so that the
 * others make no layer of their own.
 */
function atOnceSteps(build: ImageBuilder, plan: Plan, ruleset: number): void {
  const flags = (plan.ruleset?.restrictFlags ?? 0) | RESTRICT_SELF.TSYNC;
  build.step('prctl', [PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0], 'give up new privileges');
  build.step('landlock_restrict_self', [ruleset, flags], 'enter the Landlock domain on all threads', {
    okErrno: ERRNO.EBADF,
  });
  build.step('close', [ruleset], 'close the ruleset', { okErrno: ERRNO.EBADF });
}

function tell({ tid, step, errno }: ThreadApplied, steps: readonly { readonly what: string }[]): string {
  const doing = step < 0 ? 'stop' : (steps[step]?.what ?? 'go on');
  return `thread ${tid} (${threadName(tid)}) could not ${doing}: ${errnoName(errno)}`;
}

function notApplied(plan: Plan): string[] {
  const { pass, scrub, set } = plan.env;
  const env = pass !== null || scrub.length > 0 || Object.keys(set).length > 0;
  return [
    ...(env ? ['env: this process has its variables already'] : []),
    'descriptors: those that are open stay open',
  ];
}

/** Ends the process at once, with no handler run: it is restricted in part, and nobody may go on from there. */
function die(why: string): never {
  writeSync(2, `landward: ended this process, which was restricted in part: ${why}\n`);
  attempt('exit_group', 125);
  return bug('exit_group returned');
}
