/**
 * How fast a log of the audit daemon is analysed, and whether the counts are right: a host's log (a denial among a
 * hundred other lines) for the speed, and a gigabyte that is nearly all Landlock with a tenth of noise for the counts,
 * which awk takes independently. `ausearch --raw` is measured on the same file where it is installed.
 */

import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { analyse, type Counts } from '../../packages/landward/src/audit/analyse.ts';
import { openLog } from '../../packages/landward/src/audit/sources/log.ts';
import { awkCounts, type SyntheticLog, syntheticLog } from '../../test/kit/audit-log.ts';
import { findTool } from '../../test/kit/needs.ts';
import { cache } from '../kit/places.ts';
import { printTable } from '../kit/print.ts';

const GIGABYTE = 1_000_000_000;

export async function run(): Promise<void> {
  const bytes = Number(process.env.LANDWARD_BENCH_BYTES ?? GIGABYTE);
  mkdirSync(cache, { recursive: true });
  const file = join(cache, 'audit.log');
  try {
    const rows = [
      await measured(file, 'host log, 1 % Landlock', { bytes, noise: 1, seed: 3, others: 100 }, true),
      await measured(file, 'nearly all Landlock, 10 % noise', { bytes, noise: 10, seed: 4 }, false),
    ];
    printTable(
      'Analysis of one log',
      ['log', 'MB', 'denials', 'MB/s', 'peak MB', 'ausearch', 'equal to awk'],
      rows,
    );
  } finally {
    rmSync(file, { force: true });
  }
}

async function measured(
  file: string,
  name: string,
  log: SyntheticLog,
  rival: boolean,
): Promise<readonly string[]> {
  const fd = openSync(file, 'w');
  for (const piece of syntheticLog(log)) writeSync(fd, piece);
  closeSync(fd);
  const megabytes = statSync(file).size / 1e6;
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 50);
  const begin = performance.now();
  const counts = await analyse(openLog(file));
  const seconds = (performance.now() - begin) / 1000;
  clearInterval(watch);
  return [
    name,
    megabytes.toFixed(0),
    String(counts.denials),
    (megabytes / seconds).toFixed(0),
    (peak / 1e6).toFixed(0),
    rival ? ausearch(file, megabytes) : '',
    equals(counts, awkCounts(file)) ? 'yes' : 'NO',
  ];
}

function ausearch(file: string, megabytes: number): string {
  const program = findTool('ausearch');
  if (program === undefined) return 'not installed';
  const begin = performance.now();
  spawnSync(program, ['--raw', '-m', 'LANDLOCK_ACCESS', '-if', file], { stdio: 'ignore' });
  return `${((megabytes * 1000) / (performance.now() - begin)).toFixed(0)} MB/s`;
}

function equals(counts: Counts, awk: Readonly<Record<string, number>>): boolean {
  const ours: Record<string, number> = {
    ...counts.rights,
    denials: counts.denials,
    malformed: counts.losses.malformed.count,
    named: counts.domains.named,
    freed: counts.domains.freed,
  };
  const names = new Set([...Object.keys(ours), ...Object.keys(awk)]);
  return [...names].every((key) => (ours[key] ?? 0) === (awk[key] ?? 0));
}
