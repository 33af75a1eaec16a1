/**
 * How an error reads: `landward: file:line:column: message`, the source line with a caret, notes and the way out.
 *
 * Everything that came from outside goes through `escape`. Errors are told here and nowhere else, so that one place
 * decides about wording; it has no opinion about exit statuses, which belong to the error.
 */

import { CODES, type KernelError, LandwardError, type PolicyErrors } from '../errors.ts';
import { escapeText } from './escape.ts';

/** Longest part of a source line that is shown, characters. */
const WIDTH = 160;

/**
 * The lines that tell a person about an error.
 *
 * @param error anything that was thrown
 * @returns text that ends with a newline
 */
export function diagnose(error: unknown): string {
  if (!(error instanceof LandwardError)) return foreign(error);
  const several = (error as Partial<PolicyErrors>).errors;
  const all: readonly LandwardError[] = several === undefined ? [error] : several;
  return all.map(one).join('');
}

function one(error: LandwardError): string {
  const { at } = error;
  const where =
    at === undefined
      ? ''
      : at.line > 0
        ? `${escapeText(at.file)}:${at.line}:${at.column}: `
        : `${escapeText(at.file)}: `;
  // Only the list of gaps has lines of its own; elsewhere a line break came with a path, which must not add a line.
  const [first = '', ...more] = error.code === 'POLICY_GAP' ? error.message.split('\n') : [error.message];
  const lines = [`landward: ${where}${escapeText(first)}`, ...more.map((line) => `  ${escapeText(line)}`)];
  if (error.source !== undefined && at !== undefined)
    lines.push(...excerpt(error.source, at.line, at.column));
  const note = kernelNote(error);
  if (note !== undefined) lines.push(`  note: ${note}`);
  lines.push(`  fix: ${escapeText(error.fix ?? CODES[error.code].solve)}`);
  return `${lines.join('\n')}\n`;
}

function kernelNote(error: LandwardError): string | undefined {
  const { syscall, errno } = error as Partial<KernelError>;
  return syscall === undefined || errno === undefined
    ? undefined
    : `${escapeText(syscall)} returned errno ${errno}`;
}

/** The source line and a caret below the place; long lines are cut around it. */
function excerpt(source: string, line: number, column: number): string[] {
  const start = Math.max(0, Math.min(column - 1, source.length) - WIDTH / 2);
  const before = escapeText(source.slice(start, Math.max(start, column - 1)));
  const rest = escapeText(source.slice(Math.max(start, column - 1), start + WIDTH));
  const margin = `${line} | `;
  const lead = start > 0 ? '…' : '';
  const tail = start + WIDTH < source.length ? '…' : '';
  return [
    `  ${margin}${lead}${before}${rest}${tail}`,
    `  ${' '.repeat(margin.length - 2)}| ${' '.repeat(lead.length + [...before].length)}^`,
  ];
}

function foreign(error: unknown): string {
  if (!(error instanceof Error)) return `landward: ${escapeText(String(error))}\n`;
  const [head = '', ...trace] = (error.stack ?? `${error.name}: ${error.message}`).split('\n');
  return `landward: ${escapeText(head)}\n${trace.map((line) => `${escapeText(line)}\n`).join('')}`;
}
