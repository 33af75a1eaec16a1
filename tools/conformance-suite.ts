/**
 * The kernel's own self-tests of Landlock, fetched and built: Debian's source package of a kernel series through the
 * machine's apt, the tree's own headers, one compiler. Everything stays in a cache outside of the tree.
 *
 * Owns getting the programs. Running them and judging the results are `conformance-run.ts` and `conformance-compare.ts`.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, compareVersions, openSuites } from './debian.ts';

/** A kernel series whose self-tests can be run, and the ABI that they expect. */
export interface SuiteRow {
  readonly abi: number;
  /** `errata` that the kernel of the series reports. */
  readonly errata: number;
  /** Debian suites that have or had its source. */
  readonly debian: readonly string[];
}

export const SUITES = {
  '6.12': { abi: 6, errata: 0x7, debian: ['trixie'] },
  '6.18': { abi: 7, errata: 0x7, debian: ['trixie-backports', 'forky'] },
  '7.3': { abi: 11, errata: 0xf, debian: ['trixie-backports', 'forky', 'sid'] },
} as const satisfies Record<string, SuiteRow>;

export type SuiteName = keyof typeof SUITES;

/** A built suite. */
export interface BuiltSuite {
  /** The directory of the test programs, which is their working directory. */
  readonly directory: string;
  /** The version of the source package. */
  readonly version: string;
}

const PROGRAMS = 'tools/testing/selftests/landlock';
/** What building headers and these tests takes out of a kernel tree. */
const NEEDED = [
  'Makefile',
  'Kbuild',
  'Kconfig',
  'scripts',
  'include',
  'arch/x86',
  'arch/arm64',
  'tools/testing/selftests/kselftest.h',
  'tools/testing/selftests/kselftest_harness.h',
  'tools/testing/selftests/kselftest',
  'tools/testing/selftests/lib.mk',
  'tools/testing/selftests/filesystems',
  'tools/scripts',
  'tools/build',
  'tools/include',
  'usr',
  PROGRAMS,
];

function cache(): string {
  return process.env.LANDWARD_CACHE ?? cacheDirectory('landward');
}

function place(suite: SuiteName): string {
  return join(cache(), 'conformance', `suite-${suite}`);
}

/** The suite where it was built before; `null` where it was not. */
export function builtSuite(suite: SuiteName): BuiltSuite | null {
  const mark = join(place(suite), 'built');
  if (!existsSync(mark)) return null;
  return { directory: join(place(suite), 'tree', PROGRAMS), version: readFileSync(mark, 'utf8').trim() };
}

/**
 * Fetches and builds a suite; does nothing where that is done.
 *
 * Needs a compiler, make, xz and the headers of libcap.
 *
 * @throws where the machine's Debian mirror has no such source, or the build fails
 */
export function buildSuite(suite: SuiteName): BuiltSuite {
  const before = builtSuite(suite);
  if (before !== null) return before;
  const suites = openSuites(join(cache(), 'conformance'), SUITES[suite].debian, 'amd64');
  const found = suites
    .find(new RegExp(`linux-source-${suite.replace('.', '\\.')}`))
    .toSorted((a, b) => compareVersions(a.version, b.version))
    .at(-1);
  if (found === undefined) {
    throw new Error(`no linux-source-${suite} in ${suites.available.join(', ')} of this machine's mirror`);
  }
  const folder = join(suites.unpack(found), 'usr/src');
  const archive = readdirSync(folder).find((name) => name.endsWith('.tar.xz'));
  if (archive === undefined) throw new Error(`${found.name} has no source archive`);
  const tree = join(place(suite), 'tree');
  rmSync(place(suite), { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  const top = archive.replace(/\.tar\.xz$/, '');
  execFileSync(
    'tar',
    ['-xf', join(folder, archive), '-C', tree, '--strip-components=1', ...wanted(join(folder, archive), top)],
    { stdio: 'inherit' },
  );
  const make = (...args: readonly string[]) =>
    execFileSync('nice', ['make', '-s', '-C', tree, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  make('headers');
  make('-C', PROGRAMS);
  writeFileSync(join(place(suite), 'built.new'), `${found.version}\n`);
  renameSync(join(place(suite), 'built.new'), join(place(suite), 'built'));
  return { directory: join(tree, PROGRAMS), version: found.version };
}

/** The members of an archive that are needed and there: trees differ a little from release to release. */
function wanted(archive: string, top: string): string[] {
  const listed = execFileSync('tar', ['-tf', archive], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const names = new Set<string>();
  for (const line of listed.split('\n')) names.add(line.replace(/\/$/, ''));
  return NEEDED.map((name) => `${top}/${name}`).filter((name) => names.has(name));
}
