/** Quiet rules: where the plan marks them, that marks change no verdict, and that what is logged all the same is said. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linux, plainLandlock } from '../../packages/landward/src/model/landlock/index.ts';
import type { Rule } from '../../packages/landward/src/model/rules.ts';
import { compile } from '../../packages/landward/src/policy/compile.ts';
import { printKernel } from '../../packages/landward/src/policy/report-kernel.ts';
import { formatReport } from '../../packages/landward/src/policy/report-text.ts';
import { ALL_FS_RIGHTS } from '../../packages/landward/src/policy/verbs.ts';
import { fsMask, netMask } from '../../packages/landward/src/uapi/masks.ts';
import { grant, memoryHost, netRule, pathRule, policyOf, READ, treeOf, WRITE } from '../kit/policies.ts';

const TREE = treeOf({ '/p/f': 'file', '/q/f': 'file', '/q/in/f': 'file', '/r': 'dir' });
const quiet = { quiet: true } as const;
const closed = (path: string, more = {}) => pathRule('deny', path, ALL_FS_RIGHTS, { ...quiet, ...more });

function plan(rules: readonly Rule[], abi = 10) {
  return compile(policyOf([grant(...rules)]), memoryHost(TREE, abi));
}

function marked(rules: readonly Rule[], abi?: number) {
  const { ruleset } = plan(rules, abi);
  return [...ruleset!.paths, ...ruleset!.ports].flatMap((rule) =>
    rule.quiet ? ['path' in rule ? rule.path : rule.port] : [],
  );
}

const ALSO = /logged all the same/;
const said = (rules: readonly Rule[], abi?: number) => plan(rules, abi).report.notes.join('\n');

test('a quiet denial is a mark on its object with the rights it speaks about, and changes no verdict', () => {
  const rules = [
    pathRule('allow', '/p', READ),
    closed('/q'),
    netRule('deny', 'net.connect_tcp', 25, 26, quiet),
  ];
  const { ruleset, report, gaps } = plan(rules);
  assert.deepEqual(marked(rules), ['/q', 25, 26]);
  assert.equal(ruleset!.quietFs, ruleset!.handledFs);
  assert.equal(ruleset!.quietNet, netMask('net.connect_tcp'));
  assert.deepEqual([report.notes, gaps], [[], []]);
  assert.ok(printKernel(plan(rules)).includes('/q (quiet): -'));
  const loud = plan(rules.map((rule) => ({ ...rule, quiet: false })));
  assert.deepEqual([loud.ruleset!.quietFs, loud.ruleset!.quietNet], [undefined, undefined]);
  const at = (path: string) => (path === '/p' || path === '/q' || path === '/' ? 'dir' : 'reg');
  const [one, two] = [ruleset!, loud.ruleset!].map((each) => plainLandlock(linux(10), [each], at));
  for (const path of ['/p/f', '/q/f', '/q', '/r/f'])
    assert.deepEqual(one!.path(path, ['fs.read_file']), two!.path(path, ['fs.read_file']), path);
  for (const port of [24, 25])
    assert.deepEqual(one!.port('net.connect_tcp', port), two!.port('net.connect_tcp', port));
  assert.equal(one!.path('/p/f', ['fs.read_file']).allowed, true);
  assert.equal(one!.path('/q/f', ['fs.read_file']).allowed, false);
});

test('a mark joins the grant of its object', () => {
  const narrow = pathRule('deny', '/q', WRITE, quiet);
  const rules = [pathRule('allow', '/q', [...READ, 'fs.execute']), narrow];
  const found = plan(rules).ruleset!.paths.filter(({ path }) => path === '/q');
  assert.equal(found.length, 1);
  assert.equal(found[0]!.quiet, true);
  assert.ok(found[0]!.access & fsMask('fs.execute'));
});

test('before ABI 10 nothing is marked, and the report says that it is logged', () => {
  for (const abi of [0, 7, 9]) {
    const { ruleset, report, gaps } = plan([closed('/q')], abi);
    assert.ok(!ruleset?.paths.some((rule) => rule.quiet));
    assert.equal(ruleset?.quietFs, undefined);
    assert.match(report.notes.join(), /test:\d+:1 are logged all the same: .*ABI 10/);
    assert.ok(!gaps.some(({ lost }) => ALSO.test(lost)), 'logging is no gap');
  }
  assert.match(formatReport(plan([closed('/q')], 7)).join('\n'), /^Also:\n {2}Denials by the quiet rule/m);
});

test('no denial of another rule falls silent: what cannot be kept apart stays in the log', () => {
  assert.deepEqual(marked([closed('/q'), closed('/q/in', { quiet: false })]), []);
  assert.match(said([closed('/q'), closed('/q/in', { quiet: false })]), ALSO);
  const glob = pathRule('deny', '/', READ, { glob: '/**/f' });
  assert.deepEqual(marked([closed('/q'), glob]), [], 'a pattern may name what is below');
  assert.deepEqual(marked([pathRule('allow', '/q', READ, quiet)]), [], 'a grant denies nothing');
  assert.match(said([pathRule('allow', '/q', READ, quiet)]), ALSO);
  assert.deepEqual(marked([closed('/missing')]), []);
  assert.match(said([closed('/missing')]), ALSO);
  const apart = [pathRule('deny', '/p', READ, quiet), pathRule('deny', '/q', ['fs.write_file'], quiet)];
  assert.deepEqual(marked(apart), [], 'the mask of the kernel is one for all marks');
  assert.match(said(apart), ALSO);
  const shared = [pathRule('deny', '/p', READ, quiet), pathRule('deny', '/q', ['fs.read_file'], quiet)];
  assert.equal(plan(shared).ruleset!.quietFs, fsMask('fs.read_file'));
  assert.match(said([netRule('deny', 'net.connect_tcp', 0, 65535, quiet)]), ALSO);
});
