/**
 * Reads OTLP messages from their bytes: a small reader of the protobuf wire format, and the numbers of the fields of
 * logs and metrics as the OTLP specification states them. Shares nothing with the SDK that writes them.
 */

type Kind = 'message' | 'repeated' | 'text' | 'fixed64' | 'double' | 'varint' | 'sfixed64';
interface Field {
  readonly name: string;
  readonly kind: Kind;
  readonly of?: () => Schema;
}
type Schema = Readonly<Record<number, Field>>;

const text = (name: string): Field => ({ name, kind: 'text' });
const many = (name: string, of: () => Schema): Field => ({ name, kind: 'repeated', of });
const one = (name: string, of: () => Schema): Field => ({ name, kind: 'message', of });

const VALUE: Schema = {
  1: text('string'),
  2: { name: 'bool', kind: 'varint' },
  3: { name: 'int', kind: 'varint' },
  4: { name: 'double', kind: 'double' },
};
const PAIR: Schema = { 1: text('key'), 2: one('value', () => VALUE) };
const RESOURCE: Schema = { 1: many('attributes', () => PAIR) };
const SCOPE: Schema = { 1: text('name'), 2: text('version') };
const LOG: Schema = {
  1: { name: 'time', kind: 'fixed64' },
  2: { name: 'severity', kind: 'varint' },
  3: text('severityText'),
  5: one('body', () => VALUE),
  6: many('attributes', () => PAIR),
  12: text('eventName'),
};
const POINT: Schema = {
  2: { name: 'start', kind: 'fixed64' },
  3: { name: 'time', kind: 'fixed64' },
  4: { name: 'double', kind: 'double' },
  6: { name: 'int', kind: 'sfixed64' },
  7: many('attributes', () => PAIR),
};
const SUM: Schema = {
  1: many('points', () => POINT),
  2: { name: 'temporality', kind: 'varint' },
  3: { name: 'monotonic', kind: 'varint' },
};
const METRIC: Schema = { 1: text('name'), 7: one('sum', () => SUM) };
const SCOPED_LOGS: Schema = { 1: one('scope', () => SCOPE), 2: many('records', () => LOG) };
const SCOPED_METRICS: Schema = { 1: one('scope', () => SCOPE), 2: many('metrics', () => METRIC) };

/** `ExportLogsServiceRequest`. */
export const LOGS: Schema = {
  1: many('resources', () => ({ 1: one('resource', () => RESOURCE), 2: many('scopes', () => SCOPED_LOGS) })),
};
/** `ExportMetricsServiceRequest`. */
export const METRICS: Schema = {
  1: many('resources', () => ({
    1: one('resource', () => RESOURCE),
    2: many('scopes', () => SCOPED_METRICS),
  })),
};

// biome-ignore lint/suspicious/noExplicitAny: what is read is looked at by tests only.
export type Message = Record<string, any>;

/** Reads a message. Throws where the bytes are none. */
export function readMessage(schema: Schema, bytes: Buffer): Message {
  const message: Message = {};
  for (let at = 0; at < bytes.length; ) {
    let tag: bigint;
    [tag, at] = varint(bytes, at);
    const field = schema[Number(tag >> 3n)];
    const wire = Number(tag & 7n);
    let raw: bigint | Buffer;
    if (wire === 0) [raw, at] = varint(bytes, at);
    else {
      let length = wire === 1 ? 8n : 4n;
      if (wire === 2) [length, at] = varint(bytes, at);
      if (wire > 2 && wire !== 5) throw new Error(`wire type ${wire}`);
      if (at + Number(length) > bytes.length) throw new Error('cut');
      raw = bytes.subarray(at, at + Number(length));
      at += Number(length);
    }
    if (field === undefined) continue;
    const value = read(field, raw);
    if (field.kind === 'repeated') message[field.name] = [...(message[field.name] ?? []), value];
    else message[field.name] = value;
  }
  return message;
}

function read({ kind, of }: Field, raw: bigint | Buffer): unknown {
  if (typeof raw === 'bigint') return Number(raw);
  switch (kind) {
    case 'text':
      return raw.toString('utf8');
    case 'fixed64':
      return raw.readBigUInt64LE();
    case 'sfixed64':
      return Number(raw.readBigInt64LE());
    case 'double':
      return raw.readDoubleLE();
    default:
      return readMessage(of!(), raw);
  }
}

function varint(bytes: Buffer, at: number): [bigint, number] {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error('cut');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at];
  }
  throw new Error('a number that is too long');
}

/** Attributes as an object. */
export function attributes(pairs: readonly Message[] | undefined): Record<string, string | number> {
  return Object.fromEntries(
    (pairs ?? []).map(({ key, value }) => [key, value.string ?? value.int ?? value.double]),
  );
}
