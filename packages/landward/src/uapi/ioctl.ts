/** The ioctls that landward uses or refuses. Owns the numbers only. */

export const IOCTL = {
  TCGETS: 0x5401,
  TCSETS: 0x5402,
  TIOCSCTTY: 0x540e,
  TIOCGPGRP: 0x540f,
  TIOCSPGRP: 0x5410,
  /** Puts a byte into a terminal's input, as if it were typed. */
  TIOCSTI: 0x5412,
  TIOCGWINSZ: 0x5413,
  TIOCSWINSZ: 0x5414,
  /** A virtual console's own commands; pasting a selection is input too. */
  TIOCLINUX: 0x541c,
  TIOCNOTTY: 0x5422,
  FIONREAD: 0x541b,
  FIONBIO: 0x5421,
  FIONCLEX: 0x5450,
  FIOCLEX: 0x5451,
  FIOASYNC: 0x5452,
  /** The namespace above a PID or user namespace. */
  NS_GET_PARENT: 0xb702,
  /** Who gets the signals of a socket, by two names. */
  FIOSETOWN: 0x8901,
  SIOCSPGRP: 0x8902,
  FAT_IOCTL_SET_ATTRIBUTES: 0x40047211,
  FS_IOC_GETFLAGS: 0x80086601,
  /** Flags of files (immutable, append-only), their generation, and both in the form of XFS. */
  FS_IOC_SETFLAGS: 0x40086602,
  EXT4_IOC_SETVERSION: 0x40086604,
  FS_IOC_SETVERSION: 0x40087602,
  FS_IOC_FSSETXATTR: 0x401c5820,
} as const;
