/**
 * What Landlock writes down: denials, and domains as they are first named and freed. One shape for all formats.
 *
 * Owns the shapes. The formats are `audit.ts` (merged kernel audit), `line2023.ts` and `tracepoint.ts`; which decision
 * makes which record is `journal.ts`. Strings come from foreign programs: escape them before a person sees them.
 */

/** When audit wrote a record. Records of one event share all three. */
export interface Stamp {
  readonly seconds: number;
  readonly milliseconds: number;
  readonly serial: number;
}

/** An object in a file system. */
export interface FileIdentity {
  /** Name of the device or file system, such as `vda2` or `tmpfs`. */
  readonly dev: string;
  readonly ino: bigint;
}

/** Addresses and ports of a network denial, as far as they are not zero. */
export interface NetFields {
  readonly laddr?: string;
  readonly lport?: number;
  readonly faddr?: string;
  readonly fport?: number;
  readonly saddr?: string;
  readonly src?: number;
  readonly daddr?: string;
  readonly dest?: number;
}

/** The object of a denial. */
export type RecordObject =
  | { readonly kind: 'path'; readonly path: string; readonly file?: FileIdentity; readonly ioctl?: number }
  | { readonly kind: 'mount'; readonly name: string; readonly file?: FileIdentity }
  | { readonly kind: 'task'; readonly pid: number; readonly comm: string }
  | { readonly kind: 'net'; readonly fields: NetFields }
  /** An abstract UNIX socket; the name without its leading NUL. */
  | { readonly kind: 'abstract'; readonly name: string }
  | { readonly kind: 'none' };

/** A field that this version of landward does not know, as written. */
export interface ForeignField {
  readonly key: string;
  readonly raw: string;
}

/** One denial of one domain. */
export interface AccessRecord {
  readonly type: 'access';
  readonly stamp: Stamp;
  readonly domain: bigint;
  /** In audit spelling and bit order; may name rights that are newer than landward. */
  readonly blockers: readonly string[];
  readonly object: RecordObject;
  readonly foreign?: readonly ForeignField[];
}

/** The first logged denial of a domain tells who enforced it. */
export interface AllocatedRecord {
  readonly type: 'allocated';
  readonly stamp: Stamp;
  readonly domain: bigint;
  readonly mode: string;
  readonly pid: number;
  readonly uid: number;
  /** `null` where the enforcing thread had no program. */
  readonly exe: string | null;
  readonly comm: string;
  readonly foreign?: readonly ForeignField[];
}

/** The end of a domain that was allocated in the log. */
export interface DeallocatedRecord {
  readonly type: 'deallocated';
  readonly stamp: Stamp;
  readonly domain: bigint;
  /** Denials blamed on the domain, logged or not. */
  readonly denials: bigint;
  readonly foreign?: readonly ForeignField[];
}

export type AuditRecord = AccessRecord | AllocatedRecord | DeallocatedRecord;

/** What reading a line gives: what it says, or why it can't be trusted to say anything. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };
