/** A directory tree as lines of text: everything that a series of changes may leave behind and that does not depend on when it ran. */

import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Times from here on were not set by a program but by the clock. */
const SET = 1_000_000_000n * 1_000_000_000n;

/** The lines of a tree, sorted by name. */
export function treeLines(top: string, below = ''): string[] {
  const lines: string[] = [];
  for (const name of readdirSync(join(top, below), { encoding: 'latin1' }).sort()) {
    const path = join(below, name);
    const stat = lstatSync(join(top, path), { bigint: true });
    lines.push(
      `${path} ${describe(stat)}${stat.isSymbolicLink() ? ` -> ${readlinkSync(join(top, path))}` : ''}`,
    );
    if (stat.isDirectory()) lines.push(...treeLines(top, path));
  }
  return lines;
}

function describe(stat: BigIntStats): string {
  const size = stat.isFile() ? ` size ${stat.size}` : '';
  const times = [stat.atimeNs, stat.mtimeNs].map((time) => (time < SET ? `${time}` : 'now'));
  return `${stat.mode.toString(8)} ${stat.uid}:${stat.gid} links ${stat.nlink} device ${stat.rdev}${size} times ${times.join(' ')}`;
}
