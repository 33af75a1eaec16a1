/**
 * What the registry of runs knows, put into the store: denials that supervisors told, and which rules they used. Asked
 * before each question; what was read before costs one look at a file's size.
 */

import { readFileSync, statSync } from 'node:fs';
import { isAlive, type KnownRun, listRuns, readDenials } from '../registry/read.ts';
import { type Added, Intake, NOTHING_ADDED, plus } from './intake.ts';
import type { Store } from './store.ts';
import { addUses, readUses } from './uses.ts';

/**
 * Brings the store up to what the registry holds.
 *
 * @param state landward's state directory
 */
export function ingestRuns(store: Store, state: string): Added {
  let sum = NOTHING_ADDED;
  for (const run of listRuns(state)) sum = plus(sum, ingestRun(store, run));
  return sum;
}

function ingestRun(store: Store, run: KnownRun): Added {
  const stem = run.stem.slice(run.stem.lastIndexOf('/') + 1);
  const size = sizeOf(`${run.stem}.denials`);
  const known = store.prepare('SELECT size, ended, uses FROM known_run WHERE stem = ?').get(stem) as
    | { size: number; ended: number; uses: number }
    | undefined;
  const uses = sizeOf(`${run.stem}.uses`);
  const ended = run.end !== undefined || (known?.ended !== 1 && !isAlive(run.record));
  if (known?.size === size && (known.ended === 1 || !ended) && known.uses === uses) return NOTHING_ADDED;
  // While a run goes on, its last line may be half written: only its end says what was lost.
  const first = ended && known?.ended !== 1;
  const items = [...readDenials(run)].filter(({ kind }) => kind === 'denial' || (first && kind === 'loss'));
  const added = items.length === 0 ? NOTHING_ADDED : new Intake(store).add(items);
  if (uses > 0 && known?.uses !== uses) {
    const told = readUses(jsonAt(`${run.stem}.uses`));
    if (told.ok) addUses(store, run.record, told.value);
  }
  store
    .prepare('INSERT OR REPLACE INTO known_run (stem, size, ended, uses) VALUES (?, ?, ?, ?)')
    .run(stem, size, ended || known?.ended === 1 ? 1 : 0, uses);
  return added;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function jsonAt(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
