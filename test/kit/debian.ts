/**
 * Debian packages that a test runs as real programs. As root a missing one is installed; otherwise the test skips.
 * A package that apt-get refuses (no network, unknown name) is a reason to skip too, and the reason quotes apt-get.
 */

import { spawnSync } from 'node:child_process';
import { findTool } from './needs.ts';

/** Options for `test()`: empty when `binary` is there or could be installed from `name` (several with spaces between). */
export function needPackage(name: string, binary: string): { skip?: string } {
  const reason = missingPackage(name, binary);
  return reason === undefined ? {} : { skip: reason };
}

/** Installs the package where that is possible; the reason why the program is missing, or nothing. */
export function missingPackage(name: string, binary: string): string | undefined {
  if (findTool(binary) !== undefined) return undefined;
  if (process.getuid?.() !== 0) return `needs ${binary} (Debian package ${name}); only root can install it`;
  if (findTool('apt-get') === undefined) return `needs ${binary}, and there is no apt-get to install ${name}`;
  const child = spawnSync(
    'apt-get',
    ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', ...name.split(' ')],
    {
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      timeout: 300_000,
    },
  );
  if (child.status === 0 && findTool(binary) !== undefined) return undefined;
  return `needs ${binary}; apt-get install ${name} failed: ${(child.stderr ?? '').trim().split('\n').at(-1)}`;
}
