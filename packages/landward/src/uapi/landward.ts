/**
 * What a supervised program may ask landward itself, by `prctl(LANDWARD, operation, ...)`: an option that no kernel has, so
 * that outside of a supervisor it fails with EINVAL, and that any language can call.
 *
 * Owns the numbers. They are stable: a program that was built with them goes on working.
 */

import { layout } from './layout.ts';

/** The first argument of `prctl`: "LDWD" in ASCII. */
export const PR_LANDWARD = 0x4c445744;

/** The second argument: what is asked. Arguments that an operation does not name must be 0. */
export const LANDWARD = {
  /** No further arguments. @returns 1: there is a landward */
  PRESENT: 0,
  /** (socket): a TCP or UDP socket that listens or is connected can never be dissolved or aimed anew. */
  SOCKET_LOCK: 1,
  /** (socket): its credential becomes the caller's, for all who hold it. Only in the mode `transition`. */
  SOCKET_MOVE: 2,
  /** (ruleset, flags, port): what a ruleset says about sockets, see `RULESET_SOCKETS`. EOPNOTSUPP in modes that do not ask. */
  RULESET_SOCKETS: 3,
  /** (object file, number of the program in it, flags 0): verifies and loads. @returns a descriptor of the program */
  PROGRAM_LOAD: 4,
  /**
   * (buffer, size): the layers of the calling thread and whether each may change, as `LAYERS_HEADER` and `LAYER_RECORD`s.
   * @returns bytes written; with size 0, bytes needed
   */
  LAYERS: 5,
  /** (pidfd or -1 for the caller, flags 0). @returns a descriptor of the domain that restricts it */
  DOMAIN_OPEN: 6,
  /** (domain, buffer for 8 bytes, flags): the identifier, see `DOMAIN_ID`. */
  DOMAIN_ID: 7,
  /** (domain, domain). @returns 1 for the same, 0 for another */
  DOMAIN_SAME: 8,
  /** (domain, flags 0). @returns a ruleset that restricts as the domain does */
  DOMAIN_RULESET: 9,
  /** No further arguments. @returns whose credential decides on sockets under user-space Landlock, see `SOCKET_MODE` */
  SOCKET_MODE: 10,
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
  /** Sockets made inside may be bound to the port, in the mode `new-rights`. Adds to what is granted; for itself only. */
  GRANT_BIND: 1 << 4,
  /** The same for connecting to the port. Both may be given at once. */
  GRANT_CONNECT: 1 << 5,
} as const;

/** What SOCKET_MODE returns. */
export const SOCKET_MODE = {
  caller: 0,
  socket: 1,
  both: 2,
  ruleset: 3,
  'new-rights': 4,
  'reconfigure-scope': 5,
  transition: 6,
  revalidate: 7,
} as const;

/** Flags of `DOMAIN_ID`. */
export const DOMAIN_ID = {
  /** The absolute identifier, as in audit: for whoever has CAP_AUDIT_READ. Without it, the one relative to the caller. */
  ABSOLUTE: 1 << 0,
} as const;

/**
 * What LAYERS writes first. Both sizes are there so that later versions can append fields: step by `record_size`, pass over
 * what is not known.
 */
export const LAYERS_HEADER = layout('landward_layers', 16, {
  header_size: [0, 'u32'],
  record_size: [4, 'u32'],
  count: [8, 'u32'],
  /** See `LAYERS_FLAGS`. */
  flags: [12, 'u32'],
});

/** A layer, oldest first: those of the run's policy, then those that programs have put on themselves. */
export const LAYER_RECORD = layout('landward_layer', 16, {
  /** See `LAYER_KIND`. */
  kind: [0, 'u32'],
  /** See `LAYER_CHANGE`. */
  change: [4, 'u32'],
  /** Of a Landlock layer: its domain's identifier relative to the caller, 0 where it is hidden. Of others the index. */
  id: [8, 'u64'],
});

/** What else may come to bind the thread, or to be decided otherwise, without anything that it does. */
export const LAYERS_FLAGS = {
  /** The owner of the sandbox may add layers. */
  GROWS: 1 << 0,
  /** Policy programs or a function of the owner are asked besides the layers. They can only refuse. */
  ASKS: 1 << 1,
} as const;

export const LAYER_KIND = { GRANT: 1, LIMIT: 2, LANDLOCK: 3 } as const;

/** Whether a layer may change while programs run in it: never, to give less only, or in both directions. */
export const LAYER_CHANGE = { NEVER: 0, STRICTER: 1, ANY: 2 } as const;
