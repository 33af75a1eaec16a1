/**
 * What became of the layers of a run while it lived: each change as a line, and the layers as they were at a moment.
 *
 * Owns the form of the lines. The layers at the start are kept with the run's record.
 */

import { readFileSync } from 'node:fs';
import type { LayerEditEntry } from '../../model/layers/rule-orders.ts';
import type { RuleLayer } from '../../model/rules.ts';
import { count, finite, flag, oneOf, readShape, record, type Shape, text } from '../shape.ts';
import type { KnownRun } from './read.ts';

/** A change: the line for the log, and the layer as it is since. */
export interface LayerChange {
  readonly entry: LayerEditEntry;
  readonly layer: RuleLayer;
}

/** The ending of the file of a run's changes. */
export const CHANGES = '.layers';

const ENTRY: Shape<LayerEditEntry> = record(
  {
    time: finite,
    operation: oneOf('add', 'commit', 'seal'),
    layer: count,
    name: text,
    editor: text,
    from: count,
    to: count,
    widened: flag,
  },
  {},
);

/** A change as a line of its file. */
export function changeLine(change: LayerChange): string {
  return `${JSON.stringify(change)}\n`;
}

/** The changes of a run, the oldest first. A line that was cut by a crash is none. */
export function readLayerChanges({ stem }: Pick<KnownRun, 'stem'>): readonly LayerChange[] {
  let content: string;
  try {
    content = readFileSync(`${stem}${CHANGES}`, 'utf8');
  } catch {
    return [];
  }
  return content.split('\n').flatMap((line) => {
    let value: { readonly entry?: unknown; readonly layer?: RuleLayer };
    try {
      value = JSON.parse(line) ?? {};
    } catch {
      return [];
    }
    const entry = readShape(ENTRY, value.entry);
    const { layer } = value;
    return entry.ok && Array.isArray(layer?.rules) ? [{ entry: entry.value, layer }] : [];
  });
}

/**
 * The layers that bound at a moment.
 *
 * @param first the layers at the start
 * @param time milliseconds since 1970, as denials have it
 */
export function layersAt(
  first: readonly RuleLayer[],
  changes: readonly LayerChange[],
  time: number,
): readonly RuleLayer[] {
  const stack: (readonly RuleLayer[])[] = first.map((layer) => [layer]);
  for (const { entry, layer } of changes) {
    if (entry.time > time) continue;
    const before = stack[entry.layer] ?? [];
    // All versions of a layer that may only become stricter bind.
    if (entry.operation === 'add') stack[entry.layer] = [layer];
    else if (entry.operation === 'commit')
      stack[entry.layer] = layer.mutable === 'stricter' ? [...before, layer] : [layer];
  }
  return stack.flat();
}

/** The change that made the version of a layer which bound at a moment; `undefined` where it was as at the start. */
export function changeBefore(
  changes: readonly LayerChange[],
  layer: string,
  time: number,
): LayerEditEntry | undefined {
  return changes.findLast(
    ({ entry }) => entry.name === layer && entry.time <= time && entry.operation !== 'seal',
  )?.entry;
}
