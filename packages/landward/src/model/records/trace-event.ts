/**
 * What the trace events of Landlock (Linux 7.3) say, as types. How ftrace prints them is `tracepoint.ts`.
 */

/** A ruleset and how many rules it had. */
export interface RulesetVersion {
  readonly id: bigint;
  readonly version: number;
}

/** An object by its device and number. */
export interface TraceInode {
  readonly major: number;
  readonly minor: number;
  readonly ino: bigint;
}

interface Denying {
  readonly domain: bigint;
  /** Whether the program that enforced the domain still ran. */
  readonly sameExec: boolean;
  /** Whether audit would have written it. */
  readonly logged: boolean;
}

/** What an event says. Rights are spelled as ftrace does, without `fs.`, `net.` or `scope.`. */
export type TraceEvent =
  | {
      readonly event: 'create_ruleset';
      readonly ruleset: RulesetVersion;
      readonly handledFs: readonly string[];
      readonly handledNet: readonly string[];
      readonly scoped: readonly string[];
    }
  | { readonly event: 'free_ruleset'; readonly ruleset: RulesetVersion }
  | {
      readonly event: 'add_rule_path_beneath';
      readonly ruleset: RulesetVersion;
      readonly rights: readonly string[];
      readonly inode: TraceInode;
      readonly path: string;
    }
  | {
      readonly event: 'add_rule_net_port';
      readonly ruleset: RulesetVersion;
      readonly rights: readonly string[];
      readonly port: number;
    }
  | {
      readonly event: 'create_domain';
      readonly domain: bigint;
      /** 0 for none. */
      readonly parent: bigint;
      readonly ruleset: RulesetVersion;
    }
  | {
      readonly event: 'enforce_domain';
      readonly domain: bigint;
      /** The last of the threads that are restricted together. */
      readonly complete: boolean;
      readonly processWide: boolean;
      readonly noNewPrivs: boolean;
    }
  | { readonly event: 'free_domain'; readonly domain: bigint; readonly denials: bigint }
  | {
      readonly event: 'check_rule_inode';
      readonly domain: bigint;
      readonly request: readonly string[];
      readonly inode: TraceInode;
      /** What the rules on the object grant, oldest layer first. */
      readonly grants: readonly (readonly string[])[];
    }
  | {
      readonly event: 'check_rule_net_port';
      readonly domain: bigint;
      readonly request: readonly string[];
      readonly port: number;
      readonly grants: readonly (readonly string[])[];
    }
  | (Denying & {
      readonly event: 'deny_access_fs';
      readonly blockers: readonly string[];
      readonly inode: TraceInode;
      readonly path: string;
    })
  | (Denying & {
      readonly event: 'deny_access_net';
      readonly blockers: readonly string[];
      /** -1 for none. */
      readonly port: number;
    })
  | (Denying & {
      readonly event: 'deny_ptrace';
      readonly traceeDomain: bigint;
      readonly traceePid: number;
      readonly traceeComm: string;
    })
  | (Denying & {
      readonly event: 'deny_scope_signal';
      readonly targetDomain: bigint;
      readonly targetPid: number;
      readonly targetComm: string;
    })
  | (Denying & {
      readonly event: 'deny_scope_abstract_unix_socket';
      readonly peerDomain: bigint;
      readonly peerPid: number;
      /** The abstract name without its leading NUL. */
      readonly sunPath: string;
    });

/** One line: who was running, and what happened. */
export interface TraceLine {
  readonly comm: string;
  readonly pid: number;
  readonly what: TraceEvent;
}
