/**
 * A policy: what the texts say once `extends`, presets, variables and layers are resolved. The input of `compile`,
 * of the model's questions and of the printers. Pure data; paths are absolute.
 *
 * Defaults are filled in here, so that no later stage has an opinion of its own.
 */

import type { Position } from '../errors.ts';
import type { Request, RuleLayer } from '../model/rules.ts';
import type { Feature } from './features.ts';
import type { EnvPlan } from './plan.ts';

/** What the seccomp filter has to hold besides sockets; `deny` is the default of all. */
export interface ProcessPolicy {
  /**
   * io_uring bypasses filters and, with rings made before, Landlock. `deny-new` is never written in a policy: a running
   * Node that restricts itself keeps the rings of its event loops.
   */
  readonly ioUring: 'deny' | 'deny-new' | 'allow';
  /** ptrace, process_vm_*, kcmp, pidfd_getfd between processes inside the domain. Outside is always denied by Landlock. */
  readonly ptrace: 'deny' | 'allow';
  /** New user, mount, network and other namespaces, setns, mounts. */
  readonly namespaces: 'deny' | 'allow';
  /** TIOCSTI and TIOCLINUX. */
  readonly terminalInjection: 'deny' | 'allow';
  /** Further system calls to refuse with EPERM, by name. */
  readonly syscalls: readonly string[];
}

/** `[limits]` as written, in base units. */
export interface LimitPolicy {
  readonly procs?: number;
  readonly memoryBytes?: number;
  readonly cpuSeconds?: number;
  readonly files?: number;
  readonly fileSizeBytes?: number;
  readonly coreBytes?: number;
  readonly timeMs?: number;
}

/** One `[[test]]`: an expectation about the policy. */
export interface PolicyTest {
  readonly expect: 'allow' | 'deny' | 'hide' | 'ask';
  readonly text: string;
  /** A test may need several requests (`write` asks several rights); all must be answered as expected for allow, one suffices for deny. */
  readonly request: Request;
  readonly at: Position;
}

/** Something a person should know that is no error: a variable that nobody uses, a key or a rule that has no effect here. */
export interface PolicyNote {
  readonly code: 'unused-variable' | 'not-approved' | 'home-project' | 'opens-command' | 'no-such-port';
  readonly text: string;
  readonly at: Position;
}

export interface Policy {
  /** One grant layer first, then the limits in order. */
  readonly layers: readonly RuleLayer[];
  readonly process: ProcessPolicy;
  readonly env: EnvPlan;
  readonly limits: LimitPolicy;
  readonly require: {
    readonly abi?: number;
    /** Gaps accepted by name. */
    readonly degrade: readonly Feature[];
  };
  readonly keepFds: readonly number[];
  /**
   * Absolute paths that decide about later starts and must not be writable from inside: landward's state directory, and
   * policy files that are believed without an approval of their digest. Whoever loads the policy fills it.
   */
  readonly protect?: readonly string[];
  /**
   * Where landward itself lies. A program that may write there decides what the next start is worth; the report says so,
   * and no more, because a project that brings landward among its own packages could not be confined otherwise.
   */
  readonly program?: string;
  /**
   * Absolute paths, after symbolic links, of trees that others fill, such as the project and temporary files: a link
   * there must not lead a grant out. Trees in which the policy lets programs make links count without being named.
   */
  readonly foreign?: readonly string[];
  /** `landlock_restrict_self` log flags; `newExec` on by default so that denials of the program reach audit. */
  readonly log: { readonly sameExec: boolean; readonly newExec: boolean; readonly subdomains: boolean };
  readonly tests: readonly PolicyTest[];
  /** Names of files and presets that made this policy, in order. */
  readonly sources: readonly string[];
  readonly notes?: readonly PolicyNote[];
  /** Policy programs that are asked besides the rules: files to be read when the policy is compiled. */
  readonly programs?: readonly PolicyProgram[];
}

/** A file of policy programs as a policy names it. Paths are absolute. */
export interface PolicyProgram {
  readonly path: string;
  /** What is put into its inode maps, by map: each object gets the value 1. */
  readonly inodes: Readonly<Record<string, readonly string[]>>;
  readonly origin: Position;
}
