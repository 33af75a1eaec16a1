/**
 * Node's own SQLite, loaded when a store is opened and not before. Owns loading and the one pragma that every connection
 * needs first; knows no table.
 */

import type { DatabaseSync } from 'node:sqlite';
import { LandwardError } from '../../errors.ts';

type Sqlite = typeof import('node:sqlite');

/** Milliseconds that a writer waits for another process to finish. */
const BUSY_MS = 15_000;

/**
 * Opens a database file, or one in memory.
 *
 * @param file a path, or `:memory:`
 * @param options `readOnly` opens without the right to write
 * @throws LandwardError STORE where this Node has no SQLite, or the file is none
 */
export async function openDatabase(
  file: string,
  options: { readonly readOnly?: boolean } = {},
): Promise<DatabaseSync> {
  const { DatabaseSync } = await load();
  const database = new DatabaseSync(file, { readOnly: options.readOnly ?? false });
  database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  return database;
}

async function load(): Promise<Sqlite> {
  const emit = process.emitWarning;
  // Node 22 calls the module experimental on standard error; users can do nothing about it.
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (!String(warning).includes('SQLite'))
      (emit as (...all: unknown[]) => void).call(process, warning, ...rest);
  }) as typeof process.emitWarning;
  try {
    return await import('node:sqlite');
  } catch (cause) {
    throw new LandwardError('STORE', `This Node (${process.version}) has no SQLite`, {
      fix: 'Use Node 22.13 or newer; run, spawn and explain work without the store',
      cause,
    });
  } finally {
    process.emitWarning = emit;
  }
}

/** Whether an error of SQLite says that another process holds the lock. */
export function isBusy(error: unknown): boolean {
  const code = (error as { readonly errcode?: number }).errcode;
  // The low byte is the primary code: SQLITE_BUSY, SQLITE_LOCKED.
  return code !== undefined && ((code & 0xff) === 5 || (code & 0xff) === 6);
}

/**
 * Runs a part in one transaction that writes; all or nothing.
 *
 * @param act must not wait for anything
 */
export function inTransaction<T>(database: DatabaseSync, act: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = act();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    try {
      database.exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself, as it does where the disk is full.
    }
    throw error;
  }
}
