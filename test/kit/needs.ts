/**
 * What a test needs from the machine, as a skip with its reason. The answer comes from the running system, each time.
 *
 * Only a missing *feature of the machine* skips. A missing addon, or a probe that fails in an unknown way, throws:
 * a broken build must not look like an old kernel.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');

export interface Needs {
  /** The lowest Landlock ABI. */
  readonly abi?: number;
  /** Whether the test must be uid 0. */
  readonly root?: boolean;
  /** Programs that must be in PATH. */
  readonly tools?: readonly string[];
  /** Whether the kernel tells a supervisor about calls (Linux 5.19 for all that landward uses). */
  readonly supervisor?: boolean;
  /** The machine's architecture, as Node names it. */
  readonly arch?: 'x64' | 'arm64';
}

/** Options for `test()`: empty, or a skip with the first unmet need. */
export function needs(wanted: Needs): { skip?: string } {
  const reason = unmet(wanted);
  return reason === undefined ? {} : { skip: reason };
}

/** The first unmet need in words, or nothing. */
export function unmet(wanted: Needs): string | undefined {
  if (wanted.arch !== undefined && process.arch !== wanted.arch)
    return `needs ${wanted.arch}, this is ${process.arch}`;
  if (wanted.root === true && process.getuid?.() !== 0) return 'needs root';
  for (const tool of wanted.tools ?? [])
    if (findTool(tool) === undefined) return `needs ${tool}, which is not installed`;
  if (wanted.abi !== undefined) {
    const abi = landlockAbi();
    if (abi < wanted.abi)
      return `needs Landlock ABI ${wanted.abi}, this kernel has ${abi === 0 ? 'none' : abi}`;
  }
  if (wanted.supervisor === true && !hasNotification()) return 'needs seccomp user notification (Linux 5.19)';
  return undefined;
}

/** Whether the kernel knows the filter result that asks a supervisor, and is new enough to wait for it rightly. */
function hasNotification(): boolean {
  const seccomp = process.arch === 'arm64' ? 277 : 317;
  const answer = addon().sys(seccomp, 2, 0, new Uint32Array([0x7fc0_0000]));
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return answer === 0 && (major > 5 || (major === 5 && minor >= 19));
}

/** The Landlock ABI of the running kernel, 0 where there is none. */
export function landlockAbi(): number {
  const answer = addon().sys(444, null, 0, 1);
  if (answer >= 0) return answer;
  // ENOSYS: not built. EOPNOTSUPP: not switched on. EPERM: a container's filter.
  if ([-38, -95, -1].includes(answer)) return 0;
  throw new Error(`landlock_create_ruleset answered ${answer} to the question for its version`);
}

function addon(): { sys(nr: number, ...args: readonly (number | Uint32Array | null)[]): number } {
  const arch = process.arch;
  const places = [
    join(root, `packages/landward/native/build/${arch}/landward.node`),
    join(root, `packages/landward/prebuilds/linux-${arch}/landward.node`),
  ];
  const place = places.find((file) => existsSync(file));
  if (place === undefined) throw new Error(`no addon for ${arch}: run npm run native`);
  return createRequire(import.meta.url)(place);
}

/** The full path of a program in PATH or the system's administration directories, or nothing. */
export function findTool(name: string): string | undefined {
  for (const folder of `${process.env.PATH}:/usr/sbin:/sbin`.split(':')) {
    const path = join(folder, name);
    if (folder !== '' && existsSync(path)) return path;
  }
  return undefined;
}

/** Whether a C program can be compiled here. */
export function hasCompiler(): boolean {
  return findTool('cc') !== undefined && spawnSync('cc', ['--version']).status === 0;
}
