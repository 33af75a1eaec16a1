/**
 * What records of user-space Landlock say of objects and enforcers: paths as the caller sees them, names of file systems,
 * processes, addresses. Serves the log only.
 */

import type { Dentry, InetSocket, Mount, Node, Path, Task, UnixSocket } from '../../model/landlock/index.ts';
import type { Describe, FileIdentity, NetFields } from '../../model/records/index.ts';
import { decodeSockaddr } from '../../uapi/sockaddr.ts';
import type { Call } from '../call.ts';
import { pathInTree } from '../files/place-of.ts';
import { addressText } from '../sockets/address-text.ts';
import { localAddress } from '../sockets/socket.ts';
import { readProc } from '../target/proc.ts';
import type { Level } from './ancestors.ts';
import type { Occasion } from './audit-log.ts';
import type { LiveDentry } from './world.ts';

interface Enforcer {
  readonly pid: number;
  readonly uid: number;
  readonly exe: string | null;
  readonly comm: string;
}

const NOBODY: Enforcer = { pid: 0, uid: 0, exe: null, comm: '' };

export class Describer implements Describe {
  /** The denial that is being described. */
  occasion: Occasion | undefined;
  readonly #enforcers = new WeakMap<Node, Enforcer>();

  /** Remembers who enforced a layer. */
  enforced(node: Node, { target }: Call): void {
    const { pid, uid } = target.status();
    this.#enforcers.set(node, { pid, uid, exe: target.exe() ?? null, comm: commOf(pid) });
  }

  enforcer(node: Node): Enforcer {
    return this.#enforcers.get(node) ?? NOBODY;
  }

  path({ dentry }: Path): { path: string; file?: FileIdentity } {
    const { told } = dentry as LiveDentry;
    if (told === undefined) return { path: '' };
    const file = told.level === null ? undefined : this.#identity(told.level);
    return { path: pathInTree(told.path), ...(file === undefined ? {} : { file }) };
  }

  mount(_mount: Mount, root: Dentry): { name: string; file?: FileIdentity } {
    const { told } = root as LiveDentry;
    const level = told?.level ?? null;
    const file = level === null ? undefined : this.#identity(level);
    return { name: '/', ...(file === undefined ? {} : { file }) };
  }

  #identity(level: Level): FileIdentity {
    return { dev: fileSystemName(this.occasion?.call.target.tid, level), ino: level.ino };
  }

  task({ process }: Task): { pid: number; comm: string } {
    const pid = process.pid ?? 0;
    return { pid, comm: commOf(pid) };
  }

  net(_socket: InetSocket): Pick<NetFields, 'laddr' | 'lport' | 'faddr' | 'fport' | 'saddr' | 'daddr'> {
    const question = this.occasion?.question;
    if (question?.kind !== 'net') return {};
    const { call } = this.occasion!;
    const named = question.address === null ? {} : { saddr: question.address, daddr: question.address };
    return { ...boundTo(call.target.fd(call.int(0))), ...named };
  }

  socket(_socket: UnixSocket): string {
    const question = this.occasion?.question;
    return question?.kind === 'unix' && 'abstract' in question.at ? question.at.abstract : '';
  }
}

/** What a socket is bound to, as far as it is not zero. */
function boundTo(fd: number): Pick<NetFields, 'laddr' | 'lport'> {
  const local = decodeSockaddr(localAddress(fd));
  if (local === null || (local.family !== 'inet' && local.family !== 'inet6')) return {};
  return {
    ...(local.address.some((byte) => byte !== 0) ? { laddr: addressText(local.address) } : {}),
    ...(local.port === 0 ? {} : { lport: local.port }),
  };
}

/** The name of a process. */
function commOf(pid: number): string {
  const bytes = readProc(`/proc/${pid}/comm`, 64);
  return bytes === null ? '' : Buffer.from(bytes).toString('utf8').replace(/\n$/, '');
}

/** The name that the kernel has for a mounted file system: its device's, else its type's. */
function fileSystemName(tid: number | undefined, level: Level): string {
  const bytes = tid === undefined ? null : readProc(`/proc/${tid}/mountinfo`, 1 << 20);
  const lines = bytes === null ? [] : Buffer.from(bytes).toString('latin1').split('\n');
  const line = lines.find((one) => one.startsWith(`${level.mount} `));
  const [type = '', source = ''] = line?.slice(line.indexOf(' - ') + 3).split(' ') ?? [];
  return source.startsWith('/dev/') ? source.slice(5) : type;
}
