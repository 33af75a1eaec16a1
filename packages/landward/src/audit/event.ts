/**
 * The JSON form of a denial: what `--json`, the store and every sink write, and what is read back from them.
 *
 * It is the event itself with the same names, `version: 1` in front, and 64-bit numbers (`object.ino`, the identifier of
 * a kernel domain) in decimal digits between quotes. A byte that is no UTF-8 is the lone surrogate U+DC00 + byte, which
 * JSON carries as an escape. Names are only added while the version is 1; readers leave out what they do not know.
 */

import type { DenialEvent, DenialLayer, DenialObject } from '../model/denial.ts';
import {
  byKind,
  count,
  finite,
  flag,
  list,
  oneOf,
  readShape,
  record,
  type Shape,
  text,
  toPlain,
  wide,
} from './shape.ts';

/** A denial as JSON holds it. */
export interface EventJson {
  readonly version: 1;
  readonly [key: string]: unknown;
}

const PROCESS = record(
  { pid: count },
  { tid: count, comm: text, exe: text, uid: count, commandLine: list(text) },
);

const OBJECT: Shape<DenialObject> = byKind({
  path: record({ path: text }, { to: text, dev: text, ino: wide, ioctl: count, directory: flag }),
  net: record({}, { protocol: oneOf('tcp', 'udp', 'other'), address: text, port: count, name: text }),
  unix: record({}, { path: text, abstract: text }),
  task: record({ pid: count, comm: text }, {}),
  mount: record({ name: text }, { dev: text, ino: wide }),
  none: record({}, {}),
});

const LAYER: Shape<DenialLayer> = record(
  { layer: count, missing: list(text) },
  {
    name: text,
    version: count,
    verdict: oneOf('deny', 'hide', 'ask'),
    rule: record({ text, origin: record({ file: text, line: count, column: count }, {}) }, { because: text }),
  },
);

const EVENT: Shape<DenialEvent & { readonly version: 1 }> = record(
  {
    version: oneOf(1),
    source: oneOf('audit', 'log', 'journal', 'kmsg', 'tracepoint', 'supervisor'),
    effect: oneOf('denied', 'hidden', 'observed'),
    time: finite,
    missing: list(text),
    object: OBJECT,
  },
  {
    serial: count,
    operation: text,
    errno: count,
    domain: byKind({ kernel: record({ id: wide }, {}), user: record({ id: text }, {}) }),
    process: PROCESS,
    enforcer: PROCESS,
    names: list(text),
    blame: LAYER,
    layers: list(LAYER),
    side: oneOf('caller', 'socket', 'relation', 'lock'),
    made: oneOf('inside', 'outside'),
    program: text,
    run: text,
    digest: text,
  },
);

/**
 * The JSON form of an event.
 *
 * @example JSON.stringify(eventToJson(event)) // '{"version":1,"source":"audit","effect":"denied",…}'
 */
export function eventToJson(event: DenialEvent): EventJson {
  return { version: 1, ...(toPlain(event) as object) };
}

/**
 * Reads the JSON form back.
 *
 * @param value what `JSON.parse` gave
 * @returns the event, equal to the one that was written, or the reason why it is none
 */
export function eventFromJson(
  value: unknown,
): { readonly ok: true; readonly value: DenialEvent } | { readonly ok: false; readonly reason: string } {
  const read = readShape(EVENT, value);
  if (!read.ok) return read;
  const { version: _, ...event } = read.value;
  return { ok: true, value: event };
}
