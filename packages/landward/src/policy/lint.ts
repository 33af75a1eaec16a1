/**
 * What a person should look at again in a policy: stable codes, each with its place. A lint is never an error.
 *
 * Whether something is allowed is asked of the model; the rest is about how the policy is written.
 */

import type { Position } from '../errors.ts';
import { lintExposure } from './lint-exposure.ts';
import { lintRules } from './lint-rules.ts';
import { lintSettings } from './lint-settings.ts';
import type { Policy } from './policy.ts';
import type { SystemVariables } from './vars.ts';

/** Every lint: how much it matters and what it means. */
export const LINTS = {
  'grants-root': { severity: 'warning', doc: 'A rule allows something in the whole file system' },
  'grants-home': { severity: 'warning', doc: 'A rule allows something in the whole home directory' },
  'grants-credentials': { severity: 'warning', doc: 'Keys or passwords can be read' },
  'grants-startup': { severity: 'warning', doc: 'Files that run later, outside, can be written' },
  'grants-service': { severity: 'warning', doc: 'A service that acts outside the domain can be reached' },
  'grants-network': { severity: 'info', doc: 'Any host and any port can be reached' },
  'write-exec': { severity: 'info', doc: 'What can be written can be executed' },
  'opens-scope': { severity: 'warning', doc: 'Processes outside can be reached' },
  'opens-process': { severity: 'warning', doc: 'A kernel interface beside Landlock is open' },
  'accepts-everything': { severity: 'warning', doc: 'The policy may run without its main enforcer' },
  'passes-environment': { severity: 'info', doc: 'The program sees every variable' },
  'passes-secret': { severity: 'warning', doc: 'A variable that usually holds a secret passes' },
  'shadowed-rule': { severity: 'info', doc: 'Another rule allows the same already' },
  contradiction: { severity: 'warning', doc: 'A rule of the same text always wins over this one' },
  'idle-denial': { severity: 'info', doc: 'Nothing there is allowed anyway' },
  'empty-layer': { severity: 'warning', doc: 'A layer does nothing, or denies everything' },
  'missing-truncate': { severity: 'info', doc: 'Files can be written but not truncated' },
  'missing-refer': { severity: 'info', doc: 'Files can be made and removed but not moved' },
  'missing-read': { severity: 'info', doc: 'Programs can be executed but not read' },
  'unused-variable': { severity: 'info', doc: 'A variable is not used' },
  'not-approved': { severity: 'info', doc: 'A key has no effect in a file that is not approved' },
} as const satisfies Record<string, { readonly severity: 'warning' | 'info'; readonly doc: string }>;

export type LintCode = keyof typeof LINTS;

/** One finding. */
export interface Lint {
  readonly code: LintCode;
  readonly severity: 'warning' | 'info';
  readonly text: string;
  readonly at: Position | undefined;
}

/** What a check reports; the severity comes from the table. */
export type Finding = Omit<Lint, 'severity'>;

/**
 * Lints a policy.
 *
 * @param policy the resolved policy
 * @param variables the system's variables, so that home and runtime directory are known
 * @returns findings in the order of their places
 * @example
 * for (const { code, text, at } of lintPolicy(policy, variables)) console.log(at?.line, code, text);
 */
export function lintPolicy(policy: Policy, variables: SystemVariables): readonly Lint[] {
  const notes = (policy.notes ?? []).flatMap(({ code, text, at }): Finding[] =>
    code === 'unused-variable' || code === 'not-approved' ? [{ code, text, at }] : [],
  );
  const findings = [
    ...lintExposure(policy, variables),
    ...lintRules(policy),
    ...lintSettings(policy),
    ...notes,
  ];
  return findings
    .map((finding) => ({ ...finding, severity: LINTS[finding.code].severity }))
    .sort((a, b) => compare(a.at, b.at));
}

function compare(a: Position | undefined, b: Position | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}
