/**
 * The refusal of a plan that this host cannot hold.
 *
 * Owns the message: each gap with its rule and with what would close it, the first three of each feature. `gaps` of the
 * plan has all of them, and so has its report.
 */

import { LandwardError } from '../errors.ts';
import type { Rule } from '../model/rules.ts';
import type { Gap, Plan } from './plan.ts';

/** Where a rule stands, for a message. */
export function placeOf(rule: Rule): string {
  const { file, line, column, preset } = rule.origin;
  if (preset !== undefined) return preset;
  return line > 0 ? `${file}:${line}:${column}` : file;
}

/**
 * Refuses a plan with gaps that nobody accepted. Whoever carries out a plan calls this first.
 *
 * @throws LandwardError POLICY_GAP that names every feature with a gap, and its first three gaps with what would close them
 * @example
 * const plan = compile(policy, host);
 * refuse(plan);
 */
export function refuse(plan: Pick<Plan, 'gaps'>): void {
  const open = plan.gaps.filter((gap) => !gap.accepted);
  if (open.length === 0) return;
  const names = [...new Set(open.map((gap) => gap.feature))];
  const lines = names.flatMap((name) => {
    const same = open.filter((gap) => gap.feature === name);
    const more = same.length - SHOWN;
    return [
      ...same.slice(0, SHOWN).map(lineOf),
      ...(more > 0 ? [`${name}: and ${more} more, which --dry-run lists`] : []),
    ];
  });
  const first = open.find((gap) => gap.rule !== undefined && gap.rule.origin.line > 0);
  throw new LandwardError(
    'POLICY_GAP',
    `This system cannot hold the whole policy, so nothing was started\n${lines.join('\n')}`,
    {
      part: names.join(', '),
      at: first?.rule?.origin,
      fix: `Close the gaps, or accept them by name: ${names.map((name) => `--degrade ${name}`).join(' ')}`,
    },
  );
}

/** Gaps of one feature in a message. */
const SHOWN = 3;

function lineOf(gap: Gap): string {
  const place = gap.rule === undefined ? '' : ` (${placeOf(gap.rule)})`;
  const line = `${gap.feature}${place}: ${gap.lost}; what would close it: ${gap.closes}`;
  // One gap is one line, whatever a path in it holds.
  return line.replaceAll('\n', '\\n');
}
