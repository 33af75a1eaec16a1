/**
 * What a benchmark prints: facts of the machine first (numbers mean nothing without them), then tables with ratios.
 */

import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** Prints the machine; warns when it is busy, because then only a repeated run tells. */
export function printMachine(): void {
  const [load] = loadavg();
  const model = cpus()[0]?.model ?? 'unknown';
  const governor = readGovernor();
  console.log(
    `${cpus().length} × ${model}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, Linux ${release()}, Node ${process.versions.node}${governor}, load ${load!.toFixed(2)}`,
  );
  if (load! > cpus().length / 2)
    console.log('The machine is busy: ratios below may be off. Repeat on a quiet one.');
}

function readGovernor(): string {
  try {
    return `, ${readFileSync('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'utf8').trim()}`;
  } catch {
    return '';
  }
}

/** Prints rows in columns; the first column is left-aligned, the others are right-aligned. */
export function printTable(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  console.log(`\n${title}`);
  for (const row of all)
    console.log(
      `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')}`,
    );
}

export const ms = (value: number) => value.toFixed(value < 10 ? 2 : 1);
export const ratio = (value: number, base: number) => (value / base).toFixed(2);
