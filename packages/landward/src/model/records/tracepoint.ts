/**
 * The trace events of Landlock (Linux 7.3) as ftrace prints them: typed, rendered and read back.
 *
 * Strings are escaped in octal, sets are joined by `|` without the prefix of their class, devices are numbers. The
 * columns between the task and the event (CPU, flags, time) are skipped when reading and not rendered.
 */

import { bug } from '../../errors.ts';
import { decodeBytes, encodeBytes } from './bytes.ts';
import type { Parsed } from './record.ts';

/** A ruleset and how many rules it had. */
export interface RulesetVersion {
  readonly id: bigint;
  readonly version: number;
}

interface Inode {
  readonly major: number;
  readonly minor: number;
  readonly ino: bigint;
}

interface Denying {
  readonly domain: bigint;
  /** Whether the program that enforced the domain still ran. */
  readonly sameExec: boolean;
  /** Whether audit would have written it. */
  readonly logged: boolean;
}

/** What an event says. Rights are spelled as ftrace does, without `fs.`, `net.` or `scope.`. */
export type TraceEvent =
  | {
      readonly event: 'create_ruleset';
      readonly ruleset: RulesetVersion;
      readonly handledFs: readonly string[];
      readonly handledNet: readonly string[];
      readonly scoped: readonly string[];
    }
  | { readonly event: 'free_ruleset'; readonly ruleset: RulesetVersion }
  | {
      readonly event: 'add_rule_path_beneath';
      readonly ruleset: RulesetVersion;
      readonly rights: readonly string[];
      readonly inode: Inode;
      readonly path: string;
    }
  | {
      readonly event: 'add_rule_net_port';
      readonly ruleset: RulesetVersion;
      readonly rights: readonly string[];
      readonly port: number;
    }
  | {
      readonly event: 'create_domain';
      readonly domain: bigint;
      /** 0 for none. */
      readonly parent: bigint;
      readonly ruleset: RulesetVersion;
    }
  | {
      readonly event: 'enforce_domain';
      readonly domain: bigint;
      /** The last of the threads that are restricted together. */
      readonly complete: boolean;
      readonly processWide: boolean;
      readonly noNewPrivs: boolean;
    }
  | { readonly event: 'free_domain'; readonly domain: bigint; readonly denials: bigint }
  | {
      readonly event: 'check_rule_inode';
      readonly domain: bigint;
      readonly request: readonly string[];
      readonly inode: Inode;
      /** What the rules on the object grant, oldest layer first. */
      readonly grants: readonly (readonly string[])[];
    }
  | {
      readonly event: 'check_rule_net_port';
      readonly domain: bigint;
      readonly request: readonly string[];
      readonly port: number;
      readonly grants: readonly (readonly string[])[];
    }
  | (Denying & {
      readonly event: 'deny_access_fs';
      readonly blockers: readonly string[];
      readonly inode: Inode;
      readonly path: string;
    })
  | (Denying & {
      readonly event: 'deny_access_net';
      readonly blockers: readonly string[];
      /** -1 for none. */
      readonly port: number;
    })
  | (Denying & {
      readonly event: 'deny_ptrace';
      readonly traceeDomain: bigint;
      readonly traceePid: number;
      readonly traceeComm: string;
    })
  | (Denying & {
      readonly event: 'deny_scope_signal';
      readonly targetDomain: bigint;
      readonly targetPid: number;
      readonly targetComm: string;
    })
  | (Denying & {
      readonly event: 'deny_scope_abstract_unix_socket';
      readonly peerDomain: bigint;
      readonly peerPid: number;
      /** The abstract name without its leading NUL. */
      readonly sunPath: string;
    });

/** One line: who was running, and what happened. */
export interface TraceLine {
  readonly comm: string;
  readonly pid: number;
  readonly what: TraceEvent;
}

type Codec<T> = { readonly write: (value: T) => string; readonly read: (raw: string) => T | null };

const RIGHT = /^[a-z][a-z0-9_]*$/;
const list = (separator: string): Codec<readonly string[]> => ({
  write: (names) => names.join(separator),
  read: (raw) => {
    const names = raw === '' ? [] : raw.split(separator);
    return names.every((name) => RIGHT.test(name)) ? names : null;
  },
});
const rights = list('|');
const integer = (pattern: RegExp, max: number): Codec<number> => ({
  write: String,
  read: (raw) => (pattern.test(raw) && Number(raw) <= max ? Number(raw) : null),
});
const count = integer(/^\d{1,10}$/, 0xffff_ffff);
const port = integer(/^(-1|\d{1,5})$/, 65_535);
const flag: Codec<boolean> = {
  write: (value) => (value ? '1' : '0'),
  read: (raw) => (raw === '1' ? true : raw === '0' ? false : null),
};
const id: Codec<bigint> = {
  write: (value) => value.toString(16),
  read: (raw) => (/^[0-9a-f]{1,16}$/.test(raw) ? BigInt(`0x${raw}`) : null),
};
const wide: Codec<bigint> = {
  write: String,
  read: (raw) => (/^\d{1,20}$/.test(raw) && BigInt(raw) < 1n << 64n ? BigInt(raw) : null),
};
const ruleset: Codec<RulesetVersion> = {
  write: (value) => `${value.id.toString(16)}.${value.version}`,
  read: (raw) => {
    const found = /^([0-9a-f]{1,16})\.(\d{1,10})$/.exec(raw);
    return found === null ? null : { id: BigInt(`0x${found[1]}`), version: Number(found[2]) };
  },
};
const grants: Codec<readonly (readonly string[])[]> = {
  write: (layers) => `{${layers.map(rights.write).join(',')}}`,
  read: (raw) => {
    const body = /^\{([a-z0-9_|,]*)\}$/.exec(raw)?.[1];
    const layers = body?.split(',').map(rights.read);
    return layers === undefined || layers.includes(null) ? null : (layers as string[][]);
  },
};
const text: Codec<string> = {
  write: (value) =>
    Array.from(encodeBytes(value), (byte) =>
      byte > 0x20 && byte < 0x7f && byte !== 0x5c
        ? String.fromCharCode(byte)
        : `\\${byte.toString(8).padStart(3, '0')}`,
    ).join(''),
  read: (raw) => {
    if (!/^(?:[\x21-\x5b\x5d-\x7e]|\\[0-3][0-7]{2})*$/.test(raw)) return null;
    const pieces = raw.match(/\\[0-7]{3}|./g) ?? [];
    const bytes = pieces.map((piece) =>
      piece.length > 1 ? Number.parseInt(piece.slice(1), 8) : piece.charCodeAt(0),
    );
    return decodeBytes(Uint8Array.from(bytes));
  },
};
const device: Codec<Pick<Inode, 'major' | 'minor'>> = {
  write: (value) => `${value.major}:${value.minor}`,
  read: (raw) => {
    const found = /^(\d{1,7}):(\d{1,7})$/.exec(raw);
    return found === null ? null : { major: Number(found[1]), minor: Number(found[2]) };
  },
};

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
    const value = key === 'ino' ? (members[member] as Inode | undefined)?.ino : members[member];
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
