/**
 * Reading the registry: which runs there were, whether one still lives, what it was denied, under which layers.
 *
 * Trusts its own directory and still checks what it reads: a record that was cut by a crash is no record.
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { DenialEvent } from '../../model/denial.ts';
import type { RuleLayer } from '../../model/rules.ts';
import { eventFromJson } from '../event.ts';
import type { Loss, SourceItem } from '../sources/source.ts';
import { type RunEnd, type RunRecord, readEnd, readRecord } from './record.ts';

/** A run of the registry. */
export interface KnownRun {
  readonly record: RunRecord;
  /** Absent while it runs, and after a crash. */
  readonly end?: RunEnd;
  /** Where its files are, without their endings. */
  readonly stem: string;
}

/** The runs of a state directory, the newest first; an empty list where nothing was ever written. */
export function* listRuns(state: string): Generator<KnownRun> {
  const runs = join(state, 'runs');
  for (const name of namesIn(runs).sort().reverse()) {
    if (!name.endsWith('.run')) continue;
    const stem = join(runs, name.slice(0, -'.run'.length));
    const record = readRecord(jsonAt(`${stem}.run`));
    if (!record.ok) continue;
    const end = readEnd(jsonAt(`${stem}.end`));
    yield { record: record.value, stem, ...(end.ok ? { end: end.value } : {}) };
  }
}

/** The runs whose id begins with a text, the newest first. */
export function findRuns(state: string, id: string): KnownRun[] {
  return [...listRuns(state)].filter(({ record }) => record.id.startsWith(id));
}

/** The newest run with denials. */
export function lastDenied(state: string): KnownRun | undefined {
  for (const run of listRuns(state)) if (!readDenials(run).next().done) return run;
  return undefined;
}

/**
 * The denials of a run, in the order in which they were told. What was dropped or cut comes as a loss.
 */
export function* readDenials(run: KnownRun): Generator<SourceItem> {
  const lines = (textAt(`${run.stem}.denials`) ?? '').split('\n');
  const cut = lines.pop();
  for (const line of lines) {
    const event = eventOf(line);
    yield event === null
      ? loss('malformed', 1, 'a line of the registry is no denial')
      : { kind: 'denial', event };
  }
  if (cut !== undefined && cut !== '') yield loss('truncated', 1, 'landward ended while it wrote a denial');
  const dropped = run.end?.dropped ?? 0;
  if (dropped > 0) yield loss('lost', dropped, 'more denials than are kept of one run');
}

/** The layers that a run had; `null` where they are gone. */
export function layersOfRun(
  state: string,
  { policy }: Pick<RunRecord, 'policy'>,
): readonly RuleLayer[] | null {
  if (!/^[0-9a-z]+$/.test(policy)) return null;
  const layers = jsonAt(join(state, 'policies', `${policy}.json`));
  return Array.isArray(layers) ? (layers as readonly RuleLayer[]) : null;
}

/** Whether the first process of a run is still there: the same number, started at the same time of the same boot. */
export function isAlive({ pid, started, boot }: Pick<RunRecord, 'pid' | 'started' | 'boot'>): boolean {
  return boot === bootId() && started === startTime(pid);
}

/** When a process started, in clock ticks since boot; `undefined` where there is none. */
export function startTime(pid: number): string | undefined {
  const stat = textAt(`/proc/${pid}/stat`);
  // The name of the program may hold anything, so counting begins behind its last bracket.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

/** The link of the first PID namespace reads so on every Linux. */
export const FIRST_NAMESPACE = 'pid:[4026531836]';

/** The PID namespace of this process, as its link in /proc reads; `undefined` without one. */
export function pidNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

/** The identifier of this boot. */
export function bootId(): string {
  return (textAt('/proc/sys/kernel/random/boot_id') ?? '').trim();
}

function eventOf(line: string): DenialEvent | null {
  const read = eventFromJson(parsed(line));
  return read.ok ? read.value : null;
}

function loss(what: Loss['what'], count: number, reason: string): Loss {
  return { kind: 'loss', source: 'supervisor', what, count, reason };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function jsonAt(path: string): unknown {
  return parsed(textAt(path) ?? '');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
