/**
 * Other versions of Node, fetched once through npm into `node_modules/.cache` and kept there: what the published
 * package must run on. A version that cannot be fetched is a reason to skip, quoting npm.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './needs.ts';

export type NodePlace = { readonly path: string } | { readonly reason: string };

/** The program of a major version of Node for an architecture. */
export function nodeOf(major: number, arch: 'x64' | 'arm64' = process.arch as 'x64' | 'arm64'): NodePlace {
  if (arch === process.arch && process.versions.node.startsWith(`${major}.`))
    return { path: process.execPath };
  const prefix = join(root, `node_modules/.cache/landward-nodes/${major}-${arch}`);
  const path = join(prefix, `node_modules/node-linux-${arch}/bin/node`);
  if (existsSync(path)) return { path };
  mkdirSync(prefix, { recursive: true });
  const args = [
    'install',
    '--prefix',
    prefix,
    '--no-save',
    '--ignore-scripts',
    '--force',
    `--cpu=${arch}`,
    '--os=linux',
  ];
  const npm = spawnSync('npm', [...args, `node-linux-${arch}@${major}`], {
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (existsSync(path)) return { path };
  const said =
    (npm.stderr ?? '')
      .trim()
      .split('\n')
      .find((line) => line.includes('npm error')) ?? 'no answer';
  return { reason: `needs Node ${major} for ${arch}, which npm could not fetch: ${said}` };
}
