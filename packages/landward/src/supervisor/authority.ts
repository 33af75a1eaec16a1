/**
 * The questions that handlers ask, and who answers them. Every answer comes from `model`.
 *
 * Owns the contract. A run has one authority, which asks the policy of the plan and, where programs use Landlock
 * themselves, the domain of the calling thread; the strictest answer counts. A denial is reported by the authority, not
 * by handlers.
 */

import type { SocketAddress } from '../model/landlock/inet.ts';
import type { InetSocket } from '../model/landlock/world.ts';
import type { FsTrigger } from '../model/programs/index.ts';
import type { MetaRight, RulesDecision } from '../model/rules.ts';
import type { NetSocket, Shutdown } from '../model/sockets/socket.ts';
import type { FsRight, NetRight } from '../uapi/landlock.ts';
import type { SyscallName } from '../uapi/syscalls.ts';
import type { Call } from './call.ts';
import type { Entry, Place } from './place.ts';
import type { Trail } from './trail.ts';

/** What a handler asks. */
export type Question =
  /** Rights on an object that exists: opening, truncating, executing. */
  | { readonly kind: 'access'; readonly at: Place; readonly rights: readonly (FsRight | MetaRight)[] }
  /**
   * Opening a file that exists: `rights` must be had, `optional` ones (truncate, ioctl_dev) are looked up for later use
   * of the open file.
   */
  | {
      readonly kind: 'open';
      readonly at: Place;
      readonly rights: readonly FsRight[];
      readonly optional: readonly FsRight[];
      /** Whether what is written goes to the end. */
      readonly append?: boolean;
      /** Whether this very call has made the file, without a name: a run of it from the beginning makes another one. */
      readonly fresh?: true;
    }
  /** A new name: `fs.make_*` on the directory. With `open`, the rights that the new file is opened with. */
  | {
      readonly kind: 'make';
      readonly entry: Entry;
      readonly right: FsRight;
      /** Of a device node: its number, as `mknod` has it. */
      readonly device?: number;
      readonly open?: readonly FsRight[];
      readonly optional?: readonly FsRight[];
    }
  | { readonly kind: 'remove'; readonly entry: Entry; readonly right: 'fs.remove_file' | 'fs.remove_dir' }
  | {
      readonly kind: 'refer';
      readonly from: Entry;
      readonly to: Entry;
      readonly operation: 'rename' | 'link' | 'exchange';
      readonly whiteout?: boolean;
    }
  /** Whether the place may be seen at all (`hide`). */
  | { readonly kind: 'find'; readonly path: string; readonly at?: Place }
  | {
      readonly kind: 'net';
      readonly right: NetRight;
      /** `null` where the family has none. Text without brackets. */
      readonly address: string | null;
      readonly port: number;
      /** Names that are known to mean the address for this run. */
      readonly names: readonly string[];
      /** Set where the call names no address: a socket that listens unbound takes a port, and Landlock does not ask. */
      readonly implied?: boolean;
      /**
       * The call as Landlock judges it: the socket and the address as the program gave them, before any other check.
       * Absent where only the right counts.
       */
      readonly attempt?: {
        readonly call: 'bind' | 'connect' | 'send';
        readonly socket: InetSocket;
        readonly given: SocketAddress | null;
        readonly fastOpen?: boolean;
      };
      /** The socket's protocol; TCP or UDP by the right where absent. */
      readonly protocol?: number;
      /** The socket, for layers that look at where it was made; absent where it has no identity. */
      readonly socket?: SocketRef;
    }
  /** What is done with a socket besides naming an address. */
  | {
      readonly kind: 'socket';
      readonly use: 'disassociate' | 'listen' | 'shutdown' | 'accept' | 'send' | 'receive' | 'configure';
      readonly socket: SocketRef;
      /** Of a shutdown. */
      readonly how?: Shutdown;
    }
  /** A new socket, as asked for: flags in `type` dropped. */
  | {
      readonly kind: 'socket-create';
      readonly triple: { readonly family: number; readonly type: number; readonly protocol: number };
    }
  /** A system call as such, for layers of system calls that may change. */
  | { readonly kind: 'call'; readonly name: SyscallName }
  /**
   * A directory on the way of a lookup, for programs that follow it: where it begins (or begins anew, at what an absolute
   * link leads to), and each in which something is looked for.
   */
  | {
      readonly kind: 'walk';
      readonly at: Place;
      readonly lookup: 'start' | 'name' | 'dot' | 'dotdot';
      readonly trail: Trail;
    }
  /** What is done to an object and no rule speaks of, or nothing. With `gets`, later lookups may begin there. */
  | {
      readonly kind: 'pick';
      readonly at: Place;
      readonly triggers: readonly FsTrigger[];
      readonly gets?: true;
    }
  | {
      readonly kind: 'unix';
      readonly operation: 'connect' | 'bind';
      /** `own`: whether all sockets that hold the address were bound by this run. */
      readonly at:
        | { readonly place: Place; readonly own?: boolean }
        | { readonly abstract: string; readonly path?: never; readonly own?: boolean };
      /** The inode of the socket that holds the address, for domains that decide by its creator. */
      readonly peer?: { readonly ino: bigint } | undefined;
      /** The caller's own socket. */
      readonly socket?: { readonly ino: bigint } | undefined;
      /** Whether it is a datagram socket that is connected to this very peer. */
      readonly connected?: boolean;
    }
  /** Using an open file for what was decided at its opening; `file` is the `Judgement.file` of then. */
  | {
      readonly kind: 'opened';
      readonly at: Place;
      readonly right: 'fs.truncate' | 'fs.ioctl_dev';
      readonly ioctl?: number;
      readonly file?: unknown;
    }
  /** `target` null: a process that is gone or outside of what can be seen. Signal 0 is asked as well. */
  | { readonly kind: 'signal'; readonly tid: number; readonly signal: number }
  | { readonly kind: 'ptrace'; readonly tid: number; readonly traceme?: boolean }
  | { readonly kind: 'topology'; readonly at?: Place };

/** A socket of the caller. Whoever holds it under whatever number, it is the same cookie. */
export interface SocketRef {
  readonly cookie: bigint;
  /** The number under which the caller uses it. */
  readonly fd: number;
  readonly inet: InetSocket;
  readonly state: NetSocket['state'];
  /** The local port, and the remote one where it has one. */
  readonly port: number | null;
  readonly peer: number | null;
  /** The addresses of both as text, where the family has some. */
  readonly local?: string | null;
  readonly remote?: string | null;
}

/** Allowed is errno 0. */
export interface Judgement {
  readonly errno: number;
  /** Optional rights that were not had; absent where there are none. */
  readonly lacking?: readonly FsRight[];
  /** Rights that are asked about again when the open file is used; absent where there are none. */
  readonly watched?: readonly FsRight[];
  /** The decision of rules that leave it to a person, who is asked last; then `errno` is 0, and nothing is allowed yet. */
  readonly asking?: RulesDecision;
  /** What the open file has to keep for the question `opened`; means something to the authority only. */
  readonly file?: unknown;
}

export interface Authority {
  /** Answers and, on a denial, reports. In `observe` mode the errno is always 0. */
  ask(call: Call, question: Question): Judgement;
  /** Asks without reporting: for listings, and to choose among errors. */
  would(call: Call, question: Question): Judgement;
  /** Whether the calling thread is free of any restriction that this authority could answer with no. */
  isFree(call: Call): boolean;
  /** Asks only who is asked besides the rules: what the rules have nothing to say about, or have allowed before. */
  besides?(call: Call, question: Question): Judgement;
  /** Whether lookups have to be followed step by step (`walk`); not where absent. */
  follows?(call: Call): boolean;
}
