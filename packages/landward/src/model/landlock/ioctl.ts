/**
 * The ioctl commands that are never mediated on devices, because the file system layer answers them or they only change
 * the descriptor. Everything else on a device needs fs.ioctl_dev.
 */

/** Free commands by name. */
export const FREE_IOCTLS = {
  FIOCLEX: 0x5451,
  FIONCLEX: 0x5450,
  FIONBIO: 0x5421,
  FIOASYNC: 0x5452,
  FIOQSIZE: 0x5460,
  FIFREEZE: 0xc0045877,
  FITHAW: 0xc0045878,
  FS_IOC_FIEMAP: 0xc020660b,
  FIGETBSZ: 0x2,
  FICLONE: 0x40049409,
  FICLONERANGE: 0x4020940d,
  FIDEDUPERANGE: 0xc0189436,
  FS_IOC_GETFSUUID: 0x80111500,
  FS_IOC_GETFSSYSFSPATH: 0x80811501,
} as const satisfies Record<string, number>;

const free: ReadonlySet<number> = new Set(Object.values(FREE_IOCTLS));

/** Whether a command needs no right on a device. The kernel compares all 32 bits. */
export function isFreeIoctl(command: number): boolean {
  return free.has(command >>> 0);
}
