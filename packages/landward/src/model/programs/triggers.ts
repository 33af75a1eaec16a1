/**
 * What is done to an object that a lookup has found: the triggers of `fs_pick`, and which of them a right stands for.
 *
 * Owns the words, their bits, and the table from rights. Which object of a system call it is about is the supervisor's.
 */

import type { FsRight } from '../../uapi/landlock.ts';
import type { MetaRight } from '../rules.ts';

/** The triggers in the order of their bits, from bit 0. */
export const FS_TRIGGERS = [
  'append',
  'chdir',
  'chroot',
  'create',
  'execute',
  'fcntl',
  'getattr',
  'ioctl',
  'link',
  'linkto',
  'lock',
  'map',
  'mounton',
  'open',
  'read',
  'readdir',
  'receive',
  'rename',
  'renameto',
  'rmdir',
  'setattr',
  'transfer',
  'unlink',
  'write',
] as const;

export type FsTrigger = (typeof FS_TRIGGERS)[number];

/** The bits of some triggers. */
export function triggerBits(...names: readonly FsTrigger[]): bigint {
  return names.reduce((bits, name) => bits | (1n << BigInt(FS_TRIGGERS.indexOf(name))), 0n);
}

/** What using a right on an object that exists does to it. */
const OF_RIGHT = {
  'fs.execute': 'execute',
  'fs.write_file': 'write',
  'fs.read_file': 'read',
  'fs.read_dir': 'readdir',
  'fs.remove_dir': 'rmdir',
  'fs.remove_file': 'unlink',
  'fs.make_char': 'create',
  'fs.make_dir': 'create',
  'fs.make_reg': 'create',
  'fs.make_sock': 'create',
  'fs.make_fifo': 'create',
  'fs.make_block': 'create',
  'fs.make_sym': 'create',
  'fs.refer': 'renameto',
  'fs.truncate': 'write',
  'fs.ioctl_dev': 'ioctl',
  'fs.resolve_unix': 'write',
  'meta.stat': 'getattr',
  'meta.list': 'readdir',
  'meta.write': 'setattr',
} as const satisfies Record<FsRight | MetaRight, FsTrigger>;

/** The triggers of rights. */
export function triggersOf(rights: readonly (FsRight | MetaRight)[]): readonly FsTrigger[] {
  return [...new Set(rights.map((right) => OF_RIGHT[right]))];
}
