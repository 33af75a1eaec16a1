/**
 * `npm run matrix`: landward on the kernels of Debian, one virtual machine each, without KVM.
 *
 *   npm run matrix                                   every kernel, the tests and a slice of the differential
 *   npm run matrix -- --kernels 6.1,7.3              some of them
 *   npm run matrix -- --tests 'test/live/filter*'    other test files
 *   npm run matrix -- --cases 200 --seed 5           another slice; 0 leaves it out
 *   npm run matrix -- --run 'cat /proc/version'      only this command, its output shown
 *
 * Kernels come from the machine's own Debian mirror into $XDG_CACHE_HOME/landward-matrix. The machine runs the Node, the
 * programs and the tree of the host; see `test/matrix/`. The last results of each kernel become docs/kernel-matrix.md.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Knobs } from '../packages/landward/src/model/landlock/behaviour.ts';
import { build as buildExecutor } from '../test/differential/kernel.ts';
import { cacheDirectory, compareVersions, type DebianPackage, openSuites } from './debian.ts';
import { boot, copyTree } from './matrix-machine.ts';
import { type KernelResult, readResults, renderPage } from './matrix-page.ts';

/**
 * The kernels, by version, and the Landlock ABI that each should have; `knobs` is what neither ABI nor errata mask tell
 * of the release that Debian has.
 */
const KERNELS = [
  { version: '6.1', abi: 2 },
  { version: '6.12', abi: 6 },
  { version: '6.18', abi: 7, knobs: { sigioGroup: 'registration', mutedSubdomainsSurviveFork: false } },
  { version: '6.19', abi: 7 },
  { version: '7.0', abi: 8, knobs: { sigioGroup: 'registration' } },
  { version: '7.1', abi: 9 },
  { version: '7.2', abi: 10 },
  { version: '7.3', abi: 11 },
] as const satisfies readonly {
  readonly version: string;
  readonly abi: number;
  readonly knobs?: Partial<Knobs>;
}[];

const SUITES = ['bookworm', 'trixie', 'trixie-backports', 'forky', 'sid'];

const root = resolve(import.meta.dirname, '..');
const cache = cacheDirectory('landward-matrix');

const { values } = parseArgs({
  options: {
    kernels: { type: 'string', default: KERNELS.map((kernel) => kernel.version).join() },
    tests: { type: 'string', multiple: true, default: ['test/live/{filter,kernel,native-[astw]}*.test.ts'] },
    cases: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    run: { type: 'string' },
  },
});

if (process.arch !== 'x64') throw new Error('the matrix boots x86-64 kernels: run it on x86-64');
needQemu();
const suites = openSuites(cache, SUITES, 'amd64');
const packages = suites.find(/linux-(image|binary|modules)-[0-9].*-amd64|busybox-static/);
const tree = copyTree(root, join(cache, `tree-${process.pid}`));
process.once('exit', () => rmSync(tree, { recursive: true, force: true }));
const executor = buildExecutor();
const commit = execFileSync('git', ['describe', '--always', '--dirty=+', '--exclude=*'], {
  cwd: root,
  encoding: 'utf8',
}).trim();
const folder = (version: string) => join(cache, values.run === undefined ? 'results' : 'runs', version);

for (const wanted of values.kernels.split(',')) {
  const kernel = KERNELS.find(({ version }) => version === wanted);
  if (kernel === undefined) throw new Error(`no kernel ${wanted} in the matrix`);
  const image = newest(packages, kernel.version);
  const out = folder(kernel.version);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const since = performance.now();
  if (image !== undefined) {
    writeFileSync(join(out, 'commands'), commands('knobs' in kernel ? kernel.knobs : {}));
    await boot({ image, packages, suites, root, tree, out, executor }).catch((error: Error) =>
      console.error(`${wanted}: ${error.message}`),
    );
    if (values.run !== undefined) {
      console.log(readFileSync(join(out, 'run.log'), 'utf8'));
      continue;
    }
  }
  const { tests, cases, seed } = values;
  const { version, abi } = kernel;
  const knobs = 'knobs' in kernel ? kernel.knobs : {};
  const result = readResults({ version, abi, knobs }, image ?? null, out, { tests, cases, seed, commit });
  writeFileSync(join(out, 'result.json'), JSON.stringify(result, null, 2));
  writePage();
  if (!isGood(result)) process.exitCode = 1;
  const seconds = Math.round((performance.now() - since) / 1000);
  console.log(`${wanted}: ${summary(result)} (${seconds} s)`);
}

/** Writes the page of all kernels: what was run before stays on it, with the commit that it was run on. */
function writePage(): void {
  const stored = KERNELS.map(({ version }) => join(folder(version), 'result.json')).filter(existsSync);
  const results = stored.map((file) => JSON.parse(readFileSync(file, 'utf8')) as KernelResult);
  writeFileSync(join(root, 'docs/kernel-matrix.md'), renderPage(results));
}

/** Whether a kernel did all that it was asked, without a failure. */
function isGood(result: KernelResult): boolean {
  const compared = values.cases === '0' || result.differential?.includes('no difference') === true;
  return result.foundAbi === result.abi && result.tests?.fail === 0 && compared;
}

function summary(result: KernelResult): string {
  if (result.package === null) return `not in ${suites.available.join(', ')}`;
  const { abi, foundAbi, tests, differential } = result;
  const shown =
    tests === undefined ? 'no tests' : `${tests.pass} pass, ${tests.fail} fail, ${tests.skip} skip`;
  const wrong = foundAbi === abi ? '' : ` (${abi} expected)`;
  return `ABI ${foundAbi}${wrong}, ${shown}, differential: ${differential ?? 'none'}`;
}

/** What the machine runs: a name and a shell command a line. */
function commands(knobs: Partial<Knobs>): string {
  const node = 'node_modules/.bin/node';
  if (values.run !== undefined) return `run ${values.run}\n`;
  const files = values.tests.flatMap((pattern) => globSync(pattern, { cwd: root })).sort();
  return [
    `landlock ${node} tools/matrix-probe.ts`,
    ...(values.cases === '0'
      ? []
      : [
          `differential LANDWARD_EXECUTOR=${executor} ${node} tools/differential.ts --cases ${values.cases} --seed ${values.seed} --knobs '${JSON.stringify(knobs)}'`,
        ]),
    `tests ${node} --test --test-concurrency=1 --test-reporter=tap ${files.join(' ')}`,
    '',
  ].join('\n');
}

/** The newest package of a kernel series, with its image. */
function newest(all: readonly DebianPackage[], version: string): DebianPackage | undefined {
  const name = new RegExp(`^linux-image-${version.replaceAll('.', '\\.')}\\.[0-9.+a-z]*(-[0-9]+)?-amd64$`);
  return all
    .filter((one) => name.test(one.name))
    .toSorted((a, b) => compareVersions(a.version, b.version))
    .at(-1);
}

function needQemu(): void {
  const found = process.env.PATH?.split(':').some((folder) => existsSync(join(folder, 'qemu-system-x86_64')));
  if (found) return;
  if (process.getuid?.() !== 0) throw new Error('no qemu-system-x86_64: install qemu-system-x86');
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'qemu-system-x86'], {
    stdio: 'inherit',
  });
}
