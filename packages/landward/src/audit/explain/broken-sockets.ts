/**
 * Sockets that worked before and that a policy would refuse: those that a program was started with or was handed, as a trial
 * meets them. A section of their own, since a program that has always worked breaks by them first.
 */

import type { DenialEvent } from '../../model/denial.ts';
import { escapeText } from '../../model/escape.ts';
import { describeObject } from '../event-text.ts';
import type { Explanation } from './explanation.ts';

/** What such a section begins with. */
export const BROKEN = 'Sockets that worked before, made outside of the sandbox, and would be refused:';

/** Whether a denial is about a socket that was made outside and would be refused. */
export function isBroken({ effect, made }: DenialEvent): boolean {
  return effect === 'observed' && made === 'outside';
}

/** The lines of the section; none where no such socket was met. */
export function brokenSockets(explanations: readonly Explanation[]): string[] {
  const lines = explanations.flatMap((explanation, index) => {
    if (!isBroken(explanation.event)) return [];
    const { operation, missing, object } = explanation.event;
    const what = [escapeText(operation ?? 'a use'), describeObject(object)].filter((word) => word !== '');
    return [`  ${what.join(' ')}: ${missing.map(escapeText).join(', ')} (see ${index + 1})`];
  });
  if (lines.length === 0) return [];
  return [BROKEN, ...lines];
}
