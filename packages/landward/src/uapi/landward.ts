/**
 * What a supervised program may ask landward itself, by `prctl(LANDWARD, operation, ...)`: an option that no kernel has, so
 * that outside of a supervisor it fails with EINVAL, and that any language can call.
 *
 * Owns the numbers. They are stable: a program that was built with them goes on working.
 */

/** The first argument of `prctl`: "LDWD" in ASCII. */
export const PR_LANDWARD = 0x4c445744;

/** The second argument: what is asked. Arguments that an operation does not name must be 0. */
export const LANDWARD = {
  /** No further arguments. @returns 1: there is a landward */
  PRESENT: 0,
  /** (socket): it can never be dissolved or aimed anew. */
  SOCKET_LOCK: 1,
  /** (socket): its credential becomes the caller's, for all who hold it. */
  SOCKET_MOVE: 2,
  /** (ruleset, flags): what a ruleset says about sockets, see `RULESET_SOCKETS`. */
  RULESET_SOCKETS: 3,
  /** (object file, number of the program in it, flags 0): verifies and loads. @returns a descriptor of the program */
  PROGRAM_LOAD: 4,
  /** (buffer, size): the layers of the calling thread and whether each may change. @returns bytes written */
  LAYERS: 5,
  /** (pidfd or -1 for the caller, flags 0). @returns a descriptor of the domain that restricts it */
  DOMAIN_OPEN: 6,
  /** (domain, buffer for 8 bytes, flags): the identifier, see `DOMAIN_ID`. */
  DOMAIN_ID: 7,
  /** (domain, domain). @returns 1 for the same, 0 for another */
  DOMAIN_SAME: 8,
  /** (domain, flags 0). @returns a ruleset that restricts as the domain does */
  DOMAIN_RULESET: 9,
} as const;

export type LandwardOperation = keyof typeof LANDWARD;

/** Flags of `RULESET_SOCKETS`. */
export const RULESET_SOCKETS = {
  /** The layer's network rights bind sockets made inside of it, not who calls. */
  SUBJECT_SOCKET: 1 << 0,
  /** Sockets made outside cannot be aimed. */
  RECONFIGURE: 1 << 1,
  /** Sockets made outside are asked about at each use, but for descriptors 0, 1 and 2. */
  REVALIDATE: 1 << 2,
  /** As `REVALIDATE`, and 0, 1 and 2 are asked about as well. */
  REVALIDATE_ALL: 1 << 3,
} as const;

/** Flags of `DOMAIN_ID`. */
export const DOMAIN_ID = {
  /** The absolute identifier, as in audit: for whoever has CAP_AUDIT_READ. Without it, the one relative to the caller. */
  ABSOLUTE: 1 << 0,
} as const;
