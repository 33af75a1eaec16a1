/** Resource limits of a process. Owns the numbers only; the layout is in `structs.ts`. */

export const RLIMIT = {
  /** Processor time, seconds. */
  CPU: 0,
  /** Size of a file, bytes. */
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  /** Size of a core file, bytes. */
  CORE: 4,
  RSS: 5,
  /** Processes and threads of the user. */
  NPROC: 6,
  /** Highest descriptor plus one. */
  NOFILE: 7,
  MEMLOCK: 8,
  /** Address space, bytes. */
  AS: 9,
  LOCKS: 10,
  SIGPENDING: 11,
  MSGQUEUE: 12,
  NICE: 13,
  RTPRIO: 14,
  /** Real-time processor time without sleeping, microseconds. */
  RTTIME: 15,
} as const;

/** No limit. */
export const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;
