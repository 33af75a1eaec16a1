/** A denial as a flat record: the columns of CSV, of Parquet and of column stores. Owns their names and types. */

import type { DenialEvent } from '../../model/denial.ts';
import { errnoName } from '../../uapi/errno.ts';
import { domainText } from './row.ts';

/** A value of a column; `null` where the denial does not say. */
export type Cell = string | number | null;

interface Column {
  readonly type: 'text' | 'integer' | 'time';
  of(event: DenialEvent): Cell;
}

/** The columns in their order. `time` is in milliseconds since 1970. */
export const COLUMNS = {
  time: { type: 'time', of: ({ time }) => Math.floor(time) },
  source: { type: 'text', of: ({ source }) => source },
  effect: { type: 'text', of: ({ effect }) => effect },
  operation: { type: 'text', of: ({ operation }) => operation ?? null },
  rights: { type: 'text', of: ({ missing }) => [...missing].sort().join(',') },
  errno: { type: 'text', of: ({ errno }) => (errno === undefined ? null : errnoName(errno)) },
  object: { type: 'text', of: ({ object }) => object.kind },
  path: {
    type: 'text',
    of: ({ object }) =>
      object.kind === 'path' || object.kind === 'unix'
        ? (object.path ?? null)
        : object.kind === 'mount'
          ? object.name
          : null,
  },
  to: { type: 'text', of: ({ object }) => (object.kind === 'path' ? (object.to ?? null) : null) },
  abstract: { type: 'text', of: ({ object }) => (object.kind === 'unix' ? (object.abstract ?? null) : null) },
  host: { type: 'text', of: ({ object }) => (object.kind === 'net' ? (object.name ?? null) : null) },
  address: { type: 'text', of: ({ object }) => (object.kind === 'net' ? (object.address ?? null) : null) },
  port: { type: 'integer', of: ({ object }) => (object.kind === 'net' ? (object.port ?? null) : null) },
  target_pid: { type: 'integer', of: ({ object }) => (object.kind === 'task' ? object.pid : null) },
  target_comm: { type: 'text', of: ({ object }) => (object.kind === 'task' ? object.comm : null) },
  domain: { type: 'text', of: ({ domain }) => domainText(domain) },
  pid: { type: 'integer', of: ({ process }) => process?.pid ?? null },
  uid: { type: 'integer', of: ({ process, enforcer }) => process?.uid ?? enforcer?.uid ?? null },
  comm: { type: 'text', of: ({ process, enforcer }) => process?.comm ?? enforcer?.comm ?? null },
  exe: { type: 'text', of: ({ process, enforcer }) => process?.exe ?? enforcer?.exe ?? null },
  command: { type: 'text', of: ({ process }) => process?.commandLine?.join(' ') ?? null },
  layer: { type: 'integer', of: ({ blame }) => blame?.layer ?? null },
  rule: { type: 'text', of: ({ blame }) => blame?.rule?.text ?? null },
  rule_at: {
    type: 'text',
    of: ({ blame }) =>
      blame?.rule === undefined ? null : `${blame.rule.origin.file}:${blame.rule.origin.line}`,
  },
  run: { type: 'text', of: ({ run }) => run ?? null },
  policy: { type: 'text', of: ({ digest }) => digest ?? null },
} as const satisfies Readonly<Record<string, Column>>;

export type ColumnName = keyof typeof COLUMNS;

/** The names of all columns, in order. */
export const COLUMN_NAMES = Object.keys(COLUMNS) as readonly ColumnName[];
