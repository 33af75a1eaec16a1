/**
 * The other tools, installed from their packages for the time of a bench: npm packages below the cache directory, Debian
 * packages on the system when this is root. A rival that cannot be had is named with the reason and left out.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { missingPackage } from '../../test/kit/debian.ts';
import { findTool } from '../../test/kit/needs.ts';
import { cache } from './places.ts';

/** The program of an npm package, or why it cannot be had. */
export function npmRival(
  name: string,
  binary: string,
): { readonly path: string } | { readonly reason: string } {
  const prefix = join(cache, 'rivals', binary);
  const path = join(prefix, 'node_modules/.bin', binary);
  if (!existsSync(path)) {
    mkdirSync(prefix, { recursive: true });
    const npm = spawnSync(
      'npm',
      ['install', '--prefix', prefix, '--no-save', '--no-audit', '--no-fund', name],
      { encoding: 'utf8' },
    );
    if (npm.status !== 0 || !existsSync(path))
      return { reason: `npm install ${name} failed: ${npm.stderr.trim().split('\n').at(-1)}` };
  }
  return { path };
}

/** The program of a Debian package, or why it cannot be had. */
export function debianRival(
  name: string,
  binary: string,
): { readonly path: string } | { readonly reason: string } {
  const reason = missingPackage(name, binary);
  return reason === undefined ? { path: findTool(binary)! } : { reason };
}
