/**
 * landward protects itself: what decides about a later start must not be writable from inside.
 *
 * The kernel cannot take such a file out of a tree that the policy grants for writing, so that this is a gap with the name
 * `self`, and not a silent change of the policy; the supervisor can, by a layer of its own. The same holds for whoever counts the time of a limit. Owns only the checks.
 */

import type { RuleLayer } from '../model/rules.ts';
import { fsMask, scopeMask } from '../uapi/masks.ts';
import { ENTRY_BITS } from './compile-effective.ts';
import { parentOf, realPaths } from './compile-facts.ts';
import type { FsResult } from './compile-fs.ts';
import type { GapList } from './compile-gaps.ts';
import type { Host } from './plan.ts';
import { VERBS } from './verbs.ts';

const WRITE = fsMask('fs.write_file', 'fs.truncate') | ENTRY_BITS;

/**
 * Adds a gap for every protected path that the ruleset leaves writable or replaceable.
 *
 * @param paths absolute paths; each is judged as written and after symbolic links
 * @returns a layer that denies changing them, where the supervisor holds the gap; else `null`
 */
export function protectSelf(
  paths: readonly string[],
  fs: FsResult,
  host: Host,
  gaps: GapList,
): RuleLayer | null {
  const writable = writablePaths(paths, fs, host);
  for (const open of writable) {
    gaps.add('self', {
      lost: `the program can change '${open}', which decides about its next start`,
      closes: `the supervisor, no rule that grants writing at or above '${open}', or another place for it`,
    });
  }
  return gaps.holds('self') && writable.length > 0 ? ownLayer(writable) : null;
}

const OWN = 'landward itself';

function ownLayer(paths: readonly string[]): RuleLayer {
  return {
    kind: 'limit',
    name: OWN,
    categories: [],
    rules: paths.map((path) => ({
      kind: 'path',
      verdict: 'deny',
      pattern: { kind: 'subtree', path },
      rights: [...VERBS.write.denies, 'meta.write'],
      missing: 'optional',
      enforce: 'any',
      because: 'it decides about the next start of landward',
      origin: { file: OWN, line: 0, column: 0 },
    })),
  };
}

/** The sentence about landward's own place where the ruleset leaves it writable. */
export function programNote(program: string | undefined, fs: FsResult, host: Host): readonly string[] {
  if (program === undefined) return [];
  return writablePaths([program], fs, host).map(
    (open) =>
      `The program can change landward itself, which lies in '${open}': what it leaves there decides about the next start`,
  );
}

function writablePaths(paths: readonly string[], fs: FsResult, host: Host): string[] {
  if (fs.handled === 0) return [];
  const granted = new Map<string, number>();
  for (const { path, access } of fs.grants.paths) granted.set(path, (granted.get(path) ?? 0) | access);
  return realPaths(paths, host).flatMap(([path, real]) => {
    const open = [...new Set([path, real])].find((each) => isWritable(each, granted));
    return open === undefined ? [] : [open];
  });
}

/**
 * Adds a gap where a time limit can be got round: landward counts it in a process of the same user, and who may signal
 * processes outside may stop or end that one.
 *
 * @param scoped the scopes that the ruleset puts on
 */
export function protectClock(timeMs: number | undefined, scoped: number, gaps: GapList): void {
  const held = gaps.held.some(({ feature }) => feature === 'scope.signal');
  if (timeMs === undefined || held || scoped & scopeMask('scope.signal')) return;
  gaps.add('self', {
    lost: 'the program can stop or end landward by a signal, which counts the time limit, and run on',
    closes: "signal = 'domain' in [process] and Linux 6.12 (ABI 6), or no time limit",
    open: true,
  });
}

function isWritable(path: string, granted: ReadonlyMap<string, number>): boolean {
  for (let at = path; ; at = parentOf(at)) {
    if ((granted.get(at) ?? 0) & WRITE) return true;
    if (at === '/') return false;
  }
}
