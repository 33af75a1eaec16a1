/**
 * The tables of the store, version by version. A file of an older version is brought forward in one transaction; a file of
 * a newer one is refused and left alone.
 *
 * Owns the schema. Times are microseconds since 1970. `event.json` is the truth; the columns beside it are for finding.
 */

import type { DatabaseSync } from 'node:sqlite';
import { LandwardError } from '../../errors.ts';
import { inTransaction } from './sqlite.ts';

/** What brings a file from one version to the next; the first makes an empty file a store. */
const STEPS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  -- Numbers of events are never used twice: sinks remember how far they have come.
  CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    identity BLOB NOT NULL UNIQUE,
    time INTEGER NOT NULL,
    source TEXT NOT NULL,
    effect TEXT NOT NULL,
    operation TEXT,
    object TEXT NOT NULL,
    name TEXT,
    name2 TEXT,
    domain TEXT,
    pid INTEGER,
    uid INTEGER,
    comm TEXT,
    exe TEXT,
    run TEXT,
    digest TEXT,
    json TEXT NOT NULL
  ) STRICT;
  CREATE INDEX event_time ON event (time);
  CREATE INDEX event_run ON event (run) WHERE run IS NOT NULL;
  CREATE INDEX event_domain ON event (domain) WHERE domain IS NOT NULL;
  CREATE TABLE event_right (
    event INTEGER NOT NULL REFERENCES event (id) ON DELETE CASCADE,
    "right" TEXT NOT NULL,
    PRIMARY KEY (event, "right")
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE loss (
    identity BLOB PRIMARY KEY,
    time INTEGER,
    seen INTEGER NOT NULL,
    source TEXT NOT NULL,
    what TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE loss_tally (
    source TEXT NOT NULL,
    what TEXT NOT NULL,
    records INTEGER NOT NULL,
    uncounted INTEGER NOT NULL,
    PRIMARY KEY (source, what)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE domain (
    id TEXT PRIMARY KEY,
    time INTEGER NOT NULL,
    enforcer TEXT,
    denials INTEGER
  ) STRICT, WITHOUT ROWID;
  -- Counts that outlive the events. Hour -1 holds the hours that were folded.
  CREATE TABLE tally (
    hour INTEGER NOT NULL,
    source TEXT NOT NULL,
    effect TEXT NOT NULL,
    "right" TEXT NOT NULL,
    operation TEXT NOT NULL,
    object TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour, source, effect, "right", operation, object)
  ) STRICT, WITHOUT ROWID;
  -- cursor: the last event that was put into the spool; acked: the last that the receiver has. Counts are events:
  -- lost before they were spooled, gone from the spool without having been sent.
  CREATE TABLE sink (
    name TEXT PRIMARY KEY,
    cursor INTEGER NOT NULL,
    acked INTEGER NOT NULL DEFAULT 0,
    spooled INTEGER NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    gone INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE seen (
    rule TEXT NOT NULL,
    key TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (rule, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE alarm (
    rule TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    last INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  -- Which lines of a policy allowed something, as observed by supervised runs.
  CREATE TABLE rule_use (
    digest TEXT NOT NULL,
    file TEXT NOT NULL,
    line INTEGER NOT NULL,
    "column" INTEGER NOT NULL,
    text TEXT NOT NULL,
    count INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (digest, file, line, "column", text)
  ) STRICT, WITHOUT ROWID;
  -- How far the registry of runs was read.
  CREATE TABLE known_run (
    stem TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    uses INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE observed_run (
    run TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    time INTEGER NOT NULL,
    complete INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
];

/** The version that this landward writes. */
export const SCHEMA_VERSION = STEPS.length;

/**
 * Brings a store to `SCHEMA_VERSION`.
 *
 * @param file its name, for errors
 * @throws LandwardError STORE for a store that a newer landward wrote
 */
export function migrate(database: DatabaseSync, file: string): void {
  if (versionOf(database) === SCHEMA_VERSION) return;
  inTransaction(database, () => {
    // Asked again: another process may have done it while this one waited.
    const version = versionOf(database);
    if (version > SCHEMA_VERSION)
      throw new LandwardError(
        'STORE',
        `The store ${file} has version ${version}, and this landward knows up to ${SCHEMA_VERSION}`,
        { part: file, fix: 'Use the newer landward, or name another store with --store' },
      );
    for (const step of STEPS.slice(version)) database.exec(step);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()!.user_version);
}
