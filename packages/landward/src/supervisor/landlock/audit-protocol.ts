/**
 * The words of the kernel's audit socket as far as readers of denials use them: switching on, registering, filters, and the
 * acknowledgements. Layouts and semantics only; sockets are `audit-clients.ts`.
 */

import { type AuditRecord, RECORD_TYPES } from '../../model/records/index.ts';
import { ERRNO } from '../../uapi/errno.ts';

const HEADER = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_ACK = 4;
const NLM_F_MULTI = 2;
const MESSAGE = {
  GET: 1000,
  SET: 1001,
  USER: 1005,
  ADD_RULE: 1011,
  DEL_RULE: 1012,
  LIST_RULES: 1013,
} as const;
const STATUS = { ENABLED: 1, PID: 4, bytes: 44 } as const;
const RULE = {
  flags: 0,
  action: 4,
  count: 8,
  fields: 268,
  values: 524,
  ops: 780,
  buflen: 1036,
  buffer: 1040,
} as const;
const FILTER_EXCLUDE = 5;
const ACTION_NEVER = 0;
const FIELD = { MSGTYPE: 12, EXE: 112 } as const;
const OP = { NOT_EQUAL: 0x3000_0000, EQUAL: 0x4000_0000 } as const;
const MOST_RULES = 64;

/** What a rule compares. */
interface Field {
  readonly field: number;
  readonly equal: boolean;
  readonly value: number;
  readonly text: string;
}

interface Exclusion {
  /** The rule as it was given: two are the same if they are byte for byte. */
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly fields: readonly Field[];
}

/** Audit as the programs of one run see it. */
export class AuditState {
  enabled = false;
  /** The process that registered itself, as it wrote its number; 0 for none. */
  daemon = 0;
  /** How often somebody registered or left. */
  registrations = 0;
  readonly #exclusions: Exclusion[] = [];

  /** Whether a record passes the filters. */
  passes(record: AuditRecord, exe: string | undefined): boolean {
    const type = record.type === 'access' ? RECORD_TYPES.access : RECORD_TYPES.domain;
    return !this.#exclusions.some(({ fields }) =>
      fields.every(({ field, equal, value, text }) =>
        field === FIELD.MSGTYPE ? (value === type) === equal : (exe === text) === equal,
      ),
    );
  }

  /**
   * Answers a request.
   *
   * @param message one netlink message
   * @param isFree whether nobody listens as the registered process any more
   * @returns the messages that the sender gets
   */
  request(message: Uint8Array, isFree: () => boolean): Uint8Array[] {
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const type = view.getUint16(4, true);
    const body = message.subarray(HEADER);
    switch (type) {
      case MESSAGE.GET:
        return [packed(type, view, this.#status()), ...acknowledged(view, 0)];
      case MESSAGE.SET:
        return acknowledged(view, this.#set(body, isFree));
      case MESSAGE.ADD_RULE:
        return acknowledged(view, this.#add(body));
      case MESSAGE.DEL_RULE:
        return acknowledged(view, this.#remove(body));
      case MESSAGE.LIST_RULES: {
        const rules = this.#exclusions.map(({ bytes }) => packed(type, view, bytes, NLM_F_MULTI));
        return [...rules, packed(NLMSG_DONE, view, new Uint8Array(4), NLM_F_MULTI)];
      }
      case MESSAGE.USER:
        return acknowledged(view, 0);
      default:
        return acknowledged(view, ERRNO.EINVAL, true);
    }
  }

  #status(): Uint8Array {
    const view = new DataView(new ArrayBuffer(STATUS.bytes));
    view.setUint32(4, this.enabled ? 1 : 0, true);
    view.setUint32(12, this.daemon, true);
    return new Uint8Array(view.buffer);
  }

  #set(body: Uint8Array, isFree: () => boolean): number {
    // Older programs give a shorter structure.
    if (body.length < 16) return ERRNO.EINVAL;
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    const mask = view.getUint32(0, true);
    if ((mask & STATUS.ENABLED) !== 0) {
      if (view.getUint32(4, true) > 2) return ERRNO.EINVAL;
      this.enabled = view.getUint32(4, true) !== 0;
    }
    if ((mask & STATUS.PID) !== 0) {
      const pid = view.getUint32(12, true);
      if (pid !== 0 && this.daemon !== 0 && !isFree()) return ERRNO.EEXIST;
      this.daemon = pid;
      this.registrations++;
    }
    return 0;
  }

  #add(body: Uint8Array): number {
    const rule = readRule(body);
    if (typeof rule === 'number') return rule;
    if (this.#exclusions.some(({ key }) => key === rule.key)) return ERRNO.EEXIST;
    if (this.#exclusions.length >= MOST_RULES) return ERRNO.ENOMEM;
    this.#exclusions.push(rule);
    return 0;
  }

  #remove(body: Uint8Array): number {
    const rule = readRule(body);
    if (typeof rule === 'number') return rule;
    const at = this.#exclusions.findIndex(({ key }) => key === rule.key);
    if (at < 0) return ERRNO.ENOENT;
    this.#exclusions.splice(at, 1);
    return 0;
  }
}

/** Reads a rule. Only exclusions by message type and program say something about records of Landlock alone. */
function readRule(body: Uint8Array): Exclusion | number {
  if (body.length < RULE.buffer) return ERRNO.EINVAL;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const count = view.getUint32(RULE.count, true);
  if (view.getUint32(RULE.flags, true) !== FILTER_EXCLUDE || count > 64) return ERRNO.EINVAL;
  if (view.getUint32(RULE.action, true) !== ACTION_NEVER) return ERRNO.EINVAL;
  const fields: Field[] = [];
  let at: number = RULE.buffer;
  for (let index = 0; index < count; index++) {
    const field = view.getUint32(RULE.fields + 4 * index, true);
    const value = view.getUint32(RULE.values + 4 * index, true);
    const op = view.getUint32(RULE.ops + 4 * index, true);
    if (op !== OP.EQUAL && op !== OP.NOT_EQUAL) return ERRNO.EINVAL;
    if (field !== FIELD.MSGTYPE && field !== FIELD.EXE) return ERRNO.EINVAL;
    const text = field === FIELD.EXE ? Buffer.from(body.subarray(at, at + value)).toString('utf8') : '';
    if (field === FIELD.EXE) at += value;
    fields.push({ field, equal: op === OP.EQUAL, value, text });
  }
  if (at > body.length) return ERRNO.EINVAL;
  const bytes = body.slice(0, at);
  return { key: Buffer.from(bytes).toString('latin1'), bytes, fields };
}

/** Splits what was sent into netlink messages; what is cut off is dropped, as the kernel does. */
export function* messagesIn(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
    if (length < HEADER || at + length > bytes.length) return;
    yield bytes.subarray(at, at + length);
    at += (length + 3) & ~3;
  }
}

/** A record as the socket delivers it. */
export function recordMessage(record: AuditRecord, text: string): Uint8Array {
  const body = Buffer.from(text, 'utf8');
  const message = new Uint8Array(HEADER + body.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setUint16(4, record.type === 'access' ? RECORD_TYPES.access : RECORD_TYPES.domain, true);
  message.set(body, HEADER);
  return message;
}

function packed(type: number, request: DataView, body: Uint8Array, flags = 0): Uint8Array {
  const message = new Uint8Array(HEADER + body.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, request.getUint32(8, true), true);
  view.setUint32(12, request.getUint32(12, true), true);
  message.set(body, HEADER);
  return message;
}

/** The acknowledgement of a request: always of an error, else where it was asked for. */
export function acknowledged(request: DataView, errno: number, always = errno !== 0): Uint8Array[] {
  if (!always && (request.getUint16(6, true) & NLM_F_ACK) === 0) return [];
  const body = new Uint8Array(4 + HEADER);
  new DataView(body.buffer).setInt32(0, -errno, true);
  body.set(new Uint8Array(request.buffer, request.byteOffset, HEADER), 4);
  return [packed(NLMSG_ERROR, request, body)];
}
