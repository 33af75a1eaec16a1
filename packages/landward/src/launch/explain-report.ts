/**
 * Explained denials in the format that was asked for. Owns the choice of the format and the frame around the explanations:
 * how many, what could not be told, and what to do next.
 */

import { eventToJson } from '../audit/event.ts';
import { brokenSockets } from '../audit/explain/broken-sockets.ts';
import type { Explanation } from '../audit/explain/explanation.ts';
import { toGithub, toSarif } from '../audit/explain/reports.ts';
import { explanationLines } from '../audit/explain/words.ts';
import { changeBefore, type LayerChange } from '../audit/registry/layer-changes.ts';
import { toPlain } from '../audit/shape.ts';
import { clock } from '../audit/store/words.ts';
import { quote } from '../model/escape.ts';
import { escapeText, shellWord } from './escape.ts';
import type { Explained } from './explain.ts';

export type ReportFormat = 'text' | 'json' | 'sarif' | 'github';

/** Writes explained denials. */
export function reportExplained(explained: Explained, format: ReportFormat, version: string): string {
  const { explanations, losses, total, known, run, changes = [] } = explained;
  switch (format) {
    case 'json':
      return `${JSON.stringify(
        {
          version: 1,
          ...(run === undefined ? {} : { run: run.record.id }),
          total,
          known,
          losses: toPlain(losses),
          ...(changes.length === 0 ? {} : { changes: changes.map(({ entry }) => entry) }),
          explanations: explanations.map(explanationJson),
        },
        null,
        2,
      )}\n`;
    case 'sarif':
      return `${JSON.stringify(toPlain(toSarif(explanations, version)), null, 2)}\n`;
    case 'github':
      return toGithub(explanations);
    case 'text':
      return `${textLines(explained).join('\n')}\n`;
  }
}

/** An explanation as JSON; numbers beyond 53 bits as decimal digits between quotes. */
export function explanationJson(explanation: Explanation): object {
  return { ...(toPlain(explanation) as object), event: eventToJson(explanation.event) };
}

/** Losses of one kind as one; how many is not known where one of them cannot tell. */
function merged(losses: Explained['losses']): Explained['losses'] {
  const kinds = new Map<string, Explained['losses'][number]>();
  for (const loss of losses) {
    const key = `${loss.what}\0${loss.reason}`;
    const known = kinds.get(key);
    const count =
      known === undefined ? loss.count : known.count === 0 || loss.count === 0 ? 0 : known.count + loss.count;
    kinds.set(key, { ...loss, count });
  }
  return [...kinds.values()];
}

/** Which version of a layer said no, where it was not the first one. */
function versionLines({ event }: Explanation, changes: readonly LayerChange[]): string[] {
  const { name, version } = event.blame ?? {};
  if (name === undefined || version === undefined || version === 0) return [];
  const change = changeBefore(changes, name, event.time);
  const by =
    change === undefined ? '' : `, committed by ${escapeText(change.editor)} at ${clock(change.time)}`;
  return [`   The layer ${quote(name)} was at version ${version} then${by}.`];
}

function textLines({ explanations, losses, total, known, run, changes = [] }: Explained): string[] {
  const lines: string[] = [];
  if (run !== undefined) {
    const { id, command, mode } = run.record;
    lines.push(`Run ${id} (${mode}): ${command.map(shellWord).map(escapeText).join(' ')}`);
  }
  for (const [index, explanation] of explanations.entries()) {
    const [first, ...rest] = explanationLines(explanation);
    lines.push(
      `${index + 1}. ${first}`,
      ...rest.map((line) => ` ${line}`),
      ...versionLines(explanation, changes),
    );
  }
  lines.push(...brokenSockets(explanations));
  if (total === 0)
    lines.push(
      known
        ? 'No denial is told of.'
        : 'No denial was told of; what the kernel alone denied is not known here (see landward run --explain, or the audit log).',
    );
  for (const { what, count, reason } of merged(losses))
    lines.push(`Not everything is known: ${count === 0 ? 'some' : count} ${what} (${reason})`);
  const some = explanations.some(({ suggestions }) => suggestions.some(({ kind }) => kind === 'add'));
  if (some && run !== undefined)
    lines.push(`To allow what is wanted: landward allow --run ${run.record.id.slice(0, 8)} NUMBER...`);
  return lines;
}
