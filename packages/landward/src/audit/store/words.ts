/** What a store answers, in lines for people: every name escaped, every count with what it does not cover. Owns wording. */

import type { DenialEvent } from '../../model/denial.ts';
import { escapeText, quote } from '../../model/escape.ts';
import { writeSize } from '../../policy/units.ts';
import { describeEvent } from '../event-text.ts';
import type { Counted, Coverage, Stats, storeFacts } from './stats.ts';
import type { PolicyLine, PolicyUse } from './uses.ts';

/** A denial with its time, in one line. */
export function eventLine(event: DenialEvent): string {
  const run = event.run === undefined ? '' : ` [run ${escapeText(event.run)}]`;
  const { name, version } = event.blame ?? {};
  const by = version === undefined ? '' : ` [layer ${quote(name ?? '')} version ${version}]`;
  return `${clock(event.time)} ${describeEvent(event)}${by}${run}\n`;
}

/** A time of this time zone, to the millisecond. */
export function clock(time: number): string {
  if (!(Math.abs(time) <= 8.64e15)) return 'no time';
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}

/** Said where no denial is found: that none is known is not that none was. */
export const NOTHING_KNOWN = `landward: no denial is known that fits. Known is what supervised runs told and what was read in:
  landward log --ingest /var/log/audit/audit.log reads a log, landward watch --from audit the kernel as it speaks
`;

/** What the answers of a store do not cover, a line each; no line where nothing is missing that is known of. */
export function coverageLines({ losses, unlogged, kernel, pruned, since }: Coverage): readonly string[] {
  const lines = losses.map(({ source, what, records, uncounted }) => {
    const some = [
      ...(records > 0 ? [`${records} ${records === 1 ? 'record' : 'records'}`] : []),
      ...(uncounted > 0
        ? [`an unknown number of records, ${uncounted} ${uncounted === 1 ? 'time' : 'times'}`]
        : []),
    ].join(' and ');
    return `${escapeText(source)}: ${some} ${LOST[what] ?? escapeText(what)}`;
  });
  if (!kernel)
    lines.push(
      'what the kernel denied by itself, in supervised runs too: its audit or a log of it was never read in',
    );
  if (unlogged > 0)
    lines.push(`the kernel counted up to ${unlogged} more denials that it did not log or that were not read`);
  if (pruned > 0)
    lines.push(`${pruned} older denials were thrown away; what is here begins at ${clock(since!)}`);
  return lines;
}

const LOST: Readonly<Record<string, string>> = {
  lost: 'lost',
  malformed: 'could not be understood',
  truncated: 'cut at the end',
  unread: 'not read',
};

/** Numbers for a person. */
export function statsText(stats: Stats, facts: ReturnType<typeof storeFacts>): string {
  const lines = [`${stats.total} denials`];
  if (stats.first !== undefined) lines[0] += ` from ${clock(stats.first)} to ${clock(stats.last!)}`;
  if (stats.total > 0)
    lines.push(`  ${spark(stats.rate.counts)}  one column is ${seconds(stats.rate.milliseconds)}`);
  for (const [title, rows] of [
    ['Effect', stats.effects],
    ['Told by', stats.sources],
    ['Rights', stats.rights],
    ['Programs', stats.programs],
    ['Objects', stats.objects],
    ['Users', stats.users],
    ['Runs', stats.runs],
  ] as const)
    if (rows.length > 0) lines.push('', title, ...rows.map(row));
  lines.push(
    '',
    `Store: ${facts.file === '' ? 'none, asked and not kept' : escapeText(facts.file)}, ${facts.events} denials, ${bytes(facts.bytes)} of ${bytes(facts.bounds.size)}`,
  );
  const missing = coverageLines(stats.coverage);
  lines.push(
    missing.length === 0 ? 'Nothing is known to be missing' : 'Not covered:',
    ...missing.map((line) => `  ${line}`),
  );
  return `${lines.join('\n')}\n`;
}

const row = ({ name, count }: Counted) => `  ${String(count).padStart(8)}  ${escapeText(name)}`;

const bytes = (size: number) =>
  Number.isFinite(size) ? writeSize(Math.ceil(size / 1024) * 1024) : 'no bound';

/** Counts as a row of bars. */
export function spark(counts: readonly number[]): string {
  const most = Math.max(1, ...counts);
  return counts.map((count) => (count === 0 ? '·' : '▁▂▃▄▅▆▇█'[Math.ceil((count / most) * 8) - 1])).join('');
}

function seconds(milliseconds: number): string {
  const whole = Math.round(milliseconds / 1000);
  return whole < 120
    ? `${whole} s`
    : whole < 7200
      ? `${Math.round(whole / 60)} min`
      : `${Math.round(whole / 3600)} h`;
}

/** How the lines of a policy were used, for a person. */
export function policyUseText({ digest, runs, partial, used, unused }: PolicyUse): string {
  const head = `Policy ${escapeText(digest.slice(0, 16))}: `;
  if (runs === 0)
    return `${head}no run of it has told which rules it used, so nothing can be said about rules that allow\n  ${used.length} of ${used.length + unused.length} places have stopped something\n`;
  const lines = [
    `${head}${runs} ${runs === 1 ? 'run' : 'runs'} observed${partial > 0 ? `, ${partial} of them in part` : ''}`,
    `  ${used.length} of ${used.length + unused.length} places were needed`,
  ];
  if (unused.length > 0) {
    lines.push('', 'Never needed in these runs:', ...unused.map(lineText));
    lines.push(
      '',
      'A place may still be needed by what these runs did not do' +
        (partial > 0 ? ', or by what they could not see' : ''),
    );
  }
  return `${lines.join('\n')}\n`;
}

function lineText({ file, line, column, preset, rules }: PolicyLine): string {
  const from = preset === undefined ? '' : ` (preset ${escapeText(preset)})`;
  const what = rules.map((rule) => quote(rule)).join(', ');
  const place = line === 0 ? '' : `:${line}:${column}`;
  return `  ${escapeText(file)}${place}${from}  ${what}`;
}
