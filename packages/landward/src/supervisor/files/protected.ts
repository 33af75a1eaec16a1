/**
 * What the kernel protects by who opens: files of others in shared directories, and what procfs tells of processes.
 *
 * Owns these checks because the opener is the supervisor, for which the kernel would answer otherwise.
 */

import { readFileSync } from 'node:fs';
import { ERRNO } from '../../uapi/errno.ts';
import { S_IF, S_IFMT } from '../../uapi/open.ts';
import { type Call, refuse } from '../call.ts';
import type { Place } from '../place.ts';
import { mayLookInto } from './links.ts';
import type { Fact } from './look.ts';
import { isProcfs, procOwner } from './procfs.ts';

const STICKY = 0o1000;
const SHARED_BY_ALL = 0o002;
const SHARED_BY_GROUP = 0o020;

const levels = new Map<string, number>();

/** A setting of `fs.protected_*`, read once. */
function level(name: 'protected_fifos' | 'protected_regular'): number {
  const known = levels.get(name);
  if (known !== undefined) return known;
  let found = 2;
  try {
    found = Number(readFileSync(`/proc/sys/fs/${name}`, 'latin1').trim());
  } catch {
    // A kernel that does not tell is taken at the strictest.
  }
  levels.set(name, found);
  return found;
}

/**
 * Whether O_CREAT may open what is already there: the kernel's rule for sticky shared directories.
 *
 * @param look gives the fact of the file
 */
export function mayOpenIn(call: Call, directory: Fact, look: () => Fact): boolean {
  if ((directory.mode & STICKY) === 0) return true;
  const file = look();
  const type = file.mode & S_IFMT;
  if (type !== S_IF.FIFO && type !== S_IF.REG) return true;
  const strict = level(type === S_IF.FIFO ? 'protected_fifos' : 'protected_regular');
  if (strict === 0 || file.uid === directory.uid || file.uid === call.target.status().fsuid) return true;
  if (directory.mode & SHARED_BY_ALL) return false;
  return !(directory.mode & SHARED_BY_GROUP && strict >= 2);
}

/** Files about a process that anybody may read. The kernel shows what is left only to who may trace the process. */
const PUBLIC =
  /^(?:|task|cmdline|comm|stat|statm|status|cgroup|cpuset|limits|mounts|mountinfo|mountstats|oom_\w+|loginuid|sessionid|sched|schedstat|autogroup|coredump_filter|[ug]id_map|projid_map|setgroups|attr(?:\/.*)?|net(?:\/.*)?)$/;

/**
 * Refuses files of procfs that only a tracer may open: of the supervisor, and of processes that the target may not trace.
 *
 * @param writes whether the file would be written: nothing of the supervisor may
 * @throws {Refused} EACCES
 */
export function mustBeReadable(call: Call, place: Place, writes: boolean): void {
  if (!mayBeProcfs(place)) return;
  const owner = procOwner(call, place.path, place);
  if (owner === null || owner.own) return;
  if (PUBLIC.test(owner.file) && !(writes && owner.supervisor) && owner.pid !== null) return;
  if (!mayLookInto(call, owner)) refuse(ERRNO.EACCES);
}

/** Device numbers without a device have no major part. */
function mayBeProcfs(place: Place): boolean {
  const { dev } = place;
  const major = Number((dev >> 8n) & 0xfffn) | (Number(dev >> 32n) & ~0xfff);
  return !place.exempt && major === 0 && isProcfs(place.fd, { dev, major });
}
