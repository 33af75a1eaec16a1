/**
 * Who may speak for the owner of a run: a process of the same user, or of root, that is confined by nothing that this
 * process is not confined by itself.
 *
 * Owns the question about one process, asked by pidfd: what was read counts only if the process was still there afterwards.
 * It only refuses: whoever could be a sandboxed program, or act for one, is none.
 */

import { readdirSync } from 'node:fs';
import { attempt } from '../../kernel/call.ts';
import { DECIDER } from '../../supervisor/decider.ts';
import { isTagged, tagOf } from '../../supervisor/tag.ts';
import { readProc, readProcLink } from '../../supervisor/target/proc.ts';
import { ERRNO } from '../../uapi/errno.ts';

/** A process that may speak for the owner, or why one may not. */
export type Peer =
  | { readonly pid: number; readonly uid: number; readonly name: string; readonly refused?: undefined }
  | { readonly refused: string };

const STATUS_BYTES = 16_384;

/** Looks at the process behind a pidfd, which stays the caller's. */
export function examinePeer(pidfd: number): Peer {
  const pid = pidOf(pidfd);
  if (pid === null) return refused('the process has ended, or is not to be seen from here');
  const found = examine(pid);
  // Whatever was read under this number was the peer's only if it has not been freed meanwhile.
  if (attempt('pidfd_send_signal', pidfd, 0, null, 0) === -ERRNO.ESRCH || pidOf(pidfd) !== pid)
    return refused('the process has ended');
  return found;
}

/** The number of a process in this PID namespace; `null` for one that has ended or is not seen here. */
export function pidOf(pidfd: number): number | null {
  const bytes = readProc(`/proc/thread-self/fdinfo/${pidfd}`);
  const found = bytes === null ? null : /^Pid:\s*(-?\d+)$/m.exec(Buffer.from(bytes).toString('latin1'));
  const pid = Number(found?.[1] ?? -1);
  return pid > 0 ? pid : null;
}

function examine(pid: number): Peer {
  if (pid === process.pid) return refused('it is the process that supervises');
  const status = statusOf(`/proc/${pid}/status`);
  const uid = status?.euid;
  if (status === null || uid === undefined) return refused('the process cannot be looked at');
  if (uid !== 0 && uid !== process.geteuid?.()) return refused(`it is user ${uid}'s`);
  const tag = tagOf(pid);
  if (tag === undefined) return refused('its mark cannot be read');
  if (isTagged(tag)) return refused('it runs in a sandbox of landward');
  if (!sharesUsers(pid, uid)) return refused('it is in another user namespace');
  const confined = confinement(pid);
  return confined === null ? { pid, uid, name: status.name } : refused(confined);
}

/**
 * Whether a process is in this user namespace. Of root's an ordinary user cannot see it: there it must suffice that root of
 * another namespace could not trace this process, which is asked for besides.
 */
function sharesUsers(pid: number, uid: number): boolean {
  const [own, others] = ['/proc/self/ns/user', `/proc/${pid}/ns/user`].map(readProcLink);
  return others === null ? uid === 0 && process.geteuid?.() !== 0 : own === others;
}

/** Why one of a process's threads is not as free as this one; `null` where all are. */
function confinement(pid: number): string | null {
  const own = statusOf('/proc/thread-self/status');
  let threads: readonly string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return 'its threads cannot be looked at';
  }
  if (own === null || threads.length === 0) return 'its threads cannot be looked at';
  for (const tid of threads) {
    const status = statusOf(`/proc/${pid}/task/${tid}/status`);
    // A thread that ends is no thread any more; one that cannot be read is not known to be free.
    if (status === null && attempt('tgkill', pid, Number(tid), 0) === -ERRNO.ESRCH) continue;
    if (status === null) return 'its threads cannot be looked at';
    if (status.name === DECIDER) return 'it supervises programs itself, and may act for one of them';
    if (status.filters > own.filters || (status.noNewPrivs && !own.noNewPrivs))
      return 'it is confined (no_new_privs or a seccomp filter that this run was not started under)';
  }
  return null;
}

interface Status {
  readonly name: string;
  readonly euid: number | undefined;
  readonly noNewPrivs: boolean;
  readonly filters: number;
}

function statusOf(path: string): Status | null {
  const bytes = readProc(path, STATUS_BYTES);
  if (bytes === null || bytes.length === 0) return null;
  const text = Buffer.from(bytes).toString('utf8');
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(text)?.[1];
  const filters = field('Seccomp_filters');
  const [, euid] = field('Uid')?.split(/\s+/) ?? [];
  return {
    name: field('Name') ?? '',
    euid: euid === undefined ? undefined : Number(euid),
    noNewPrivs: field('NoNewPrivs') === '1',
    // Before Linux 5.10 there is only the mode.
    filters: Number(filters ?? (field('Seccomp') === '2' ? 1 : 0)),
  };
}

function refused(reason: string): Peer {
  return { refused: reason };
}
