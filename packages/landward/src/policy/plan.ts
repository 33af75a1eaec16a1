/**
 * A plan: what a policy becomes on one host. Pure data, made by `compile`, carried out by `launch`, printed by the
 * commands. Nothing in a plan is decided again later.
 */

import type { NotifyGroup } from '../filter/notify.ts';
import type { Category, Missing, Origin, Rule, RuleLayer } from '../model/rules.ts';
import type { SavedRun } from '../model/saved-run.ts';
import type { SocketMode } from '../model/sockets/modes.ts';
import type { Right } from '../uapi/landlock.ts';
import type { SyscallName } from '../uapi/syscalls.ts';
import type { Feature } from './features.ts';

/** What is known of the host before compiling. Gathered by `kernel/host.ts`; tests give their own. */
export interface Host {
  readonly arch: 'x86_64' | 'aarch64';
  /** The Landlock ABI of the kernel, 0 where there is none. */
  readonly abi: number;
  readonly errata: number;
  /** Why there is no Landlock, where `abi` is 0. */
  readonly landlock: 'available' | 'absent' | 'disabled' | 'refused';
  readonly seccomp: boolean;
  /** Whether the supervisor may be used: it can be built in, switched off, or impossible here. */
  readonly supervisor: boolean;
  readonly kernel: string;
  readonly uid: number;
  /** What a path is, following symbolic links; `null` where there is nothing. Takes many at once because it is a system call each. */
  stat(paths: readonly string[]): readonly (PathFact | null)[];
  /** The names in a directory, or `null` where it cannot be listed. */
  list(path: string): readonly string[] | null;
  /** For each directory whether names in it have no case; not known where absent. */
  folds?(directories: readonly string[]): readonly boolean[];
  /**
   * A cgroup v2 directory in which a child can be made for the program, with the controllers that the child gets.
   * Absent where there is none, or where the launcher cannot carry out `LimitPlan.cgroup`.
   */
  readonly cgroup?: { readonly path: string; readonly controllers: readonly string[] };
}

/** An existing object. */
export interface PathFact {
  /** The path with symbolic links resolved. */
  readonly real: string;
  readonly type: 'file' | 'directory' | 'char' | 'block' | 'fifo' | 'socket';
  readonly dev: bigint;
  readonly ino: bigint;
  /** How many names the object has; absent where not known. */
  readonly nlink?: number;
}

/** One `landlock_add_rule` for a path. `access` is already cut to what the object and the ABI allow. */
export interface PathAccess {
  readonly path: string;
  readonly access: number;
  /** The object that was there at compile time; another object at start is an error. Absent for `create`. */
  readonly identity?: { readonly dev: bigint; readonly ino: bigint };
  readonly missing: Missing;
  readonly origins: readonly Origin[];
  /** Whether denials here are kept out of the log (ABI 10); then `access` may be 0. */
  readonly quiet?: boolean;
}

/** One `landlock_add_rule` for a port. */
export interface PortAccess {
  readonly port: number;
  readonly access: number;
  readonly origins: readonly Origin[];
  /** As with paths. */
  readonly quiet?: boolean;
}

/** The one Landlock ruleset of a plan. */
export interface PlanRuleset {
  readonly handledFs: number;
  readonly handledNet: number;
  readonly scoped: number;
  /** The rights whose denial is not logged where a rule is quiet; absent where no rule is. */
  readonly quietFs?: number;
  readonly quietNet?: number;
  readonly paths: readonly PathAccess[];
  readonly ports: readonly PortAccess[];
  /** Flags for `landlock_restrict_self`. */
  readonly restrictFlags: number;
}

/** Something that this host cannot hold. Without being accepted by name it stops the start. */
export interface Gap {
  /** The name that `degrade` accepts, such as `net.udp` or `fs.truncate`. */
  readonly feature: Feature;
  /** What is lost, in one sentence. */
  readonly lost: string;
  /** What would close it. */
  readonly closes: string;
  readonly rule?: Rule;
  readonly accepted: boolean;
  /** Set where the supervisor cannot close it although it holds the feature elsewhere. */
  readonly open?: true;
}

/** How far one rule is held. */
export interface RuleReport {
  readonly rule: Rule;
  readonly enforcer: 'kernel' | 'filter' | 'supervisor' | 'none';
  readonly state: 'fully' | 'partially' | 'not';
  /** Rights of the rule that are not held, or are held stricter than written. */
  readonly lost: readonly string[];
  readonly note?: string;
}

/** The truthful account of a plan. */
export interface Report {
  readonly abi: number;
  readonly state: 'fully' | 'partially' | 'not';
  readonly rights: readonly { readonly right: Right; readonly state: 'enforced' | 'not handled' | 'lost' }[];
  readonly rules: readonly RuleReport[];
  /** Where the plan is stricter than the policy, and what that means. */
  readonly stricter: readonly string[];
  /** What stays possible although no rule allows it, and that no gap names because no rule speaks of it. */
  readonly residual: readonly string[];
  /** What else a person should know: how the policy was completed for this start, and requests that change no verdict. */
  readonly notes: readonly string[];
}

/** Which variables the program sees: applied to the caller's environment in this order. */
export interface EnvPlan {
  /** Names or globs that pass; `null` passes all (except `scrub` and the loader's variables). */
  readonly pass: readonly string[] | null;
  readonly scrub: readonly string[];
  readonly set: Readonly<Record<string, string>>;
}

/** Resource limits. Bytes, seconds, counts. */
export interface LimitPlan {
  readonly rlimits: readonly { readonly resource: number; readonly name: string; readonly value: number }[];
  /** cgroup v2 controller files and their values, where a cgroup can be written. */
  readonly cgroup: Readonly<Record<string, string>>;
  /** Wall-clock time in milliseconds after which the program is ended. */
  readonly timeMs?: number;
}

/** What the supervisor holds of a plan, and what it has to be asked about for that. */
export interface SupervisorPlan {
  /** The gaps that it closes. */
  readonly closes: readonly Feature[];
  readonly groups: readonly NotifyGroup[];
  /** Host names of the policy, without wildcards' stars: resolved by the supervisor itself. */
  readonly names: readonly string[];
  /** `observe` answers as if nothing were denied, and notes what would have been. */
  readonly mode: 'enforce' | 'observe';
  /** Set where the program's own Landlock calls are answered by the model: the ABI to show. */
  readonly landlock?: {
    readonly abi: number;
    readonly errata: number;
    /** Whose credential decides on sockets between the program's own domains; `caller`, as in Linux, where absent. */
    readonly sockets?: SocketMode;
    /**
     * Who may enforce policy programs on itself: `unprivileged`, whoever has given up new privileges (when absent);
     * `privileged`, who has CAP_SYS_ADMIN, and nothing is given up.
     */
    readonly programs?: 'unprivileged' | 'privileged';
  };
  /** System calls that are asked about because a layer that may change speaks of them. */
  readonly calls?: readonly SyscallName[];
  /** Whose layers these are, of a plan whose layers may change: starts with the same mark share them. */
  readonly sandbox?: string;
  /** Whether its owner may add layers while programs run. */
  readonly addsLayers?: true;
  /** The run that this plan goes on with, as a checkpoint has kept it. */
  readonly restored?: SavedRun;
  /** Policy programs that are asked besides the rules: object files as `programs/` reads them. */
  readonly programs?: readonly ProgramFile[];
  /** Parts of the system about which a function of the starting process is asked besides the rules. */
  readonly decides?: readonly Category[];
  /** Whether a person is asked where a rule says `ask`. */
  readonly answers?: true;
}

/** A file of policy programs. */
export interface ProgramFile {
  readonly name: string;
  readonly object: Uint8Array;
  /** What its loader puts into its inode maps: objects by where they were, and which they were. */
  readonly inodes?: readonly ProgramInodeEntry[];
}

/** An entry of an inode map. */
export interface ProgramInodeEntry {
  readonly map: string;
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly value: bigint;
}

export interface Plan {
  readonly version: 1;
  readonly arch: 'x86_64' | 'aarch64';
  readonly abi: number;
  /** Hex SHA-256 of the canonical policy. */
  readonly digest: string;
  readonly layers: readonly RuleLayer[];
  readonly ruleset: PlanRuleset | null;
  /** A classic BPF program as packed `struct sock_filter` (8 bytes an instruction, host order), or `null`. */
  readonly filter: Uint8Array | null;
  /** What the supervisor holds; `null` where the kernel alone holds the plan. */
  readonly supervisor: SupervisorPlan | null;
  /** Directories to create before the start. */
  readonly create: readonly string[];
  readonly env: EnvPlan;
  readonly limits: LimitPlan;
  /** Descriptors above 2 that stay open. */
  readonly keepFds: readonly number[];
  /** Whether the plan needs a process that stays (wall-clock limit, supervisor). */
  readonly stays: boolean;
  readonly gaps: readonly Gap[];
  readonly report: Report;
}
