/**
 * One denial, whoever told of it: the kernel's audit, a log, a tracepoint or the supervisor. What `audit` correlates,
 * explains, stores and exports, and what the supervisor emits.
 *
 * Owns the shape. Every string in it may come from a confined program: escape before showing.
 */

import type { Position } from '../errors.ts';
import type { Verdict } from './rules.ts';

/** Who told of a denial. `log` is a file of the audit daemon or `ausearch --raw`, `kmsg` the kernel log. */
export type DenialSource = 'audit' | 'log' | 'journal' | 'kmsg' | 'tracepoint' | 'supervisor';

/** What a denial is about. Ports in host order; addresses as text without brackets. */
export type DenialObject =
  | {
      readonly kind: 'path';
      readonly path: string;
      /** The other end of a rename or link. */
      readonly to?: string;
      readonly dev?: string;
      readonly ino?: bigint;
      readonly ioctl?: number;
      readonly directory?: boolean;
    }
  | {
      readonly kind: 'net';
      readonly protocol?: 'tcp' | 'udp' | 'other';
      readonly address?: string;
      readonly port?: number;
      readonly name?: string;
    }
  | { readonly kind: 'unix'; readonly path?: string; readonly abstract?: string }
  | { readonly kind: 'task'; readonly pid: number; readonly comm: string }
  | { readonly kind: 'mount'; readonly name: string; readonly dev?: string; readonly ino?: bigint }
  | { readonly kind: 'none' };

/** The process that was refused. Ids as the teller's PID namespace has them. */
export interface DenialProcess {
  readonly pid: number;
  readonly tid?: number;
  readonly comm?: string;
  readonly exe?: string;
  readonly uid?: number;
  /** The program's arguments as far as the kernel's log has them (up to 128 bytes). */
  readonly commandLine?: readonly string[];
}

/** A layer that stood in the way. */
export interface DenialLayer {
  /** 0 for the oldest layer of the domain or policy. */
  readonly layer: number;
  readonly name?: string;
  /** Which version of a layer that changes said no; absent where it never did. */
  readonly version?: number;
  readonly missing: readonly string[];
  readonly verdict?: Exclude<Verdict, 'allow'>;
  /** The line that said no; absent where no rule grants the request. */
  readonly rule?: { readonly text: string; readonly origin: Position; readonly because?: string };
}

/**
 * Whose credential said no about a socket: who calls, where the socket was made, the relation between both (a scope), or a
 * lock on the socket.
 */
export type DenialSide = 'caller' | 'socket' | 'relation' | 'lock';

/** One denial. */
export interface DenialEvent {
  readonly source: DenialSource;
  /** Whether the program felt it, or it was only noted (a trial, a quiet observer). */
  readonly effect: 'denied' | 'hidden' | 'observed';
  /** Milliseconds since 1970, fractions allowed. */
  readonly time: number;
  /** The serial of the audit event. */
  readonly serial?: number;
  /** The system call, by name; absent where the teller does not know. */
  readonly operation?: string;
  /** What was asked and not granted, in audit spelling (`fs.read_file`, `net.connect_tcp`, `ptrace`, `unix.connect`). */
  readonly missing: readonly string[];
  readonly object: DenialObject;
  /** What the program got. */
  readonly errno?: number;
  /** The domain that denied: the kernel's identifier, or `TID.version` of user-space Landlock. */
  readonly domain?:
    | { readonly kind: 'kernel'; readonly id: bigint }
    | { readonly kind: 'user'; readonly id: string };
  readonly process?: DenialProcess;
  /** Who put the domain on, as it was then, where the teller knows: not who was refused, but above them or the same. */
  readonly enforcer?: DenialProcess;
  /** Names that the call gave, where audit rules made the kernel log them. */
  readonly names?: readonly string[];
  /** The layer that is blamed: the strictest, the youngest on a tie. */
  readonly blame?: DenialLayer;
  /** Every layer that refuses, oldest first, as far as the teller knows. */
  readonly layers?: readonly DenialLayer[];
  /** Of a socket: whose credential said no, where it is not the caller's alone that is ever asked. */
  readonly side?: DenialSide;
  /** Of a socket: whether it was made before the program or by another, so that it may have worked before. */
  readonly made?: 'inside' | 'outside';
  /** The policy program or function that said no, by its name. */
  readonly program?: string;
  /** The run (see the registry of `audit`), where known. */
  readonly run?: string;
  /** Hex digest of the policy in force, where known. */
  readonly digest?: string;
}
