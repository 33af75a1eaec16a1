/**
 * The trace events of Landlock (Linux 7.3) as ftrace prints them: rendered and read back.
 *
 * Strings are escaped as in C (octal where there is no letter), sets are joined by `|` without the prefix of their class, devices are numbers. The
 * columns between the task and the event (CPU, flags, time) are skipped when reading and not rendered.
 */

import { bug } from '../../errors.ts';
import type { Parsed } from './record.ts';
import {
  type Codec,
  count,
  device,
  flag,
  grants,
  id,
  port,
  rights,
  ruleset,
  text,
  wide,
} from './trace-codecs.ts';
import type { TraceEvent, TraceInode, TraceLine } from './trace-event.ts';

type FieldRow = readonly [key: string, member: string, codec: Codec<never>];
const row = <T>(key: string, member: string, codec: Codec<T>): FieldRow => [
  key,
  member,
  codec as unknown as Codec<never>,
];

const DENYING = [
  row('domain', 'domain', id),
  row('same_exec', 'sameExec', flag),
  row('logged', 'logged', flag),
];
const INODE = [row('dev', 'inode', device), row('ino', 'inode', wide)];

/** The fields of each event in print order. A `dev` and the `ino` after it are one member. */
const EVENTS = {
  create_ruleset: [
    row('ruleset', 'ruleset', ruleset),
    row('handled_fs', 'handledFs', rights),
    row('handled_net', 'handledNet', rights),
    row('scoped', 'scoped', rights),
  ],
  free_ruleset: [row('ruleset', 'ruleset', ruleset)],
  add_rule_path_beneath: [
    row('ruleset', 'ruleset', ruleset),
    row('access_rights', 'rights', rights),
    ...INODE,
    row('path', 'path', text),
  ],
  add_rule_net_port: [
    row('ruleset', 'ruleset', ruleset),
    row('access_rights', 'rights', rights),
    row('port', 'port', port),
  ],
  create_domain: [
    row('domain', 'domain', id),
    row('parent', 'parent', id),
    row('ruleset', 'ruleset', ruleset),
  ],
  enforce_domain: [
    row('domain', 'domain', id),
    row('complete', 'complete', flag),
    row('process_wide', 'processWide', flag),
    row('no_new_privs', 'noNewPrivs', flag),
  ],
  free_domain: [row('domain', 'domain', id), row('denials', 'denials', wide)],
  check_rule_inode: [
    row('domain', 'domain', id),
    row('access_request', 'request', rights),
    ...INODE,
    row('grants', 'grants', grants),
  ],
  check_rule_net_port: [
    row('domain', 'domain', id),
    row('access_request', 'request', rights),
    row('port', 'port', port),
    row('grants', 'grants', grants),
  ],
  deny_access_fs: [...DENYING, row('blockers', 'blockers', rights), ...INODE, row('path', 'path', text)],
  deny_access_net: [...DENYING, row('blockers', 'blockers', rights), row('port', 'port', port)],
  deny_ptrace: [
    ...DENYING,
    row('tracee_domain', 'traceeDomain', id),
    row('tracee_pid', 'traceePid', count),
    row('tracee_comm', 'traceeComm', text),
  ],
  deny_scope_signal: [
    ...DENYING,
    row('target_domain', 'targetDomain', id),
    row('target_pid', 'targetPid', count),
    row('target_comm', 'targetComm', text),
  ],
  deny_scope_abstract_unix_socket: [
    ...DENYING,
    row('peer_domain', 'peerDomain', id),
    row('peer_pid', 'peerPid', count),
    row('sun_path', 'sunPath', text),
  ],
} as const satisfies Record<TraceEvent['event'], readonly FieldRow[]>;

/** The names of all events. */
export const TRACE_EVENTS = Object.keys(EVENTS) as readonly TraceEvent['event'][];

/**
 * Renders a line without the columns between task and event.
 *
 * @example renderTrace(line) // 'llt-288 landlock_free_domain: domain=1cac6a528 denials=1'
 */
export function renderTrace({ comm, pid, what }: TraceLine): string {
  const members = what as unknown as Record<string, never>;
  const fields = EVENTS[what.event].map(([key, member, codec]) => {
    const value = key === 'ino' ? (members[member] as TraceInode | undefined)?.ino : members[member];
    if (value === undefined) bug(`trace event ${what.event} without ${member}`);
    return `${key}=${codec.write(value as never)}`;
  });
  return `${comm}-${pid} landlock_${what.event}: ${fields.join(' ')}`;
}

// Greedy: a task may call itself like an event, so the last place where an event can start is the event.
const LINE = /^\s*(.{1,64})-(\d{1,10})\s(?:.* )?landlock_([a-z_]+): (.*)$/;

/** Reads a line of ftrace text. */
export function parseTrace(line: string): Parsed<TraceLine> {
  const no = (reason: string): Parsed<TraceLine> => ({ ok: false, reason });
  const found = LINE.exec(line.replace(/\r?\n$/, ''));
  if (found === null) return no('not a trace line of Landlock');
  const event = TRACE_EVENTS.find((name) => name === found[3]);
  if (event === undefined) return no('not an event that landward knows');
  const what: Record<string, unknown> = { event };
  const pieces = found[4]!.split(' ');
  const rows: readonly FieldRow[] = EVENTS[event];
  if (pieces.length !== rows.length) return no(`${event} has ${rows.length} fields`);
  for (const [index, [key, member, codec]] of rows.entries()) {
    const piece = pieces[index]!;
    const value: unknown = piece.startsWith(`${key}=`) ? codec.read(piece.slice(key.length + 1)) : null;
    if (value === null) return no(`field ${key} is missing or malformed`);
    if (key === 'dev') what[member] = value;
    else if (key === 'ino') what[member] = { ...(what[member] as object), ino: value };
    else what[member] = value;
  }
  return { ok: true, value: { comm: found[1]!, pid: Number(found[2]), what: what as unknown as TraceEvent } };
}
