/**
 * The rules of a policy in canonical form: what `policy` makes of a text, what `model` decides on, what `compile`
 * turns into a plan. Everything here is resolved (no variables, no presets, absolute paths) and immutable.
 *
 * Owns the vocabulary only. The decision over these rules is `decide-rules.ts`.
 */

import type { Position } from '../errors.ts';
import type { FsRight, NetRight, Scope } from '../uapi/landlock.ts';

/** What a rule says; from strictest to most open: deny, hide, ask, allow. */
export type Verdict = 'deny' | 'hide' | 'ask' | 'allow';

/** Where a rule came from: a place in a text, or a name such as `--read` or a preset. */
export type Origin = Position & { readonly preset?: string };

/**
 * What a path rule covers.
 *
 * - `subtree`: the object at `path` and everything below it.
 * - `exact`: only the object at `path`.
 * - `glob`: every object whose whole path matches `glob`; `path` is its longest literal directory prefix.
 *
 * Paths are absolute and normal: no `.`, `..`, `//`, no trailing slash (except the root itself).
 */
export type PathPattern =
  | { readonly kind: 'subtree'; readonly path: string }
  | { readonly kind: 'exact'; readonly path: string }
  | { readonly kind: 'glob'; readonly path: string; readonly glob: string };

/** What a missing path means: an error, nothing, or a directory to create before the start. */
export type Missing = 'required' | 'optional' | 'create';

/** Which enforcer may hold the rule: whichever can, or only the kernel. */
export type Enforce = 'any' | 'kernel';

interface RuleBase {
  readonly verdict: Verdict;
  readonly because?: string;
  readonly quiet?: boolean;
  readonly enforce: Enforce;
  readonly origin: Origin;
}

/** The operations on metadata that Landlock does not know and only the supervisor can hold. */
export type MetaRight = 'meta.stat' | 'meta.list' | 'meta.write';

export interface PathRule extends RuleBase {
  readonly kind: 'path';
  readonly pattern: PathPattern;
  /** The rights this rule speaks about. A deny or hide without narrower rights speaks about all of them. */
  readonly rights: readonly (FsRight | MetaRight)[];
  readonly missing: Missing;
  /** Whether a deny below a grant may be held by granting the siblings instead. */
  readonly expand?: boolean;
}

/** Whom a network rule covers. `name` is a host name (lower case, no trailing dot), maybe with a leading `*.`. */
export type HostPattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'cidr'; readonly family: 4 | 6; readonly address: string; readonly prefix: number }
  | { readonly kind: 'class'; readonly name: 'loopback' | 'private' | 'link-local' | 'multicast' }
  | { readonly kind: 'name'; readonly name: string };

/** Ports, inclusive; any port is 0..65535. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface NetRule extends RuleBase {
  readonly kind: 'net';
  readonly right: NetRight;
  readonly host: HostPattern;
  readonly ports: PortRange;
}

/** A UNIX socket: one with a path, or an abstract one (name without the leading NUL; `*` is a glob). */
export interface UnixRule extends RuleBase {
  readonly kind: 'unix';
  readonly operation: 'connect' | 'bind';
  readonly target:
    | { readonly kind: 'path'; readonly pattern: PathPattern }
    | { readonly kind: 'abstract'; readonly glob: string };
}

/** A scope: `deny` puts the scope on, `allow` leaves it off. */
export interface ScopeRule extends RuleBase {
  readonly kind: 'scope';
  readonly scope: Scope;
}

export type Rule = PathRule | NetRule | UnixRule | ScopeRule;

/** The parts of the system that a layer can speak about. A `limit` layer leaves the others untouched. */
export type Category = 'fs' | 'net' | 'unix' | 'process';

/**
 * One layer of a policy. All `grant` texts of a policy become one grant layer (composing unions);
 * each `limit` text is a layer of its own (layering intersects).
 */
export interface RuleLayer {
  readonly kind: 'grant' | 'limit';
  /** The file or name that a person knows this layer by. */
  readonly name: string;
  /** A category that is listed is denied unless a rule allows; one that is not listed is not restricted by this layer. */
  readonly categories: readonly Category[];
  readonly rules: readonly Rule[];
  /** What the layer says about sockets beyond addresses and ports; absent where it says nothing. */
  readonly sockets?: SocketControl;
  /** Whether the layer may change while programs run in it: never where absent. Declared when it is added. */
  readonly mutable?: 'stricter' | 'any';
  /** Which layer of its sandbox and which version this is, of a layer that may change or could once. */
  readonly state?: { readonly key: number; readonly version: number };
  /** System calls that a layer which may change speaks about: those of `handled` that are not `allowed` are refused (EPERM). */
  readonly calls?: { readonly handled: readonly string[]; readonly allowed: readonly string[] };
}

/** A kind of socket in canonical form (`model/features/socket-create`); `null` is any. */
export interface SocketKindRule {
  readonly family: number;
  readonly type: number | null;
  readonly protocol: number | null;
  readonly origin: Origin;
}

/** What a layer says about sockets beyond addresses and ports. */
export interface SocketControl {
  /** Whom the layer's network rules bind: who calls, sockets that were made inside of the layer, or both. */
  readonly subject: 'caller' | 'socket' | 'both';
  /** Which sockets may be aimed anew (bound, connected, dissolved, made to listen, configured): any, or those made inside. */
  readonly aim: 'any' | 'own';
  /** Whether a socket that listens or is connected can never be dissolved or aimed anew. */
  readonly lock: boolean;
  /** Whether sockets that were made outside are asked about at each use, but for these descriptors; absent where not. */
  readonly revalidate?: { readonly exempt: readonly number[] };
  /** The kinds of sockets that may be made; any where absent. */
  readonly create?: readonly SocketKindRule[];
  readonly origin: Origin;
}

/** What is asked of the rules. Paths are absolute, normal, and after symbolic links. */
export type Request =
  | {
      readonly kind: 'path';
      readonly path: string;
      readonly rights: readonly (FsRight | MetaRight)[];
      readonly directory?: boolean;
    }
  | {
      readonly kind: 'refer';
      readonly from: string;
      readonly to: string;
      readonly operation: 'rename' | 'link' | 'exchange';
      /** Whether `from` is a directory. Without it, it may be one: then the move must also be safe for what is below. */
      readonly directory?: boolean;
      /** Whether something is at `to` already, which the move removes. */
      readonly replaces?: boolean;
      /** The right to make what moves, by its type; `fs.make_dir` or `fs.make_reg` where absent. */
      readonly make?: FsRight;
      /** What is at `to` already, where known: an exchange makes it at `from`. It may be a directory where absent. */
      readonly there?: { readonly directory: boolean; readonly make: FsRight };
    }
  | {
      readonly kind: 'net';
      readonly right: NetRight;
      readonly port: number;
      readonly address?: string;
      readonly name?: string;
    }
  | {
      readonly kind: 'unix';
      readonly operation: 'connect' | 'bind';
      readonly path?: string;
      readonly abstract?: string;
    }
  | { readonly kind: 'scope'; readonly scope: Scope };

/** Why a layer answered as it did. `rule` is absent where no rule covers the request ("not granted"). */
export interface LayerAnswer {
  readonly layer: number;
  readonly name: string;
  readonly verdict: Verdict;
  /** The winning rule. */
  readonly rule?: Rule;
  /** The rights that this layer does not give; empty when it allows. */
  readonly missing: readonly (FsRight | MetaRight | NetRight | Scope | 'unix.connect' | 'unix.bind')[];
}

/** The answer to a request, with its blame. */
export interface RulesDecision {
  readonly verdict: Verdict;
  /** The strictest layer's answer; on a tie the youngest. */
  readonly blame: LayerAnswer;
  /** Every layer that restricts the request, oldest first. */
  readonly layers: readonly LayerAnswer[];
  /** What the program sees: 0 when allowed, else an errno (13 EACCES, 2 ENOENT for hide, 18 EXDEV, 1 EPERM). */
  readonly errno: number;
}
