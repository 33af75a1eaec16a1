/**
 * Denials as a Parquet file, through hyparquet-writer: a row group at a time, so that any number fits.
 *
 * Owns the types of the columns in Parquet, and that a file appears whole or not at all. Bytes that are no UTF-8 become
 * replacement characters: Parquet's text has no other way.
 */

import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { LandwardError } from '../../errors.ts';
import type { DenialEvent } from '../../model/denial.ts';
import { loadPeer } from '../peers.ts';
import { type Cell, COLUMN_NAMES, COLUMNS } from './columns.ts';

/** A column of a file. */
export interface ParquetColumn {
  readonly name: string;
  readonly type: 'text' | 'integer' | 'time';
}

export type ParquetRow = Readonly<Record<string, Cell>>;

const TYPES = { text: 'STRING', integer: 'INT64', time: 'TIMESTAMP' } as const;
const GROUP = 20_000;

const loadWriter = () => loadPeer(['hyparquet-writer'], 'Parquet files', () => import('hyparquet-writer'));

/**
 * Writes a Parquet file for its owner alone.
 *
 * @param file replaced only when all is written
 * @returns the number of rows
 * @throws LandwardError PEER_MISSING, or STORE where the place cannot be written
 */
export async function writeParquetFile(
  file: string,
  columns: readonly ParquetColumn[],
  rows: Iterable<ParquetRow>,
): Promise<number> {
  const { fileWriter, ParquetWriter, schemaFromColumnData } = await loadWriter();
  const part = `${file}.${process.pid}.part`;
  try {
    closeSync(openSync(part, 'wx', 0o600));
  } catch (cause) {
    throw new LandwardError('STORE', `The file ${file} cannot be written: ${(cause as Error).message}`, {
      part: file,
      cause,
    });
  }
  try {
    const empty = columnsOf(columns, []);
    const writer = new ParquetWriter({
      writer: fileWriter(part),
      schema: schemaFromColumnData({ columnData: empty }),
      createdBy: 'landward',
    });
    let total = 0;
    for (const group of groups(rows)) {
      total += group.length;
      await writer.write({ columnData: untyped(columnsOf(columns, group)), rowGroupSize: GROUP });
    }
    await writer.finish();
    renameSync(part, file);
    return total;
  } finally {
    rmSync(part, { force: true });
  }
}

/** Writes denials with all their columns. @returns how many */
export function exportParquet(
  file: string,
  found: Iterable<{ readonly event: DenialEvent }>,
): Promise<number> {
  const columns = COLUMN_NAMES.map((name) => ({ name, type: COLUMNS[name].type }));
  const rows = function* () {
    for (const { event } of found)
      yield Object.fromEntries(COLUMN_NAMES.map((name): [string, Cell] => [name, COLUMNS[name].of(event)]));
  };
  return writeParquetFile(file, columns, rows());
}

/** A Parquet file in memory: a batch on its way to a sink. */
export async function parquetBytes(
  columns: readonly ParquetColumn[],
  rows: readonly ParquetRow[],
): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await loadWriter();
  return new Uint8Array(parquetWriteBuffer({ columnData: columnsOf(columns, rows), createdBy: 'landward' }));
}

function* groups(rows: Iterable<ParquetRow>): Generator<readonly ParquetRow[]> {
  let group: ParquetRow[] = [];
  for (const row of rows) {
    group.push(row);
    if (group.length < GROUP) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

function columnsOf(columns: readonly ParquetColumn[], rows: readonly ParquetRow[]) {
  return columns.map(({ name, type }) => ({
    name,
    type: TYPES[type],
    nullable: true,
    data: rows.map((row) => parquetValue(type, row[name] ?? null)),
  }));
}

/** Columns as a writer wants them that has the types in its schema. */
function untyped(columns: ReturnType<typeof columnsOf>) {
  return columns.map(({ name, data }) => ({ name, data }));
}

function parquetValue(type: ParquetColumn['type'], value: Cell): string | bigint | Date | null {
  if (value === null) return null;
  if (type === 'integer') return BigInt(value);
  if (type === 'time') return new Date(Math.max(-8.64e15, Math.min(8.64e15, Number(value))));
  return String(value).toWellFormed();
}
