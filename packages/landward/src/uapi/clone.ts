/**
 * Flags of clone, clone3 and unshare.
 *
 * Owns the numbers and the two masks that a filter needs to tell namespaces from the rest.
 */

/** Flags of the low 32 bits. */
export const CLONE = {
  /** Only for clone3 and unshare: in clone these bits are the exit signal. */
  NEWTIME: 0x80,
  VM: 0x100,
  FS: 0x200,
  FILES: 0x400,
  SIGHAND: 0x800,
  PIDFD: 0x1000,
  PTRACE: 0x2000,
  VFORK: 0x4000,
  PARENT: 0x8000,
  THREAD: 0x10000,
  NEWNS: 0x20000,
  SYSVSEM: 0x40000,
  SETTLS: 0x80000,
  PARENT_SETTID: 0x100000,
  CHILD_CLEARTID: 0x200000,
  DETACHED: 0x400000,
  UNTRACED: 0x800000,
  CHILD_SETTID: 0x1000000,
  NEWCGROUP: 0x2000000,
  NEWUTS: 0x4000000,
  NEWIPC: 0x8000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
  IO: 0x80000000,
} as const;

/** Flags of clone that make a namespace. */
export const CLONE_NAMESPACES =
  CLONE.NEWNS | CLONE.NEWCGROUP | CLONE.NEWUTS | CLONE.NEWIPC | CLONE.NEWUSER | CLONE.NEWPID | CLONE.NEWNET;

/**
 * Flags of unshare that make no namespace. A list of what is harmless, not of what isn't: since Linux 7.1 a bit that
 * clone uses for something else (0x100000) asks unshare for an empty mount namespace.
 */
export const UNSHARE_HARMLESS =
  CLONE.VM | CLONE.FS | CLONE.FILES | CLONE.SIGHAND | CLONE.THREAD | CLONE.SYSVSEM;
