/** A denial as a row of the table `event`: what of it can be searched. Owns the columns; the JSON beside them is the truth. */

import type { DenialEvent, DenialObject } from '../../model/denial.ts';
import { eventToJson } from '../event.ts';

/** The values of a row, in the order of `INSERT_EVENT`, behind the identity. */
export type EventRow = readonly (string | number | null)[];

/** Adds a row unless its identity is there. */
export const INSERT_EVENT = `INSERT INTO event
  (identity, time, source, effect, operation, object, name, name2, domain, pid, uid, comm, exe, run, digest, json)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (identity) DO NOTHING`;

/** Milliseconds as a whole number of microseconds that SQLite can hold. */
export function microseconds(milliseconds: number): number {
  const whole = Math.round(milliseconds * 1000);
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, whole));
}

/** The row of an event. */
export function rowOf(event: DenialEvent): EventRow {
  const { process, enforcer, object } = event;
  const [name, name2] = namesOf(object);
  return [
    microseconds(event.time),
    event.source,
    event.effect,
    event.operation ?? null,
    object.kind,
    name,
    name2,
    domainText(event.domain),
    process?.pid ?? null,
    process?.uid ?? enforcer?.uid ?? null,
    process?.comm ?? enforcer?.comm ?? null,
    process?.exe ?? enforcer?.exe ?? null,
    event.run ?? null,
    event.digest ?? null,
    JSON.stringify(eventToJson(event)),
  ];
}

/** A domain as it is written in logs: hexadecimal digits of the kernel, `TID.version` of user space. */
export function domainText(domain: DenialEvent['domain']): string | null {
  if (domain === undefined) return null;
  return domain.kind === 'kernel' ? domain.id.toString(16) : domain.id;
}

/** What an object is called: its path, address or name; the other end of a move. */
function namesOf(object: DenialObject): readonly [string | null, string | null] {
  switch (object.kind) {
    case 'path':
      return [object.path, object.to ?? null];
    case 'net': {
      const host = object.name ?? object.address;
      if (object.port === undefined) return [host ?? null, null];
      return [`${host ?? '*'}:${object.port}`, null];
    }
    case 'unix':
      return [object.path ?? (object.abstract === undefined ? null : `@${object.abstract}`), null];
    case 'task':
      return [object.comm, null];
    case 'mount':
      return [object.dev ?? object.name, null];
    case 'none':
      return [null, null];
  }
}
