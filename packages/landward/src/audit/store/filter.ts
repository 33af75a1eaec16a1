/**
 * Which denials a question is about, as a condition of SQL. Every word of a person is a parameter, never part of the text.
 *
 * Owns the meaning of the filters; reading options is the command's.
 */

import { LandwardError } from '../../errors.ts';
import { compileGlob } from '../../model/glob.ts';
import { microseconds } from './row.ts';

/** Which denials; what is absent does not restrict. Several values of one key are alternatives. */
export interface Filter {
  /** Milliseconds since 1970, included. */
  readonly since?: number | undefined;
  /** Milliseconds since 1970, excluded. */
  readonly until?: number | undefined;
  readonly uid?: readonly number[] | undefined;
  /** The program's name (`comm`), its file, or the last part of it. */
  readonly program?: readonly string[] | undefined;
  /** A kernel domain in hexadecimal digits, or `TID.version`. */
  readonly domain?: readonly string[] | undefined;
  /** A right in audit spelling, or its category with a dot at the end (`net.`). */
  readonly right?: readonly string[] | undefined;
  /** An absolute glob over paths, sockets' paths included. */
  readonly path?: readonly string[] | undefined;
  /** The digest of a policy, or at least six digits of its beginning. */
  readonly policy?: readonly string[] | undefined;
  readonly run?: readonly string[] | undefined;
  readonly effect?: readonly string[] | undefined;
  readonly source?: readonly string[] | undefined;
  /** Only denials behind this number of the store. */
  readonly after?: number | undefined;
  /** Only denials up to this number of the store. */
  readonly upTo?: number | undefined;
}

/** A condition behind WHERE, and its parameters. */
export interface Condition {
  readonly sql: string;
  readonly parameters: readonly (string | number)[];
}

/**
 * The condition of a filter over the table `event`.
 *
 * @throws LandwardError POLICY_INVALID for a glob that is none, USAGE for a digest that is none
 */
export function conditionOf(filter: Filter): Condition {
  const parts: string[] = [];
  const parameters: (string | number)[] = [];
  const any = <T>(
    values: readonly T[] | undefined,
    sql: string,
    bind: (value: T) => readonly (string | number)[],
  ) => {
    if (values === undefined || values.length === 0) return;
    parts.push(`(${values.map(() => sql).join(' OR ')})`);
    for (const value of values) parameters.push(...bind(value));
  };
  const one = (value: number | undefined, sql: string, bind = (found: number) => found) => {
    if (value !== undefined) any([value], sql, (found) => [bind(found)]);
  };
  one(filter.after, 'event.id > ?');
  one(filter.upTo, 'event.id <= ?');
  one(filter.since, 'event.time >= ?', microseconds);
  one(filter.until, 'event.time < ?', microseconds);
  any(filter.uid, 'event.uid = ?', (uid) => [uid]);
  any(filter.program, "(event.comm = ? OR event.exe = ? OR event.exe LIKE '%/' || ? ESCAPE '\\')", (name) => [
    name.slice(0, 15),
    name,
    name.replace(/[\\%_]/g, '\\$&'),
  ]);
  any(filter.domain, 'event.domain = ?', (domain) => [domain.toLowerCase().replace(/^0x/, '')]);
  any(
    filter.right,
    `event.id IN (SELECT event FROM event_right WHERE "right" = ? OR substr("right", 1, ?) = ?)`,
    (right) => [right, right.endsWith('.') ? right.length : 0, right.endsWith('.') ? right : '*'],
  );
  any(filter.path, '(path_matches(?, event.name) OR path_matches(?, event.name2))', (glob) => {
    compileGlob(glob);
    return [glob, glob];
  });
  any(filter.policy, 'substr(event.digest, 1, ?) = ?', (digest) => {
    const start = digest.replace(/^sha256:/, '').toLowerCase();
    if (!/^[0-9a-f]{6,}$/.test(start))
      throw new LandwardError(
        'USAGE',
        `A policy is named by six or more digits of its digest, not ${digest}`,
        {
          part: digest,
        },
      );
    return [start.length, start];
  });
  any(filter.run, 'event.run = ?', (run) => [run.toLowerCase()]);
  any(filter.effect, 'event.effect = ?', (effect) => [effect]);
  any(filter.source, 'event.source = ?', (source) => [source]);
  return { sql: parts.length === 0 ? '1' : parts.join(' AND '), parameters };
}
