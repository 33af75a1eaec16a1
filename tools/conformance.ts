/**
 * `npm run conformance`: the kernel's own self-tests of Landlock, unmodified, under user-space Landlock on the running kernel.
 *
 *   npm run conformance -- --suite 7.3                   fetch, build, run, compare with test/conformance/
 *   npm run conformance -- --suite 6.12 --program fs_test --args '-t rule_on_mountpoint'
 *   npm run conformance -- --suite 7.3 --native          the running kernel itself, for comparison; judges nothing
 *   npm run conformance -- --suite 7.3 --show            print what the failed cases said
 *
 * Needs root, since the tests do, and a compiler. Sources are kept in the cache (LANDWARD_CACHE), never in the tree.
 */

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { differences, readExpected, renderTable } from './conformance-compare.ts';
import { PROGRAMS, type ProgramResult, runProgram } from './conformance-run.ts';
import { buildSuite, SUITES, type SuiteName } from './conformance-suite.ts';

/** More failures than this are no matter of load. */
const MOST_REPEATED = 8;

const { values } = parseArgs({
  options: {
    suite: { type: 'string', default: '7.3' },
    program: { type: 'string', multiple: true, default: [...PROGRAMS] },
    args: { type: 'string', default: '' },
    native: { type: 'boolean', default: false },
    show: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '300' },
  },
});

if (!(values.suite in SUITES)) throw new Error(`no suite ${values.suite}: ${Object.keys(SUITES).join(', ')}`);
const suite = values.suite as SuiteName;
const built = buildSuite(suite);
const root = resolve(import.meta.dirname, '..');
const landward = [process.execPath, `${root}/test/kit/landward.ts`, 'run'];
const prefix = values.native ? [] : [...landward, '--landlock=user', `--abi=${SUITES[suite].abi}`, '--'];

const results: ProgramResult[] = [];
for (const program of values.program) {
  const args = values.args === '' ? [] : values.args.split(' ');
  const result = await runProgram(built.directory, program, {
    prefix,
    args,
    timeoutMs: Number(values.timeout) * 1000,
  });
  if (result === null) continue;
  results.push(await repeated(result));
  if (values.show) console.log(failures(result));
}

const how = values.native ? 'the running kernel' : `user-space Landlock, ABI ${SUITES[suite].abi}`;
console.log(`Self-tests of Linux ${built.version} on ${how}\n\n${renderTable(results)}`);
if (!values.native) {
  const told = differences(results, readExpected(suite), values.args === '');
  for (const line of told) console.log(line);
  console.log(told.length === 0 ? '\nAs expected.' : `\n${told.length} not as expected.`);
  if (told.length > 0) process.exitCode = 1;
}

/**
 * Runs the cases that failed once more: several of the tests give the machine 100 ms for an answer. What is run again is
 * told, and its second outcome counts.
 */
async function repeated(result: ProgramResult): Promise<ProgramResult> {
  const failed = [...result.cases].filter(([, outcome]) => outcome === 'fail').map(([name]) => name);
  if (values.native || values.args !== '' || failed.length === 0 || failed.length > MOST_REPEATED)
    return result;
  const cases = new Map(result.cases);
  for (const name of failed) {
    // The harness takes the last part of a name, and runs all cases that have it.
    const again = await runProgram(built.directory, result.program, {
      prefix,
      args: ['-t', name.split('.').at(-1)!],
      timeoutMs: Number(values.timeout) * 1000,
    });
    cases.set(name, again?.cases.get(name) ?? 'fail');
    console.log(`${result.program} ${name}: failed, run again: ${cases.get(name)}`);
  }
  return { ...result, cases };
}

/** What the failed cases of a program said, and the end of a program that died. */
function failures(result: ProgramResult): string {
  const blocks = result.output.split(/^(?=# {2}RUN )/m);
  const failed = blocks.filter((block) => /^not ok /m.test(block));
  const died = result.cases.size < result.planned || result.planned === 0;
  return [...failed, ...(died ? [result.output.slice(-3000)] : [])].join('');
}
