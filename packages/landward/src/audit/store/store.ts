/**
 * An open store: one SQLite file that any number of processes write, or one in memory for a single question.
 *
 * Owns opening, permissions and closing. What is put in is `intake.ts`, what is asked `query.ts` and `stats.ts`, what is
 * thrown away `bounds.ts`.
 */

import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchmodSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { LandwardError } from '../../errors.ts';
import { compileGlob, type Glob, matchGlob } from '../../model/glob.ts';
import { ownDirectory, stateDirectory } from '../state-directory.ts';
import { migrate } from './schema.ts';
import { isBusy, openDatabase } from './sqlite.ts';

/** The name of a store that lies in a temporary file of SQLite's, where it outgrows memory, and is gone with the process. */
export const TEMPORARY = '';

/** How a store is opened. */
export interface StoreOptions {
  /** The file; `TEMPORARY` or `:memory:` for one that is gone with the process. Default: `denials.sqlite` in the state directory. */
  readonly file?: string | undefined;
}

/** A store. Close it, or use `using`. */
export class Store implements Disposable {
  readonly file: string;
  readonly database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: string, database: DatabaseSync) {
    this.file = file;
    this.database = database;
  }

  /** The prepared statement of a text, made once. */
  prepare(sql: string): StatementSync {
    const found = this.#statements.get(sql);
    if (found !== undefined) return found;
    const statement = this.database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** A setting or fact of the store itself. */
  meta(key: string): string | undefined {
    return this.prepare('SELECT value FROM meta WHERE key = ?').get(key)?.value as string | undefined;
  }

  setMeta(key: string, value: string): void {
    this.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run(key, value);
  }

  /** The random name of this store, 32 hex digits: tells stores apart without saying whose they are. */
  get instance(): string {
    return this.meta('instance')!;
  }

  close(): void {
    if (this.database.isOpen) this.database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The store's file when none is named. */
export function defaultStoreFile(env: NodeJS.ProcessEnv = process.env): string {
  return join(stateDirectory(env), 'denials.sqlite');
}

/**
 * Opens a store, and makes it where there is none.
 *
 * @throws LandwardError STORE where the place is not this user's alone, or the file is no store that is known here
 * @example
 * using store = await openStore();
 */
export async function openStore(options: StoreOptions = {}): Promise<Store> {
  const file = options.file ?? defaultStoreFile();
  if (!isFleeting(file)) {
    if (options.file === undefined) ownDirectory(stateDirectory());
    claimFile(file);
  }
  const database = await openDatabase(file);
  try {
    prepareFile(database, file);
    const store = new Store(file, database);
    store
      .prepare("INSERT OR IGNORE INTO meta (key, value) VALUES ('instance', ?)")
      .run(randomBytes(16).toString('hex'));
    return store;
  } catch (error) {
    database.close();
    if (error instanceof LandwardError) throw error;
    throw new LandwardError('STORE', `The store ${file} cannot be used: ${(error as Error).message}`, {
      part: file,
      fix: 'Where the file is damaged, move it away: a new one is made, and logs can be read in again',
      cause: error,
    });
  }
}

/** Whether a store of this name is gone with the process. */
export function isFleeting(file: string): boolean {
  return file === TEMPORARY || file === ':memory:';
}

/** Makes the file for this user alone, or takes rights of others away; SQLite gives its other files the same mode. */
function claimFile(file: string): void {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let fd: number;
  try {
    fd = openSync(file, flags, 0o600);
  } catch (cause) {
    throw new LandwardError('STORE', `The store ${file} cannot be opened: ${(cause as Error).message}`, {
      part: file,
      cause,
    });
  }
  try {
    const found = fstatSync(fd);
    if (!found.isFile() || found.uid !== process.geteuid?.())
      throw new LandwardError('STORE', `The store ${file} is not a file of this user`, {
        part: file,
        fix: 'Name another file with --store',
      });
    if ((found.mode & 0o077) !== 0) fchmodSync(fd, 0o600);
  } finally {
    closeSync(fd);
  }
}

function prepareFile(database: DatabaseSync, file: string): void {
  // Takes effect in a new file only, and must come before the first table.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL');
  // A busy timeout does not cover the change to WAL: two processes that make the file at once must take turns.
  for (let attempt = 0; ; attempt++)
    try {
      database.exec('PRAGMA journal_mode = WAL');
      break;
    } catch (error) {
      if (!isBusy(error) || attempt === 200) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 25);
    }
  database.exec('PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 4194304; PRAGMA foreign_keys = ON');
  migrate(database, file);
  const globs = new Map<string, Glob>();
  database.function('path_matches', { deterministic: true }, (pattern, path) => {
    if (typeof pattern !== 'string' || typeof path !== 'string' || !path.startsWith('/')) return 0;
    let glob = globs.get(pattern);
    if (glob === undefined) {
      glob = compileGlob(pattern);
      globs.set(pattern, glob);
    }
    return matchGlob(glob, path) ? 1 : 0;
  });
}
