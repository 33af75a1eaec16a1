/**
 * What a person reads after a supervised command: one short line for each kind of denial, with the reason that the policy
 * gives, and where to learn more. Quiet where nothing failed.
 *
 * Owns the choice and the order; the sentence of a denial is `audit/event-text`. Everything foreign is escaped.
 */

import { describeEvent, groupKey } from '../audit/event-text.ts';
import { BROKEN, isBroken } from '../audit/explain/broken-sockets.ts';
import type { DenialEvent } from '../model/denial.ts';
import { escapeText } from './escape.ts';
import type { Denials } from './result.ts';

/** Lines that help; more would bury them. */
const MOST = 10;

/** What the lines depend on. */
export interface Asked {
  /** The command's exit status; one that went well had denials that it could do without. */
  readonly status: number;
  /** Whether denials were to be watched: then they are told in any case, those that were only noted as well. */
  readonly observe: boolean;
}

/** The lines for a command that has ended. */
export function denialLines(denials: Denials, { status, observe }: Asked): readonly string[] {
  if (denials === 'unknown' || (status === 0 && !observe)) return [];
  const notes = denials.notes.map(escapeText);
  const kinds = new Map<string, DenialEvent>();
  for (const event of denials.events)
    if ((observe || event.effect !== 'observed') && !kinds.has(groupKey(event)))
      kinds.set(groupKey(event), event);
  if (kinds.size === 0) return notes.length > 0 || !observe ? notes : [NOTHING];
  const broken = [...kinds.values()].filter(isBroken);
  const others = [...kinds.values()].filter((event) => !isBroken(event));
  const shown = others.slice(0, MOST);
  const hidden = others.length - shown.length;
  return [
    ...notes,
    ...shown.map(lineOf),
    ...(hidden > 0 ? [`and ${hidden} more kinds of denials`] : []),
    ...(broken.length > 0 ? [BROKEN, ...broken.map((event) => `  ${lineOf(event)}`)] : []),
    'landward explain --last tells which rules would allow what',
  ];
}

/** Not more than is known: the kernel tells no denial to this process. */
const NOTHING =
  'the supervisor denied nothing that it was asked about; what the kernel denied is not known here';

function lineOf(event: DenialEvent): string {
  const rule = event.blame?.rule;
  const { program } = event;
  const where =
    program !== undefined
      ? `, by ${escapeText(program)}`
      : rule === undefined
        ? ''
        : `, by ${placeOf(rule.origin)}`;
  const because = rule?.because === undefined ? '' : `: ${escapeText(rule.because)}`;
  return `${describeEvent(event)}${where}${because}`;
}

function placeOf({ file, line }: { readonly file: string; readonly line: number }): string {
  return line > 0 ? `${escapeText(file)}:${line}` : escapeText(file);
}
