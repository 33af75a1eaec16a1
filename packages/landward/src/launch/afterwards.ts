/**
 * What is told on standard error once a command that landward stayed beside has ended. Owns the sentences; everything
 * foreign is escaped. Nothing is told where nothing needs to be.
 */

import { escapeText } from './escape.ts';
import type { Stayed } from './stay.ts';

/**
 * The lines, without line ends.
 *
 * @param name the command
 * @param options `observe`: whether denials were to be watched; `report`: whether the person wants to know more
 */
export async function afterwards(
  name: string,
  stayed: Stayed,
  options: { readonly observe: boolean; readonly report: boolean },
): Promise<readonly string[]> {
  const { status, timedOut, left, denials, outlived, killed, trouble } = stayed;
  const command = escapeText(name);
  const lines: string[] = [];
  if (timedOut) lines.push(`ended ${command}: the time limit of the policy is over`);
  if (left.length > 0) lines.push(`could not end ${left.length} of its processes: ${left.join(', ')}`);
  for (const reason of killed) lines.push(`ended ${command} and all that it started: ${escapeText(reason)}`);
  if (outlived > 0)
    lines.push(
      `ended ${outlived} ${outlived === 1 ? 'process' : 'processes'} that ${command} had left running`,
    );
  if (denials !== 'unknown') {
    const { denialLines } = await import('./denial-lines.ts');
    lines.push(...denialLines(denials, { status, observe: options.observe }));
  }
  if (options.report && trouble !== undefined)
    lines.push(
      `the run is not in the registry: ${escapeText((trouble as Error).message ?? String(trouble))}`,
    );
  return lines.map((line) => `landward: ${line}`);
}
