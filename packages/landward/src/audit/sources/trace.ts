/**
 * Landlock's trace events (Linux 7.3) as ftrace prints them: a saved trace or the pipe of an instance. They tell of every
 * denial, logged or not, and of domains from their making on.
 *
 * Owns the reading of lines; `tracefs.ts` owns the instance. Times are of the trace's clock.
 */

import type { DenialEvent, DenialObject } from '../../model/denial.ts';
import { parseTrace, type TraceEvent, type TraceLine } from '../../model/records/index.ts';
import { LineFormat } from './line-format.ts';

const LOST = /^CPU:\d+ \[LOST (\d{1,12}) EVENTS\]$/;
const TIME = /(\d{1,10}\.\d{1,9}): landlock_[a-z_]+: /;

type Deny = Extract<TraceEvent, { readonly logged: boolean }>;

/** The format of ftrace's text. */
export class TraceFormat extends LineFormat {
  readonly #epoch: number;

  /** @param epoch when the trace's clock began, milliseconds since 1970; 0 leaves its times as they are */
  constructor(epoch = 0) {
    super('tracepoint');
    this.#epoch = epoch;
  }

  override claims(line: string): boolean {
    return / landlock_[a-z_]+: /.test(line) && !line.startsWith('#');
  }

  override line(line: string): void {
    const lost = LOST.exec(line);
    if (lost !== null)
      this.loss('lost', Number(lost[1]), 'the trace buffer had no room for events of any kind');
    if (!this.claims(line)) return;
    const read = parseTrace(line);
    if (read.ok) this.#event(read.value, this.#epoch + Number(TIME.exec(line)?.[1] ?? 0) * 1000);
    else this.loss('malformed', 1, read.reason, line);
  }

  #event({ comm, pid, what }: TraceLine, time: number): void {
    const domain = (id: bigint) => ({ kind: 'domain', source: 'tracepoint', time, id }) as const;
    switch (what.event) {
      case 'create_domain': {
        const parent = what.parent === 0n ? null : what.parent;
        this.tell({ ...domain(what.domain), what: { state: 'created', parent, tid: pid, comm } });
        break;
      }
      case 'enforce_domain': {
        const { noNewPrivs } = what;
        this.tell({ ...domain(what.domain), what: { state: 'entered', tid: pid, comm, noNewPrivs } });
        break;
      }
      case 'free_domain':
        this.tell({ ...domain(what.domain), what: { state: 'freed', denials: what.denials } });
        break;
      case 'deny_access_fs':
      case 'deny_access_net':
      case 'deny_ptrace':
      case 'deny_scope_signal':
      case 'deny_scope_abstract_unix_socket':
        this.tell({ kind: 'denial', event: denialOf(what, pid, comm, time) });
    }
  }
}

function denialOf(what: Deny, tid: number, comm: string, time: number): DenialEvent {
  return {
    source: 'tracepoint',
    effect: 'denied',
    time,
    missing: missingOf(what),
    object: objectOf(what),
    domain: { kind: 'kernel', id: what.domain },
    // Ftrace knows threads only; of a process with one thread both numbers are the same.
    process: { pid: tid, tid, comm },
  };
}

function missingOf(what: Deny): readonly string[] {
  switch (what.event) {
    case 'deny_access_fs':
      return what.blockers.map((right) => `fs.${right}`);
    case 'deny_access_net':
      return what.blockers.map((right) => `net.${right}`);
    case 'deny_ptrace':
      return ['ptrace'];
    case 'deny_scope_signal':
      return ['scope.signal'];
    case 'deny_scope_abstract_unix_socket':
      return ['scope.abstract_unix_socket'];
  }
}

function objectOf(what: Deny): DenialObject {
  switch (what.event) {
    case 'deny_access_fs': {
      const { major, minor, ino } = what.inode;
      return { kind: 'path', path: what.path, dev: `${major}:${minor}`, ino };
    }
    case 'deny_access_net': {
      const udp = what.blockers.some((right) => right.endsWith('_udp'));
      return { kind: 'net', protocol: udp ? 'udp' : 'tcp', ...(what.port < 0 ? {} : { port: what.port }) };
    }
    case 'deny_ptrace':
      return { kind: 'task', pid: what.traceePid, comm: what.traceeComm };
    case 'deny_scope_signal':
      return { kind: 'task', pid: what.targetPid, comm: what.targetComm };
    case 'deny_scope_abstract_unix_socket':
      return { kind: 'unix', abstract: what.sunPath };
  }
}
