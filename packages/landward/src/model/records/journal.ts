/**
 * From decisions to records: which denial is written, what a domain's first one brings along, and what its end says.
 *
 * Names of objects come from a describer, because the model's objects have none. The journal keeps, for each layer,
 * whether it was named already and how often it denied; its content is what the kernel would have in its log.
 */

import { blockers, type Denial } from '../landlock/decision.ts';
import type { Node } from '../landlock/domain.ts';
import type { Dentry, InetSocket, Mount, Path, Task, UnixSocket } from '../landlock/world.ts';
import type { AuditRecord, FileIdentity, NetFields, RecordObject, Stamp } from './record.ts';

/** What audit knows about the model's objects. */
export interface Describe {
  path(path: Path): { readonly path: string; readonly file?: FileIdentity };
  mount(mount: Mount, root: Dentry): { readonly name: string; readonly file?: FileIdentity };
  task(task: Task): { readonly pid: number; readonly comm: string };
  /** Addresses of the socket itself and of the call; ports of the call come from the denial. */
  net(socket: InetSocket): Pick<NetFields, 'laddr' | 'lport' | 'faddr' | 'fport' | 'saddr' | 'daddr'>;
  /** The abstract name without its leading NUL. */
  socket(socket: UnixSocket): string;
  /** Who enforced a layer, at that time. */
  enforcer(node: Node): {
    readonly pid: number;
    readonly uid: number;
    readonly exe: string | null;
    readonly comm: string;
  };
}

/** The object of a denial as records show it. */
export function describeObject(denial: Denial, describe: Describe): RecordObject {
  const { object } = denial;
  switch (object.kind) {
    case 'path': {
      const { path, file } = describe.path(object.path);
      const ioctl = object.ioctl === undefined ? {} : { ioctl: object.ioctl & 0xffff };
      return { kind: 'path', path, ...(file === undefined ? {} : { file }), ...ioctl };
    }
    case 'mount': {
      const { name, file } = describe.mount(object.mount, object.root);
      return { kind: 'mount', name, ...(file === undefined ? {} : { file }) };
    }
    case 'task':
      return { kind: 'task', ...describe.task(object.task) };
    case 'socket':
      return { kind: 'abstract', name: describe.socket(object.socket) };
    case 'port': {
      const binds = blockers(denial).some((blocker) => blocker.startsWith('net.bind_'));
      const { laddr, lport, faddr, fport, saddr, daddr } = describe.net(object.socket);
      const port = object.port === null || object.port === 0 ? undefined : object.port;
      const named = object.port !== null;
      const fields: NetFields = {
        ...(laddr === undefined ? {} : { laddr }),
        ...(lport === undefined ? {} : { lport }),
        ...(faddr === undefined ? {} : { faddr }),
        ...(fport === undefined ? {} : { fport }),
        ...(binds && named && saddr !== undefined ? { saddr } : {}),
        ...(binds && port !== undefined ? { src: port } : {}),
        ...(!binds && named && daddr !== undefined ? { daddr } : {}),
        ...(!binds && port !== undefined ? { dest: port } : {}),
      };
      return { kind: 'net', fields };
    }
  }
}

/** A log in the making. */
export interface Journal {
  /** The records that one denied request brings, in order; empty where nothing is logged. */
  denied(denials: readonly Denial[], stamp: Stamp): AuditRecord[];
  /** The record that the end of a layer brings, if it was ever named. */
  freed(node: Node, stamp: Stamp): AuditRecord[];
}

/**
 * Starts an empty log.
 *
 * @param enabled whether audit is on; asked at each event. Denials count even while it is off.
 * @example
 * const journal = startJournal(describe);
 * journal.denied(decision.denials, stamp).map(renderAudit);
 */
export function startJournal(describe: Describe, enabled: () => boolean = () => true): Journal {
  const counts = new Map<Node, bigint>();
  const named = new Set<Node>();
  const idOf = (node: Node) => node.id ?? 0n;
  return {
    denied(denials, stamp) {
      const records: AuditRecord[] = [];
      for (const denial of denials) {
        const { node } = denial;
        if (denial.counted) counts.set(node, (counts.get(node) ?? 0n) + 1n);
        if (!denial.logged || !enabled()) continue;
        const domain = idOf(node);
        const object = describeObject(denial, describe);
        records.push({ type: 'access', stamp, domain, blockers: blockers(denial), object });
        if (named.has(node)) continue;
        named.add(node);
        records.push({ type: 'allocated', stamp, domain, mode: 'enforcing', ...describe.enforcer(node) });
      }
      return records;
    },
    freed(node, stamp) {
      const denials = counts.get(node) ?? 0n;
      counts.delete(node);
      if (!named.delete(node) || !enabled()) return [];
      return [{ type: 'deallocated', stamp, domain: idOf(node), denials }];
    },
  };
}
