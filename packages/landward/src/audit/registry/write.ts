/**
 * Writing down a run: a record when it starts, its denials while they come, its end. What a crash leaves is the record and
 * every batch that was written.
 *
 * Owns the files `runs/TIME-ID.{run,denials,uses,end}` and `policies/KEY.json` below the state directory, and their bound. A
 * registry that cannot be written stops no run: the caller says so.
 */

import {
  appendFileSync,
  closeSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { DenialEvent } from '../../model/denial.ts';
import type { RuleLayer } from '../../model/rules.ts';
import { eventToJson } from '../event.ts';
import { ownDirectory } from '../state-directory.ts';
import { CHANGES, changeLine, type LayerChange } from './layer-changes.ts';
import type { RunEnd, RunRecord } from './record.ts';

/** Runs that are kept, and for how long; of one run, how many denials. */
export const KEPT = {
  runs: 1000,
  milliseconds: 30 * 24 * 3600 * 1000,
  denials: 10_000,
  changes: 10_000,
} as const;

/** A run that is being written down. */
export class RunWriter implements Disposable {
  readonly #stem: string;
  #file: number | undefined;
  #denials = 0;
  #dropped = 0;
  #changes = 0;

  private constructor(stem: string) {
    this.#stem = stem;
  }

  /**
   * Writes the record of a run that starts.
   *
   * @param state landward's state directory
   * @param layers the policy's layers, kept once under `record.policy`
   * @throws LandwardError STORE, or the error of the file system
   */
  static begin(state: string, record: RunRecord, layers: readonly RuleLayer[]): RunWriter {
    const runs = ownDirectory(join(state, 'runs'));
    const policies = ownDirectory(join(state, 'policies'));
    const policy = join(policies, `${record.policy}.json`);
    if (!isFile(policy)) replace(policy, JSON.stringify(layers));
    const stem = join(runs, stemOf(record.time, record.id));
    replace(`${stem}.run`, `${JSON.stringify(record)}\n`);
    prune(runs, record.time);
    return new RunWriter(stem);
  }

  /** Where the files of the run are, without their endings. */
  get stem(): string {
    return this.#stem;
  }

  /** Appends denials as one write, so that a crash cuts at most one line. */
  denied(events: readonly DenialEvent[]): void {
    const room = Math.max(0, KEPT.denials - (this.#denials - this.#dropped));
    const kept = events.slice(0, room);
    this.#denials += events.length;
    this.#dropped += events.length - kept.length;
    if (kept.length === 0) return;
    this.#file ??= openSync(`${this.#stem}.denials`, 'ax', 0o600);
    const bytes = Buffer.from(kept.map((event) => `${JSON.stringify(eventToJson(event))}\n`).join(''));
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
  }

  /** Appends a change of the layers, at once: a denial that follows is explained by it. */
  layered(change: LayerChange): void {
    if (this.#changes++ >= KEPT.changes) return;
    appendFileSync(`${this.#stem}${CHANGES}`, changeLine(change), { mode: 0o600 });
  }

  /**
   * Writes which rules allowed something.
   *
   * @param complete whether every decision of the run was counted
   */
  used(uses: readonly object[], complete: boolean): void {
    replace(`${this.#stem}.uses`, `${JSON.stringify({ version: 1, complete, uses })}\n`);
  }

  /** Writes how the run ended. */
  ended(end: Omit<RunEnd, 'denials' | 'dropped'>): void {
    const all: RunEnd = { ...end, denials: this.#denials, dropped: this.#dropped };
    replace(`${this.#stem}.end`, `${JSON.stringify(all)}\n`);
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

/** The name of a run's files without their endings: names sort by time. */
export function stemOf(time: number, id: string): string {
  return `${Math.floor(time).toString(36).padStart(9, '0')}-${id}`;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** A file with a content, whole or not at all. */
function replace(path: string, content: string): void {
  const draft = `${path}.${process.pid}.${process.hrtime.bigint().toString(36)}`;
  writeFileSync(draft, content, { mode: 0o600, flag: 'wx' });
  try {
    renameSync(draft, path);
  } catch (error) {
    unlinkSync(draft);
    throw error;
  }
}

/** Removes the oldest runs beyond the bounds. Another process may remove them at the same time. */
function prune(runs: string, now: number): void {
  const names = readdirSync(runs).sort();
  const records = names.filter((name) => name.endsWith('.run'));
  const many = records.slice(0, Math.max(0, records.length - KEPT.runs));
  const before = stemOf(Math.max(0, now - KEPT.milliseconds), '');
  const old = new Set([...many, ...records.filter((name) => name < before)].map((name) => name.slice(0, -4)));
  if (old.size === 0) return;
  for (const name of names) {
    if (!old.has(name.slice(0, name.indexOf('.')))) continue;
    try {
      unlinkSync(join(runs, name));
    } catch {
      // Somebody else was first.
    }
  }
}
