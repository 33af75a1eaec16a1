import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { differences, readExpected } from '../../tools/conformance-compare.ts';
import { type ProgramResult, readTap, runProgram } from '../../tools/conformance-run.ts';
import { builtSuite } from '../../tools/conformance-suite.ts';
import { needs, root } from '../kit/needs.ts';

/** Short programs of the suite; all of them are `npm run conformance`. */
const SLICE = ['base_test', 'scoped_test', 'tsync_test', 'ptrace_test', 'scoped_signal_test'];

const built = builtSuite('7.3');
const needed = needs({ supervisor: true, root: true });
const options =
  needed.skip === undefined && built === null
    ? { skip: 'the self-tests of Linux 7.3 are not built here: npm run conformance fetches them' }
    : needed;

/** What differs from the list, of the programs that were run. */
function told(results: readonly ProgramResult[]): string[] {
  const names = results.map(({ program }) => program);
  return differences(results, readExpected('7.3'), true).filter(
    (line) => names.some((name) => line.startsWith(`${name} `)) || /only|expected/.test(line),
  );
}

test("a slice of the kernel's self-tests passes in user space", options, async () => {
  const landward = [process.execPath, join(root, 'test/kit/landward.ts'), 'run'];
  const prefix = [...landward, '--landlock=user', '--abi=11', '--'];
  const results: ProgramResult[] = [];
  for (const program of SLICE) {
    const once = () => runProgram(built!.directory, program, { prefix, timeoutMs: 60_000 });
    let result = await once();
    // Some give the machine 100 ms for an answer: as in the tool, a second failure counts.
    if (result !== null && told([result]).length > 0) result = await once();
    assert.ok(result !== null && result.planned > 0, `${program} did not run`);
    results.push(result);
  }
  assert.deepEqual(told(results), []);
});

test('results are read and compared as they are', () => {
  const tap = readTap('TAP version 13\n1..3\nok 1 a.b\nnot ok 2 a.c\nok 3 a.d # SKIP no tracefs\n');
  assert.equal(tap.planned, 3);
  assert.deepEqual([...tap.cases.values()], ['pass', 'fail', 'skip']);
  const result = { program: 'x_test', ...tap, milliseconds: 0, output: '' };
  const expected = (deviations: readonly object[]) =>
    ({ suite: '', version: '', abi: 1, cases: { x_test: 3 }, deviations }) as never;
  const skip = { program: 'x_test', case: 'a.d', outcome: 'skip', reason: 'r' };
  const fail = { program: 'x_test', case: '/a\\.c/', outcome: 'fail', reason: 'r' };
  assert.deepEqual(differences([result], expected([skip, fail]), true), []);
  assert.match(differences([result], expected([skip]), true).join(), /a\.c: fail, must pass/);
  const stale = { ...fail, case: 'a.b' };
  assert.match(
    differences([result], expected([skip, fail, stale]), true).join(),
    /a\.b: pass, but fail is listed/,
  );
  const gone = { ...fail, case: 'a.z' };
  assert.match(differences([result], expected([skip, fail, gone]), true).join(), /there is no such case/);
  const lost = { ...result, planned: 4 };
  assert.match(differences([lost], expected([skip, fail]), true).join(), /4 cases, 3 expected/);
});
