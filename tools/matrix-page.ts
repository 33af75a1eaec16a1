/**
 * The results of matrix machines, read from what they wrote, and the page that shows them.
 *
 * Owns no judgement: a test counts as its runner said, and what a machine didn't write is shown as missing.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebianPackage } from './debian.ts';

/** Counts of a test run, with what failed and why others were left out. */
export interface TestCounts {
  readonly pass: number;
  readonly fail: number;
  readonly skip: number;
  readonly failures: readonly string[];
  readonly skips: readonly string[];
}

/** What was asked of a kernel. */
export interface Run {
  readonly tests: readonly string[];
  readonly cases: string;
  readonly seed: string;
  readonly commit: string;
}

/** What one kernel did. `package` is `null` where no suite has it. */
export interface KernelResult {
  readonly version: string;
  readonly abi: number;
  readonly package: DebianPackage | null;
  readonly run: Run;
  /** Whether the machine had no modules, so neither overlay nor the host's compiler. */
  readonly carried?: boolean;
  /** What the model was told of this release beside ABI and errata. */
  readonly knobs?: object;
  readonly release?: string;
  readonly foundAbi?: number;
  readonly errata?: number;
  /** Absent where the run didn't come to its end. */
  readonly tests?: TestCounts;
  /** The closing line of the differential, or how it failed. */
  readonly differential?: string;
}

/** Reads what a machine left. */
export function readResults(
  kernel: { readonly version: string; readonly abi: number; readonly knobs?: object },
  image: DebianPackage | null,
  out: string,
  run: Run,
): KernelResult {
  const text = (name: string) =>
    existsSync(join(out, name)) ? readFileSync(join(out, name), 'utf8') : undefined;
  const ended = (name: string) => text(`${name}.status`) !== undefined;
  const landlock = text('landlock.log')
    ?.split('\n')
    .find((line) => line.startsWith('{'));
  const { abi: foundAbi, errata } =
    landlock === undefined ? {} : (JSON.parse(landlock) as { abi: number; errata: number });
  const release = text('kernel')?.split('\n')[0];
  const tests = ended('tests') ? countTests(text('tests.log')!) : undefined;
  const differential =
    text('differential.log') === undefined
      ? undefined
      : differentialLine(text('differential.log')!, text('differential.status'));
  return {
    ...kernel,
    package: image,
    run,
    carried: existsSync(join(out, 'out.tar.gz')),
    ...(release === undefined ? {} : { release }),
    ...(foundAbi === undefined ? {} : { foundAbi }),
    ...(errata === undefined ? {} : { errata }),
    ...(tests === undefined ? {} : { tests }),
    ...(differential === undefined ? {} : { differential }),
  };
}

/** Counts a run in TAP, from its closing lines; without them it didn't come to its end. */
function countTests(tap: string): TestCounts | undefined {
  const count = (name: string) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? Number.NaN);
  const names = (pattern: RegExp) => [...tap.matchAll(pattern)].map((match) => match[1]!.trim());
  if (Number.isNaN(count('pass') + count('fail') + count('skipped'))) return undefined;
  return {
    pass: count('pass'),
    fail: count('fail'),
    skip: count('skipped'),
    failures: names(/^ *not ok \d+ - (.*)$/gm),
    skips: names(/^ *ok \d+ - (.* # SKIP.*)$/gm),
  };
}

function differentialLine(log: string, status: string | undefined): string {
  if (status === undefined) return 'did not end';
  if (status.trim() === '0')
    return /no difference/.test(log)
      ? log.split('\n').find((line) => line.includes('no difference'))!
      : 'said nothing';
  return `failed: ${log.trim().split('\n')[0]}`;
}

function knobsOf({ knobs = {} }: KernelResult): string {
  const told = Object.entries(knobs).map(([name, value]) => `${name}: ${value}`);
  return told.length === 0 ? '' : `; the model was told ${told.join(', ')}`;
}

/** The page of the last results of each kernel. */
export function renderPage(results: readonly KernelResult[]): string {
  const rows = results.map((result) => {
    if (result.package === null)
      return `| ${result.version} | not in any suite of the mirror | ${result.abi} | - | - | - | ${result.run.commit} |`;
    const { tests } = result;
    const shown =
      tests === undefined ? 'did not end' : `${tests.pass} pass, ${tests.fail} fail, ${tests.skip} skip`;
    const abi = result.foundAbi === undefined ? 'not told' : String(result.foundAbi);
    const errata =
      result.errata === undefined
        ? '-'
        : result.errata < 0
          ? 'cannot be asked'
          : `0x${result.errata.toString(16)}`;
    return `| ${result.release ?? result.version} | ${result.package.suite} ${result.package.version} | ${abi} | ${errata} | ${shown} | ${result.differential ?? 'not run'}${knobsOf(result)}${result.carried === true ? '; without overlay and compiler, as the mirror has dropped the modules' : ''} | ${result.run.commit} |`;
  });
  const notes = results.flatMap(({ version, tests }) =>
    tests === undefined || tests.failures.length + tests.skips.length === 0
      ? []
      : [
          '',
          `### ${version}`,
          '',
          ...tests.failures.map((name) => `- fails: ${name}`),
          ...tests.skips.map((name) => `- ${name.replace(' # SKIP', ': skipped,')}`),
        ],
  );
  const asked = (what: (run: Run) => string) =>
    [...new Set(results.map(({ run }) => what(run)))].join(' or ');
  return [
    '# Kernel matrix',
    '',
    "landward's tests on the kernels of Debian, each booted under QEMU (emulated, one processor). Generated by `npm run matrix`;",
    'do not edit. A commit with + had changes that were not committed.',
    '',
    `Tests: ${asked((run) => run.tests.map((pattern) => `\`${pattern}\``).join(' '))}. Differential: the model against the kernel,`,
    `${asked((run) => `${run.cases} cases, seed ${run.seed}`)}.`,
    '',
    '| Kernel | Debian package | Landlock ABI | Errata | Tests | Differential | Commit |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    ...(notes.length === 0 ? [] : ['', '## What failed or was skipped', ...notes]),
    '',
  ].join('\n');
}
