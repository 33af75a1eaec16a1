/**
 * Every denial in the other formats: as a trace event, and as a line of the 2023 proposal. Both name what the youngest
 * denying layer lacks, as audit does; `journal.ts` owns the describer and the audit records.
 */

import type { FsRight } from '../../uapi/landlock.ts';
import { blockers, type Denial } from '../landlock/decision.ts';
import type { Domain } from '../landlock/domain.ts';
import { type Describe, describeObject } from './journal.ts';
import type { Actor, Line2023, Operation2023 } from './line2023.ts';
import type { TraceEvent } from './trace-event.ts';

/** What trace events show and audit does not. */
export interface DescribeTrace {
  /** Device numbers and inode of a path or mount root. */
  inode(denial: Denial): { readonly major: number; readonly minor: number; readonly ino: bigint };
  /** The path from the root of the whole tree, whatever the caller's root is. */
  path(denial: Denial): string;
  /** The other side's domain; `null` where it has none. */
  peer(denial: Denial): Domain | null;
  /** The process that bound a UNIX socket, 0 where it is not known. */
  peerPid(denial: Denial): number;
}

const bare = (name: string) => name.slice(name.indexOf('.') + 1);

/**
 * A denial as the trace event that Linux 7.3 fires. It fires whether or not audit logs; `logged` says that.
 *
 * @param sameExec whether the blamed layer's enforcing program still runs.
 */
export function traceDenial(
  denial: Denial,
  sameExec: boolean,
  describe: Describe,
  trace: DescribeTrace,
): TraceEvent {
  const head = { domain: denial.node.id ?? 0n, sameExec, logged: denial.logged };
  const names = blockers(denial).map(bare);
  const peer = () => trace.peer(denial)?.node.id ?? 0n;
  const object = describeObject(denial, describe);
  switch (object.kind) {
    case 'task':
      return denial.class === 'ptrace'
        ? {
            event: 'deny_ptrace',
            ...head,
            traceeDomain: peer(),
            traceePid: object.pid,
            traceeComm: object.comm,
          }
        : {
            event: 'deny_scope_signal',
            ...head,
            targetDomain: peer(),
            targetPid: object.pid,
            targetComm: object.comm,
          };
    case 'abstract':
      return {
        event: 'deny_scope_abstract_unix_socket',
        ...head,
        peerDomain: peer(),
        peerPid: trace.peerPid(denial),
        sunPath: object.name,
      };
    case 'net': {
      const port = denial.object.kind === 'port' ? (denial.object.port ?? -1) : -1;
      return { event: 'deny_access_net', ...head, blockers: names, port };
    }
    default:
      return {
        event: 'deny_access_fs',
        ...head,
        blockers: names,
        inode: trace.inode(denial),
        path: trace.path(denial),
      };
  }
}

/** A denial as a line of the 2023 proposal; `null` for a class of rights that it did not have. */
export function lineOfDenial(
  denial: Denial,
  context: {
    readonly actor: Actor;
    readonly op: Operation2023;
    readonly errno: number;
    readonly domain: bigint;
  },
  describe: Describe,
): Line2023 | null {
  if (denial.class === 'net' || denial.class === 'scope') return null;
  const names = blockers(denial);
  return {
    op: context.op,
    ...context.actor,
    domain: context.domain,
    errno: context.errno,
    missingFs: denial.class === 'fs' ? (names as FsRight[]) : [],
    missingPermission:
      denial.class === 'topology' ? 'fs.change_topology' : denial.class === 'ptrace' ? 'ptrace' : null,
    object: describeObject(denial, describe),
  };
}
