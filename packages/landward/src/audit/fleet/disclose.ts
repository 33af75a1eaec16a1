/**
 * What of a denial may leave the host. Without a word in the configuration that is its time, its kind and numbers from
 * known sets: no path, no command line, no program, no user, no address, no host.
 *
 * Owns the list; every sink gets records that have been through here, and the spool holds nothing else.
 */

import type { DenialEvent } from '../../model/denial.ts';
import { type Cell, COLUMNS, type ColumnName } from '../store/columns.ts';
import { labelsOf } from '../store/labels.ts';

/** What leaves always. Words are cut to known sets, so that no program can smuggle text in them. */
export const ALWAYS = [
  'time',
  'source',
  'effect',
  'operation',
  'rights',
  'errno',
  'object',
  'layer',
] as const;

/** What leaves only when it is named in `disclose`, and the columns that each name means. */
export const DISCLOSURES = {
  path: ['path', 'to', 'abstract'],
  address: ['host', 'address', 'port'],
  program: ['comm', 'exe'],
  command: ['command'],
  user: ['uid'],
  process: ['pid', 'target_pid', 'target_comm', 'domain'],
  policy: ['policy'],
  rule: ['rule', 'rule_at'],
  run: ['run'],
} as const satisfies Readonly<Record<string, readonly ColumnName[]>>;

export type Disclosure = keyof typeof DISCLOSURES;

export const DISCLOSURE_NAMES = Object.keys(DISCLOSURES) as readonly Disclosure[];

/** A denial as it leaves. `seq` is its number in its store: with `instance` it names the record, however often it comes. */
export interface ExportRecord {
  readonly instance: string;
  readonly seq: number;
  readonly [column: string]: Cell;
}

/** The columns that leave under a configuration, in order. */
export function exportColumns(disclose: readonly Disclosure[]): readonly ColumnName[] {
  const named = new Set<ColumnName>([...ALWAYS, ...disclose.flatMap((name) => DISCLOSURES[name])]);
  return (Object.keys(COLUMNS) as ColumnName[]).filter((name) => named.has(name));
}

/**
 * A denial as it may leave.
 *
 * @param from the store's random name and the number of the denial in it
 */
export function exportRecord(
  event: DenialEvent,
  from: { readonly instance: string; readonly seq: number },
  disclose: readonly Disclosure[],
): ExportRecord {
  const labels = labelsOf(event);
  const record: Record<string, Cell> = {};
  for (const name of exportColumns(disclose)) record[name] = COLUMNS[name].of(event);
  record.operation = labels.operation === '' ? null : labels.operation;
  record.rights = [...labels.rights].sort().join(',');
  return { ...record, ...from };
}
