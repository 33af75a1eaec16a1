/**
 * The kernel's audit records of Landlock (types 1423 and 1424), rendered byte for byte and read back.
 *
 * Reads what a netlink socket delivers, what an audit daemon logs (`type=… msg=…`, also with interpreted fields behind
 * a group separator), and what the kernel log shows. A line that the kernel cannot have written is refused with a
 * reason, never half understood. Rendering what was read gives the same payload.
 */

import { decodeBytes, encodeBytes, fromHex, toHex } from './bytes.ts';
import { FieldReader, splitFields, untrusted } from './fields.ts';
import type {
  AuditRecord,
  FileIdentity,
  ForeignField,
  NetFields,
  Parsed,
  RecordObject,
  Stamp,
} from './record.ts';

/** Numbers of the record types in the netlink header. */
export const RECORD_TYPES = { access: 1423, domain: 1424 } as const;

const NET_KEYS = [
  'laddr',
  'lport',
  'faddr',
  'fport',
  'saddr',
  'src',
  'daddr',
  'dest',
] as const satisfies readonly (keyof NetFields)[];
const PORT_KEYS: ReadonlySet<string> = new Set(['lport', 'fport', 'src', 'dest']);

/**
 * Renders a record as the kernel's payload, from `audit(` on.
 *
 * @example renderAudit(record) // 'audit(1795312770.275:1700): domain=1bb03a3b7 blockers=fs.execute path="/x" …'
 */
export function renderAudit(record: AuditRecord): string {
  const { seconds, milliseconds, serial } = record.stamp;
  const head = `audit(${seconds}.${String(milliseconds).padStart(3, '0')}:${serial}): domain=${record.domain.toString(16)}`;
  const foreign = (record.foreign ?? []).map(({ key, raw }) => ` ${key}=${raw}`).join('');
  return `${head} ${renderBody(record)}${foreign}`;
}

/** Renders a record as an audit daemon logs it. */
export function renderAuditLine(record: AuditRecord): string {
  const type = record.type === 'access' ? 'LANDLOCK_ACCESS' : 'LANDLOCK_DOMAIN';
  return `type=${type} msg=${renderAudit(record)}`;
}

function renderBody(record: AuditRecord): string {
  switch (record.type) {
    case 'access':
      return `blockers=${record.blockers.join(',')}${renderObject(record.object)}`;
    case 'allocated': {
      const exe = record.exe === null ? '(null)' : untrusted(record.exe);
      const who = `pid=${record.pid} uid=${record.uid} exe=${exe} comm=${untrusted(record.comm)}`;
      return `status=allocated mode=${record.mode} ${who}`;
    }
    case 'deallocated':
      return `status=deallocated denials=${record.denials}`;
  }
}

function renderFile(file: FileIdentity | undefined): string {
  return file === undefined ? '' : ` dev=${untrusted(file.dev)} ino=${file.ino}`;
}

/** The object's fields with a space before each; also the tail of the 2023 format. */
export function renderObject(object: RecordObject): string {
  switch (object.kind) {
    case 'path': {
      const ioctl = object.ioctl === undefined ? '' : ` ioctlcmd=0x${(object.ioctl & 0xffff).toString(16)}`;
      return ` path=${untrusted(object.path)}${renderFile(object.file)}${ioctl}`;
    }
    case 'mount':
      return ` name=${untrusted(object.name)}${renderFile(object.file)}`;
    case 'task':
      return ` opid=${object.pid} ocomm=${untrusted(object.comm)}`;
    case 'net':
      return NET_KEYS.filter((key) => object.fields[key] !== undefined)
        .map((key) => ` ${key}=${object.fields[key]}`)
        .join('');
    case 'abstract':
      return ` path=00${toHex(encodeBytes(object.name))}`;
    case 'none':
      return '';
  }
}

const PAYLOAD = /^audit\((\d{1,15})\.(\d{3}):(\d{1,10})\): (.*)$/;
const LOGGED = /^(?:node=\S+ )?type=(\S+) msg=(audit\(.*)$/;
const KERNEL_LOG = /^(?:\[ *[0-9.]+\] )?audit: type=(\d+) (audit\(.*)$/;

/** Which record type a name or number stands for; `null` for others. */
function typeOf(name: string): 'access' | 'domain' | null {
  const number = /^(?:UNKNOWN\[)?(\d+)\]?$/.exec(name)?.[1];
  if (name === 'LANDLOCK_ACCESS' || number === '1423') return 'access';
  return name === 'LANDLOCK_DOMAIN' || number === '1424' ? 'domain' : null;
}

/**
 * Reads one record of Landlock.
 *
 * @param line a logged line, or a bare payload
 * @param type the netlink header's type where the line is a bare payload; without it the fields tell
 * @returns the record, or the reason why the line is none
 */
export function parseAudit(line: string, type?: number): Parsed<AuditRecord> {
  const no = (reason: string): Parsed<AuditRecord> => ({ ok: false, reason });
  const whole = line.replace(/\r?\n$/, '').split('\x1d', 1)[0]!;
  const logged = LOGGED.exec(whole) ?? KERNEL_LOG.exec(whole);
  const named =
    logged === null ? (type === undefined ? undefined : typeOf(String(type))) : typeOf(logged[1]!);
  if (named === null) return no('not a record of Landlock');
  const payload = PAYLOAD.exec(logged === null ? whole : logged[2]!);
  if (payload === null) return no('not an audit record');
  const stamp: Stamp = {
    seconds: Number(payload[1]),
    milliseconds: Number(payload[2]),
    serial: Number(payload[3]),
  };
  const fields = splitFields(payload[4]!);
  if (fields === null) return no('not a list of fields as audit writes them');
  const reader = new FieldReader(fields);
  const kind = reader.has('status') ? 'domain' : 'access';
  if (named !== undefined && named !== kind) return no(`not the fields of a ${named} record`);
  const record = kind === 'access' ? readAccess(reader, stamp) : readDomain(reader, stamp);
  if (reader.reason !== null) return no(reader.reason);
  const foreign: ForeignField[] = reader.rest();
  return { ok: true, value: foreign.length === 0 ? record : { ...record, foreign } };
}

function readAccess(reader: FieldReader, stamp: Stamp): AuditRecord {
  const domain = reader.wide('domain', 16);
  const blockers = reader.raw('blockers').split(',');
  if (!blockers.every((blocker) => /^[a-z][a-z0-9_]*(\.[a-z0-9_]+)?$/.test(blocker))) {
    reader.reason ??= 'field blockers is not a list of rights';
  }
  return { type: 'access', stamp, domain, blockers, object: readObject(reader, blockers) };
}

function readDomain(reader: FieldReader, stamp: Stamp): AuditRecord {
  const domain = reader.wide('domain', 16);
  const status = reader.raw('status');
  if (status === 'deallocated')
    return { type: 'deallocated', stamp, domain, denials: reader.wide('denials', 10) };
  if (status !== 'allocated') reader.reason ??= 'field status is neither allocated nor deallocated';
  const mode = reader.raw('mode');
  const pid = reader.decimal('pid');
  const uid = reader.decimal('uid');
  const noProgram = reader.has('exe') ? readExe(reader) : null;
  return { type: 'allocated', stamp, domain, mode, pid, uid, exe: noProgram, comm: reader.untrusted('comm') };
}

function readExe(reader: FieldReader): string | null {
  const raw = reader.raw('exe');
  if (raw === '(null)') return null;
  const again = new FieldReader(new Map([['exe', raw]]));
  const exe = again.untrusted('exe');
  reader.reason ??= again.reason;
  return exe;
}

/** Takes an object's fields; also of the 2023 format. */
export function readObject(reader: FieldReader, blockers: readonly string[]): RecordObject {
  if (reader.has('opid'))
    return { kind: 'task', pid: reader.decimal('opid'), comm: reader.untrusted('ocomm') };
  if (blockers.includes('scope.abstract_unix_socket')) {
    const bytes = fromHex(reader.raw('path'));
    if (bytes === null || bytes[0] !== 0) reader.reason ??= 'field path is not an abstract name';
    return { kind: 'abstract', name: decodeBytes((bytes ?? new Uint8Array()).subarray(1)) };
  }
  if (reader.has('path') || reader.has('name')) {
    const key = reader.has('path') ? 'path' : 'name';
    const text = reader.untrusted(key);
    const file = reader.has('dev')
      ? { file: { dev: reader.untrusted('dev'), ino: reader.wide('ino', 10) } }
      : {};
    if (key === 'name') return { kind: 'mount', name: text, ...file };
    return {
      kind: 'path',
      path: text,
      ...file,
      ...(reader.has('ioctlcmd') ? { ioctl: readIoctl(reader) } : {}),
    };
  }
  if (!blockers.some((blocker) => blocker.startsWith('net.'))) return { kind: 'none' };
  const fields: Record<string, string | number> = {};
  for (const key of NET_KEYS) {
    if (!reader.has(key)) continue;
    fields[key] = PORT_KEYS.has(key) ? reader.decimal(key, 65_535) : readAddress(reader, key);
  }
  return { kind: 'net', fields };
}

function readIoctl(reader: FieldReader): number {
  const raw = reader.raw('ioctlcmd');
  if (!/^0x[0-9a-f]{1,4}$/.test(raw)) reader.reason ??= 'field ioctlcmd is not a number';
  return Number.parseInt(raw.slice(2), 16) || 0;
}

function readAddress(reader: FieldReader, key: string): string {
  const raw = reader.raw(key);
  if (!/^[0-9a-f:.]{2,45}$/.test(raw)) reader.reason ??= `field ${key} is not an address`;
  return raw;
}
