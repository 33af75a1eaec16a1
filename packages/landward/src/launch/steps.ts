/**
 * The steps of a confined start as one image, the same whether it is applied in a new process, in this one, or by the
 * compiled launcher: group, descriptors, directory, limits, no_new_privs, Landlock, the filter, and `execve` last.
 *
 * Owns the order. Everything that could fail for an ordinary reason comes before the restriction; the filter comes
 * after it, since it may refuse the calls that the restriction needs.
 */

import { type Image, ImageBuilder, type Place, type Slot } from '../kernel/image.ts';
import { addFilterStep } from '../kernel/seccomp.ts';
import type { Plan } from '../policy/plan.ts';
import { CLOSE_RANGE, F } from '../uapi/open.ts';
import { PR } from '../uapi/prctl.ts';
import { RLIMIT } from '../uapi/resource.ts';
import type { Arch } from '../uapi/syscalls.ts';
import type { Limit } from './limits.ts';

/** A start, down to numbers. */
export interface Start {
  readonly arch: Arch;
  readonly plan: Plan;
  /** The ruleset's descriptor in the process that applies the image; `null` where the plan has none. */
  readonly ruleset: number | null;
  /** The file to execute, absolute or relative to `cwd`. */
  readonly file: string;
  readonly argv: readonly string[];
  /** `NAME=value` strings. */
  readonly env: readonly string[];
  readonly cwd?: string | undefined;
  /** Which descriptor becomes 0, 1 and 2. */
  readonly stdio: readonly [number, number, number];
  /** Further descriptors that stay open, under their own numbers. */
  readonly keepFds: readonly number[];
  /** Whether the process leads a process group of its own. */
  readonly group?: boolean;
  /** A descriptor of `cgroup.procs` of the cgroup to enter. */
  readonly cgroupProcs?: number | undefined;
  /** The signal that the process gets when its starter dies; 0 for none. */
  readonly parentDeathSignal?: number;
  /** The process id of the starter, whose death the signal is for. */
  readonly parent?: number;
  /** The limits of the process that applies the image, by resource: no limit is raised above the hard one. */
  readonly hardLimits?: ReadonlyMap<number, bigint | null>;
  /** The limit on open files to set. */
  readonly openFiles?: Limit | undefined;
  /** Set where a supervisor takes the listener of the filter. */
  readonly supervised?: SupervisedSteps | undefined;
  /** Whether dispositions that Node has changed are set back; a new process of the addon has that done already. */
  readonly resetSignals?: boolean;
}

/** What a supervised start needs besides. */
export interface SupervisedSteps {
  /** The run's tag: what RLIMIT_LOCKS is set to. */
  readonly tag: bigint;
  /** The umask of the program; the thread that starts it has one of its own. */
  readonly umask: number;
  /** The directory of the program, where `cwd` is not given, as an open descriptor. */
  readonly directory: number;
  /** An eventfd: written to once the pid and the listener are told. */
  readonly wake: number;
  /** A pipe: the child waits for a word on it. */
  readonly go: { readonly read: number; readonly write: number };
  /** Flags of the filter. */
  readonly flags: number;
  /** Whether the program may gain privileges: where it is to see its own Landlock alone, and the kernel lets it. */
  readonly newPrivileges: boolean;
}

const SIG_SETMASK = 2;
const SIGPIPE = 13;
const SIGXFSZ = 25;
const SIGSET_BYTES = 8;
const ENOEXEC = 8;
const HIGHEST_FD = 0xffff_ffff;

/** Lays out the image of a start. */
export function startImage(start: Start): Image {
  const build = new ImageBuilder(start.arch);
  if (start.supervised !== undefined) build.bytes(new Uint8Array(8).fill(0xff));
  beforeExec(build, start, start.ruleset);
  const file = build.string(start.file);
  const env = build.strings(start.env);
  const what = `execute ${JSON.stringify(start.file)}`;
  build.step('execve', [file, build.strings(start.argv), env], what, { okErrno: ENOEXEC });
  // A script without interpreter line runs in the shell, as execvp has it.
  const shell = build.strings([SHELL, start.file, ...start.argv.slice(1)]);
  build.step('execve', [build.string(SHELL), shell, env], what);
  return build.build();
}

/** What a start needs before its program is named: everything but `execve`. */
export type Setup = Omit<Start, 'arch' | 'ruleset' | 'file' | 'argv' | 'env'>;

/** The steps of a start in their order, without `execve`. */
export function beforeExec(build: ImageBuilder, start: Setup, ruleset: number | Slot | null): void {
  if (start.group) build.step('setpgid', [0, 0], 'make a process group');
  if (start.parentDeathSignal) tieSteps(build, start.parentDeathSignal, start.parent);
  if (start.cgroupProcs !== undefined)
    build.step('write', [start.cgroupProcs, build.string('0'), 1], 'enter the cgroup');
  if (start.resetSignals) signalSteps(build);
  descriptorSteps(build, start);
  if (start.supervised !== undefined)
    build.step('fchdir', [start.supervised.directory], 'change to the directory');
  if (start.cwd !== undefined)
    build.step('chdir', [build.string(start.cwd)], `change to the directory ${JSON.stringify(start.cwd)}`);
  limitSteps(build, start);
  if (start.supervised === undefined) confineSteps(build, start.plan, ruleset);
  else supervisedSteps(build, start.plan, ruleset, start.supervised);
}

/** The restriction with a supervisor: the child tells of its listener and waits until somebody has taken it. */
function supervisedSteps(
  build: ImageBuilder,
  plan: Plan,
  ruleset: number | Slot | null,
  { tag, umask, wake, go, flags, newPrivileges }: SupervisedSteps,
): void {
  build.step('umask', [umask], 'set the umask');
  const limit = new Uint8Array(16);
  new DataView(limit.buffer).setBigUint64(0, tag, true);
  new DataView(limit.buffer).setBigUint64(8, tag, true);
  build.step('prlimit64', [0, RLIMIT.LOCKS, build.bytes(limit), null], 'mark the process as one of the run');
  build.step('getpid', [], 'ask for the process id', { store: TOLD });
  confineSteps(build, plan, ruleset, { flags, newPrivileges, store: build.field(TOLD, 4) });
  build.step(
    'write',
    [wake, build.bytes(new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0])), 8],
    'tell the supervisor',
  );
  const word = build.slot(NOT_YET);
  // So that the pipe ends with the supervisor.
  build.step('close', [go.write], 'leave the pipe to the supervisor');
  build.step('read', [go.read, { kind: 'place', at: word.at }, 4], 'wait for the supervisor');
  // Nothing came where the supervisor has ended: then there is no process of this number.
  build.step('getpgid', [word], 'hear from the supervisor');
}

const NOT_YET = -1;

/** Where the data of a supervised start has two words: the pid and the listener of the child, -1 until they are told. */
export const TOLD: Place = { kind: 'place', at: 0 };

/** Nobody tells of a parent that died before the tie: then the second step finds no such thread in the new parent. */
function tieSteps(build: ImageBuilder, signal: number, parent: number | undefined): void {
  build.step('prctl', [PR.SET_PDEATHSIG, signal], 'tie the process to its parent');
  if (parent === undefined) return;
  const now = build.slot();
  build.step('getppid', [], 'ask for the parent', { store: now });
  build.step('tgkill', [now, parent, 0], 'find the parent alive');
}

const SHELL = '/bin/sh';

/** What the first step of the restriction is called: behind it there is no way back. */
export const CONFINING = 'give up new privileges';

/** The restriction itself: no_new_privs, the Landlock domain, the filter. */
export function confineSteps(
  build: ImageBuilder,
  plan: Plan,
  ruleset: number | Slot | null,
  listener?: { readonly flags: number; readonly newPrivileges: boolean; readonly store: Slot },
): void {
  if ((ruleset !== null || plan.filter !== null) && listener?.newPrivileges !== true)
    build.step('prctl', [PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0], CONFINING);
  if (ruleset !== null)
    build.step(
      'landlock_restrict_self',
      [ruleset, plan.ruleset?.restrictFlags ?? 0],
      'enter the Landlock domain',
    );
  if (plan.filter !== null) addFilterStep(build, plan.filter, listener?.flags ?? 0, listener?.store);
}

/** Node ignores two signals, which a program would inherit; and a mask is inherited too. */
function signalSteps(build: ImageBuilder): void {
  const fresh = build.reserve(32);
  for (const signal of [SIGPIPE, SIGXFSZ])
    build.step('rt_sigaction', [signal, fresh, null, SIGSET_BYTES], 'reset a signal');
  build.step('rt_sigprocmask', [SIG_SETMASK, fresh, null, SIGSET_BYTES], 'reset the signal mask');
}

function descriptorSteps(build: ImageBuilder, { stdio, keepFds }: Setup): void {
  // A descriptor that another one will overwrite is moved out of the way first.
  const moved = stdio.map((source, target) => {
    if (source >= 3 || source === target) return source;
    const slot = build.slot();
    build.step('fcntl', [source, F.DUPFD_CLOEXEC, 3], `duplicate descriptor ${source}`, { store: slot });
    return slot;
  });
  for (const [target, source] of moved.entries()) {
    if (source === target)
      build.step('fcntl', [target, F.SETFD, 0], `keep descriptor ${target}`, { okErrno: EBADF });
    else build.step('dup3', [source, target, 0], `make descriptor ${target}`);
  }
  // Closing is left to execve, so that a failed start finds its descriptors as they were.
  const kept = [...new Set(keepFds)].filter((fd) => fd > 2).sort((a, b) => a - b);
  let from = 3;
  for (const fd of [...kept, HIGHEST_FD + 1]) {
    if (fd > from)
      build.step('close_range', [from, fd - 1, CLOSE_RANGE.CLOEXEC], 'close inherited descriptors');
    if (fd <= HIGHEST_FD) build.step('fcntl', [fd, F.SETFD, 0], `keep descriptor ${fd}`);
    from = fd + 1;
  }
}

const EBADF = 9;

function limitSteps(build: ImageBuilder, { plan, hardLimits, openFiles }: Setup): void {
  const set = (resource: number, soft: bigint, hard: bigint, name: string) => {
    const limit = new Uint8Array(16);
    const view = new DataView(limit.buffer);
    view.setBigUint64(0, soft, true);
    view.setBigUint64(8, hard, true);
    // Where the hard limit is not known beforehand, the step may fail, and its name is all that is said.
    const what =
      hardLimits === undefined ? `limit ${name} to ${hard} (the hard limit here is lower)` : `limit ${name}`;
    build.step('prlimit64', [0, resource, build.bytes(limit), null], what);
  };
  const limited = new Set(plan.limits.rlimits.map(({ resource }) => resource));
  if (openFiles !== undefined && !limited.has(RLIMIT.NOFILE))
    set(RLIMIT.NOFILE, openFiles.soft ?? NO_LIMIT, openFiles.hard ?? NO_LIMIT, 'open files');
  for (const { resource, name, value } of plan.limits.rlimits) {
    const wanted = BigInt(value);
    const hard = hardLimits?.get(resource) ?? null;
    const limit = hard !== null && hard < wanted ? hard : wanted;
    set(resource, limit, limit, name);
  }
}

const NO_LIMIT = 0xffff_ffff_ffff_ffffn;
