/** Sandboxes as a table for people: nested ones below the one that holds them, their processes below each. */

import { basename } from 'node:path';
import { escapeText, shellWord } from '../../model/escape.ts';
import type { Sandbox, View } from './sandboxes.ts';

/** Processes that are listed of one sandbox. */
const LISTED = 20;
const HEAD = [
  'RUN',
  'DOMAIN',
  'KERNEL ID',
  'HELD BY',
  'UID',
  'AGE',
  'STATE',
  'LAYERS',
  'NNP',
  'FILTERS',
  'DENIALS',
  'POLICY',
  'COMMAND',
];

/**
 * Lays a view out, everything foreign escaped.
 *
 * @param now milliseconds since 1970
 */
export function formatView(view: View, now: number): string {
  const rows: { readonly depth: number; readonly sandbox: Sandbox; readonly cells: readonly string[] }[] = [];
  const place = (parent: string | null, depth: number) => {
    for (const sandbox of view.sandboxes)
      if (parentIn(view, sandbox) === parent && depth < 32) {
        rows.push({ depth, sandbox, cells: cellsOf(sandbox, depth, now, view.inside) });
        place(sandbox.run, depth + 1);
      }
  };
  place(null, 0);
  const widths = HEAD.map((name, column) =>
    Math.max(name.length, ...rows.map(({ cells }) => cells[column]!.length)),
  );
  const line = (cells: readonly string[]) =>
    `${cells.map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column]!))).join('  ')}\n`;
  const body = rows.map(({ cells, sandbox, depth }) => line(cells) + processLines(sandbox, depth));
  const none = view.inside === null ? 'No sandbox of landward is running here.\n' : '';
  const table = rows.length === 0 ? none : line(HEAD) + body.join('');
  return `${table}${view.unseen.map((each) => `not shown: ${escapeText(each)}\n`).join('')}`;
}

/** The nearest sandbox above that is shown. */
function parentIn({ sandboxes }: View, { parent }: Sandbox): string | null {
  return sandboxes.some(({ run }) => run === parent) ? parent : null;
}

function cellsOf(sandbox: Sandbox, depth: number, now: number, inside: string | null): readonly string[] {
  const { layers, noNewPrivs, seccompFilters, denials } = sandbox;
  const policy = sandbox.policy.map((word) => basename(word)).join(' ');
  const mark = sandbox.run === inside ? ' (here)' : '';
  return [
    `${'  '.repeat(depth)}${sandbox.run}${mark}`,
    sandbox.name,
    sandbox.domain ?? '?',
    sandbox.mode,
    String(sandbox.uid),
    sandbox.since === null ? '?' : age(now - sandbox.since),
    sandbox.state,
    `${layers.atLeast}+/${layers.of}`,
    noNewPrivs === null ? '-' : noNewPrivs ? 'yes' : 'no',
    seccompFilters === null ? '-' : String(seccompFilters),
    denials === null ? '?' : String(denials),
    policy === '' ? '?' : cut(escapeText(policy), 32),
    sandbox.command.length === 0 ? '?' : cut(sandbox.command.map(shellWord).join(' '), 60),
  ];
}

/** The processes of a sandbox, children below their parents. */
function processLines({ processes }: Sandbox, depth: number): string {
  const lines: string[] = [];
  const place = (parent: number | null, level: number) => {
    for (const { pid, comm, parent: above } of processes) {
      const top = !processes.some((other) => other.pid === above);
      if ((parent === null ? top : above === parent && !top) && level < 32)
        if (lines.push(`${'  '.repeat(depth + level + 1)}${pid} ${escapeText(comm)}\n`) <= processes.length)
          place(pid, level + 1);
    }
  };
  place(null, 0);
  const more = lines.length - LISTED;
  if (more <= 0) return lines.join('');
  return `${lines.slice(0, LISTED).join('')}${'  '.repeat(depth + 1)}and ${more} more\n`;
}

function cut(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 100) return `${seconds}s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)}m`;
  return seconds < 100 * 3600 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
