/**
 * DNS messages, as far as a name server needs them that only passes on: the question, the addresses in an answer, and
 * the refusal. Bytes come from programs and from the network: every length is checked.
 */

const HEADER = 12;
const NAME_MAX = 255;
const POINTER = 0xc0;
const FLAG = {
  response: 0x8000,
  opcode: 0x7800,
  truncated: 0x0200,
  desired: 0x0100,
  available: 0x0080,
} as const;
/** Authentic data, checking disabled: what a client may ask of the way of answering. */
const ASKED_FLAGS = 0x0130;
const TYPE = { A: 1, CNAME: 5, AAAA: 28, OPT: 41 } as const;
/** Types from here on are no data: transfers, mail and the question for everything. */
const FIRST_META_TYPE = 249;
const CLASS_IN = 1;
const OPT_BYTES = 11;
const DNSSEC_OK = 0x8000;
/** The largest answer over UDP that gets through everywhere. */
const UDP_ANSWER = 1232;

export const RCODE = { formatError: 1, serverFailure: 2, nameError: 3, notImplemented: 4 } as const;

/** A question of a program. */
export interface Query {
  readonly id: number;
  /** Lower case, without the last dot; labels that hold other bytes than those of host names are escaped. */
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** The question as it came: name, type and class. */
  readonly question: Uint8Array;
  /** Set where the program speaks EDNS: the DNSSEC flag is all that is passed on of it. */
  readonly edns?: { readonly dnssec: boolean };
}

/** An address that an answer gives for the name that was asked. */
export interface Given {
  readonly address: string;
  readonly ttl: number;
}

/** Reads a query; `null` for what is none, or asks for more or other than one name. */
export function readQuery(bytes: Uint8Array): Query | null {
  if (bytes.length < HEADER) return null;
  const view = viewOf(bytes);
  const flags = view.getUint16(2);
  if (flags & (FLAG.response | FLAG.opcode) || view.getUint16(4) !== 1) return null;
  const name = readName(bytes, HEADER);
  if (name === null || name.compressed || name.end + 4 > bytes.length) return null;
  const type = view.getUint16(name.end);
  if (view.getUint16(name.end + 2) !== CLASS_IN || type >= FIRST_META_TYPE || type === TYPE.OPT) return null;
  const at = name.end + 4;
  const edns = view.getUint16(10) > 0 && bytes[at] === 0 && bytes.length >= at + OPT_BYTES;
  const speaks = edns && view.getUint16(at + 1) === TYPE.OPT;
  return {
    id: view.getUint16(0),
    name: name.text,
    type,
    flags,
    question: bytes.slice(HEADER, at),
    ...(speaks ? { edns: { dnssec: (view.getUint16(at + 7) & DNSSEC_OK) !== 0 } } : {}),
  };
}

/** The question as it goes to a name server: nothing of the program's own but name, type and the known flags. */
export function writeQuery(query: Query, id: number): Uint8Array {
  const bytes = new Uint8Array(HEADER + query.question.length + (query.edns === undefined ? 0 : OPT_BYTES));
  const view = viewOf(bytes);
  view.setUint16(0, id);
  view.setUint16(2, (query.flags & ASKED_FLAGS) | FLAG.desired);
  view.setUint16(4, 1);
  bytes.set(lowerCase(query.question), HEADER);
  if (query.edns !== undefined) {
    const at = HEADER + query.question.length;
    view.setUint16(10, 1);
    view.setUint16(at + 1, TYPE.OPT);
    view.setUint16(at + 3, UDP_ANSWER);
    view.setUint16(at + 7, query.edns.dnssec ? DNSSEC_OK : 0);
  }
  return bytes;
}

/** Whether bytes answer a query that went out with this id. */
export function isAnswer(query: Query, id: number, bytes: Uint8Array): boolean {
  if (bytes.length < HEADER + query.question.length) return false;
  const view = viewOf(bytes);
  if (view.getUint16(0) !== id || !(view.getUint16(2) & FLAG.response) || view.getUint16(4) !== 1)
    return false;
  const asked = lowerCase(query.question);
  const echoed = lowerCase(bytes.subarray(HEADER, HEADER + asked.length));
  return asked.every((byte, at) => byte === echoed[at]);
}

/** An answer as the program gets it: with the id and the letters that it asked with. */
export function addressAnswer(query: Query, bytes: Uint8Array): Uint8Array {
  const answer = bytes.slice();
  viewOf(answer).setUint16(0, query.id);
  answer.set(query.question, HEADER);
  return answer;
}

/** An answer without data. */
export function writeRefusal(query: Query, rcode: number): Uint8Array {
  const bytes = new Uint8Array(HEADER + query.question.length);
  const view = viewOf(bytes);
  view.setUint16(0, query.id);
  view.setUint16(2, FLAG.response | (query.flags & FLAG.desired) | FLAG.available | rcode);
  view.setUint16(4, 1);
  bytes.set(query.question, HEADER);
  return bytes;
}

/** An answer that says that it does not fit, so that the program asks again over TCP. */
export function writeTruncated(query: Query): Uint8Array {
  const bytes = writeRefusal(query, 0);
  viewOf(bytes).setUint16(2, viewOf(bytes).getUint16(2) | FLAG.truncated);
  return bytes;
}

/**
 * The addresses that an answer gives for the name of its question, along its aliases. `null` where the answer cannot be
 * read: then it must not be passed on.
 *
 * Every address of the answer part is returned as one of `all`, whatever name it belongs to.
 */
export function readAnswer(
  query: Query,
  bytes: Uint8Array,
): { readonly given: readonly Given[]; readonly all: readonly string[] } | null {
  const view = viewOf(bytes);
  const records: { owner: string; type: number; ttl: number; at: number; length: number }[] = [];
  let at = HEADER + query.question.length;
  for (let left = view.getUint16(6); left > 0; left--) {
    const owner = readName(bytes, at);
    if (owner === null || owner.end + 10 > bytes.length) return null;
    const length = view.getUint16(owner.end + 8);
    const data = owner.end + 10;
    if (data + length > bytes.length) return null;
    const [type, ttl] = [view.getUint16(owner.end), view.getUint32(owner.end + 4)];
    records.push({ owner: owner.text, type, ttl, at: data, length });
    at = data + length;
  }
  const names = new Set([query.name]);
  for (let before = 0; before !== names.size; ) {
    before = names.size;
    for (const record of records) {
      if (record.type !== TYPE.CNAME || !names.has(record.owner)) continue;
      const alias = readName(bytes, record.at);
      if (alias === null) return null;
      names.add(alias.text);
    }
  }
  const given: Given[] = [];
  const all: string[] = [];
  for (const { owner, type, ttl, at: data, length } of records) {
    if (type !== TYPE.A && type !== TYPE.AAAA) continue;
    if (length !== (type === TYPE.A ? 4 : 16)) return null;
    const address = addressOf(bytes.subarray(data, data + length));
    all.push(address);
    if (names.has(owner)) given.push({ address, ttl });
  }
  return { given, all };
}

function addressOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  return Array.from({ length: 8 }, (_, at) => ((bytes[2 * at]! << 8) | bytes[2 * at + 1]!).toString(16)).join(
    ':',
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Lengths of labels are below the letters, so a whole question can be treated alike; its type and class are not. */
function lowerCase(question: Uint8Array): Uint8Array {
  const end = question.length - 4;
  return question.map((byte, at) => (at < end && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte));
}

function readName(
  bytes: Uint8Array,
  start: number,
): { readonly text: string; readonly end: number; readonly compressed: boolean } | null {
  const labels: string[] = [];
  let [at, end, size] = [start, -1, 0];
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return null;
    if (length === 0) break;
    if ((length & POINTER) === POINTER) {
      if (end < 0) end = at + 2;
      const to = ((length & ~POINTER) << 8) | (bytes[at + 1] ?? 0);
      // Only backwards, so that no chain of pointers runs for ever.
      if (to >= at || at + 1 >= bytes.length) return null;
      at = to;
      continue;
    }
    size += length + 1;
    if (length & POINTER || size > NAME_MAX || at + 1 + length > bytes.length) return null;
    labels.push(labelText(bytes.subarray(at + 1, at + 1 + length)));
    at += length + 1;
  }
  return { text: labels.join('.'), end: end < 0 ? at + 1 : end, compressed: end >= 0 };
}

/** Bytes that no host name has, and dots inside of a label, are written so that no rule can take them for another name. */
function labelText(label: Uint8Array): string {
  return Array.from(label, (byte) => {
    const letter = String.fromCharCode(byte).toLowerCase();
    return /[a-z0-9_-]/.test(letter) ? letter : `\\${String(byte).padStart(3, '0')}`;
  }).join('');
}
