/**
 * The report of a plan as text for people and as data for programs.
 *
 * Owns the form. Paths and reasons are as the policy has them: whoever prints to a terminal escapes each line.
 */

import type { Rule } from '../model/rules.ts';
import { shown } from './compile-fs-gaps.ts';
import { placeOf } from './compile-refuse.ts';
import { writeHost, writePorts } from './net-text.ts';
import type { Plan, RuleReport } from './plan.ts';

const HEADLINE = {
  fully: 'holds all that the policy denies',
  partially: 'holds a part of what the policy denies',
  not: 'holds nothing of what the policy denies',
} as const satisfies Record<Plan['report']['state'], string>;

/**
 * The report for people: what is held, what is not, where it is stricter, what stays possible.
 *
 * @param all whether rules that are held as written are listed too
 * @returns lines of text, not yet escaped
 * @example
 * process.stderr.write(`${formatReport(plan).map(escapeText).join('\n')}\n`);
 */
export function formatReport(
  plan: Plan,
  { all = false }: { readonly all?: boolean } = {},
): readonly string[] {
  const { report } = plan;
  const landlock = report.abi === 0 ? 'no Landlock' : `Landlock ABI ${report.abi}`;
  const lines = [`${landlock}: ${HEADLINE[report.state]}`];
  const lost = report.rights.filter((row) => row.state === 'lost').map((row) => row.right);
  if (lost.length > 0) section(lines, 'Rights that this kernel cannot restrict', [lost.join(', ')]);
  section(
    lines,
    'Gaps',
    plan.gaps.map(
      (gap) =>
        `${gap.feature}${gap.accepted ? ' (accepted)' : ''}${gap.rule === undefined ? '' : ` ${placeOf(gap.rule)}`}: ${gap.lost}; what would close it: ${gap.closes}`,
    ),
  );
  const telling = report.rules.filter((row) => all || row.state !== 'fully' || row.lost.length > 0);
  section(lines, all ? 'Rules' : 'Rules that are not held as written', telling.map(ruleLine));
  section(lines, 'Stricter than written', report.stricter);
  section(lines, 'Not restricted', report.residual);
  section(lines, 'Asked besides the rules', askedBesides(plan));
  section(lines, 'Also', report.notes);
  return lines;
}

/** Who else is asked, and what may change: none of it gives more than the rules do. */
function askedBesides({ supervisor, layers }: Plan): readonly string[] {
  const changing = layers.filter(({ mutable }) => mutable !== undefined);
  return [
    ...(supervisor?.programs ?? []).map(({ name }) => `the policy program ${name}`),
    ...(supervisor?.decides === undefined
      ? []
      : [`a function of the starting process, about ${supervisor.decides.join(', ')}`]),
    ...changing.map(
      ({ name, mutable }) =>
        `${name}, whose rules its owner may change while programs run (${mutable === 'any' ? 'both ways' : 'stricter only'})`,
    ),
    ...(supervisor?.addsLayers ? ['layers that the owner adds while programs run'] : []),
  ];
}

function section(lines: string[], title: string, items: readonly string[]): void {
  if (items.length === 0) return;
  lines.push('', `${title}:`, ...items.map((item) => `  ${item}`));
}

function ruleLine({ rule, enforcer, state, lost, note }: RuleReport): string {
  const missing = lost.length === 0 ? '' : `; without ${lost.join(', ')}`;
  const by = enforcer === 'none' ? '' : ` by the ${enforcer}`;
  return `${placeOf(rule)}: ${nameOf(rule)}: ${state === 'not' ? 'not held' : `${state} held${by}`}${missing}${note === undefined ? '' : `; ${note}`}`;
}

/** A rule in a few words. */
export function nameOf(rule: Rule): string {
  switch (rule.kind) {
    case 'path':
      return `${rule.verdict} ${shown(rule)}`;
    case 'unix':
      return `${rule.verdict} unix ${rule.operation} ${rule.target.kind === 'path' ? shown(rule) : `@${rule.target.glob}`}`;
    case 'net':
      return `${rule.verdict} ${rule.right} ${rule.host.kind === 'any' ? '' : `${writeHost(rule.host)} `}${writePorts(rule.ports)}`;
    case 'scope':
      return `${rule.verdict} ${rule.scope}`;
  }
}

/** The report as plain data for JSON: rules by name and place instead of whole. */
export function reportData(plan: Plan): object {
  const { report } = plan;
  return {
    abi: report.abi,
    state: report.state,
    digest: plan.digest,
    gaps: plan.gaps.map(({ feature, accepted, lost, closes, rule }) => ({
      feature,
      accepted,
      lost,
      closes,
      ...(rule === undefined ? {} : { rule: nameOf(rule), at: rule.origin }),
    })),
    rights: Object.fromEntries(report.rights.map(({ right, state }) => [right, state])),
    rules: report.rules.map(({ rule, ...row }) => ({ rule: nameOf(rule), at: rule.origin, ...row })),
    stricter: report.stricter,
    residual: report.residual,
    asked: askedBesides(plan),
    notes: report.notes,
  };
}
