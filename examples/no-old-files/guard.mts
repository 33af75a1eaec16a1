/**
 * Nothing is changed that is older than the sandbox: a program may make files and change what it has made.
 *
 *     landward run --write . --decide guard.mts -- make
 *
 * A file is as old as its inode: no program can set when that was made, as it can set the times of its content.
 */

import type { DecideFile, DecideRequest } from 'landward';

const CHANGES = ['fs.write_file', 'fs.truncate', 'fs.remove_file', 'fs.remove_dir', 'fs.refer', 'meta.write'];
const since = Date.now();

/** Where the file system does not tell, a file counts as old. Devices and pipes are no files that could be old. */
const isOld = (file?: DecideFile) =>
  file !== undefined && ['reg', 'dir', 'lnk'].includes(file.type) && (file.bornMs ?? 0) < since;

export default {
  name: 'no old files',
  about: ['fs'],
  decide({ rights, file, replaces }: DecideRequest) {
    if (!rights.some((right) => CHANGES.includes(right))) return undefined;
    return isOld(file) || isOld(replaces) ? 'deny' : undefined;
  },
};
