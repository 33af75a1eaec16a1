/**
 * Starting programs under the supervisor: what may not be executed does not start, whatever it would run through; a
 * program that is exchanged between the check and the start ends the run. And openings that wait, wait.
 */

import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { RuleLayer } from '../../packages/landward/src/model/rules.ts';
import { fsRights } from '../../packages/landward/src/uapi/masks.ts';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { layer, path } from '../kit/rules.ts';
import { supervised } from '../kit/supervised.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const GROUPS = ['open', 'execute'] as const;
const everything = path('allow', '/', fsRights(0xffff));

function denying(...places: readonly string[]): readonly RuleLayer[] {
  const rules = places.map((place) => path('deny', place, ['fs.execute']));
  return [layer([everything, ...rules], 'grant', ['fs'])];
}

test(
  'a denied program, interpreter or loader does not start',
  needs({ supervisor: true, tools: ['cc'] }),
  async (t) => {
    const work = temporaryDirectory(t, 'execute');
    mkdirSync(join(work, 'denied'));
    copyFileSync('/bin/sh', join(work, 'denied/sh'));
    copyFileSync('/bin/sh', join(work, 'sh'));
    const script = (name: string, first: string) => {
      writeFileSync(join(work, name), `${first}\necho ran ${name}\n`);
      chmodSync(join(work, name), 0o755);
    };
    script('fine', '#!/bin/sh');
    script('nested', `#! ${work}/fine`);
    script('by-denied', `#!${work}/denied/sh`);
    script('nested-denied', `#!${work}/by-denied x`);
    script('endless', `#!${work}/endless`);
    script('nowhere', '#!/nonexistent');
    script('denied/script', '#!/bin/sh');
    const names = [
      'fine',
      'nested',
      'by-denied',
      'nested-denied',
      'endless',
      'nowhere',
      'denied/script',
      'denied/sh',
    ];
    const program = names.map((name) => `./${name} -c 'echo ran ${name}'; echo ${name} $?`).join('\n');
    const result = await supervised(
      { layers: denying(join(work, 'denied')), groups: GROUPS },
      ['sh', '-c', program],
      {
        cwd: work,
      },
    );
    assert.deepEqual(result.defects, []);
    assert.deepEqual(result.killed, []);
    const ended = result.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('ran '));
    assert.deepEqual(ended, [
      'fine 0',
      'nested 0',
      'by-denied 126',
      'nested-denied 126',
      'endless 127',
      'nowhere 127',
      'denied/script 126',
      'denied/sh 126',
    ]);
    assert.ok(!/ran .*denied/.test(result.stdout));
  },
);

test(
  'a denied loader stops every program that needs it',
  needs({ supervisor: true, arch: 'x64' }),
  async (t) => {
    const work = temporaryDirectory(t, 'loader');
    const layers = [layer([everything, path('deny', '/**/ld-linux*', ['fs.execute'])], 'grant', ['fs'])];
    await assert.rejects(supervised({ layers, groups: GROUPS }, ['/bin/true'], { cwd: work }));
  },
);

for (const [how, ...orphan] of [
  ['a copy of it'],
  ['a thread that outlived the first one', 'orphan'],
] as const)
  test(
    `a program exchanged after the check ends the run, started by ${how}`,
    needs({ supervisor: true, tools: ['cc'] }),
    async (t) => {
      const work = temporaryDirectory(t, 'flip');
      const program = compiled(t, 'exec-flip', 'test/fixtures/exec-flip.c');
      const [allowed, denied] = [join(work, 'allowd'), join(work, 'denied')];
      for (const copy of [allowed, denied]) copyFileSync(program, copy);
      const result = await supervised(
        { layers: denying(denied), groups: GROUPS },
        [program, allowed, denied, '3000', ...orphan],
        { cwd: work, timeout: 50_000 },
      );
      assert.deepEqual(result.defects, []);
      assert.ok(!result.stdout.includes('escaped'), 'a denied program was left alone');
      // Thousands of tries against a window of some microseconds: it is hit, and then nothing goes on.
      assert.equal(result.killed.length, 1, result.stdout);
      assert.match(result.killed[0]!, /denied.*not allowed/);
    },
  );

test('a FIFO waits for its other end, and nobody else waits', needs({ supervisor: true }), async (t) => {
  const work = temporaryDirectory(t, 'fifo');
  const script = `
    mkfifo pipe
    (cat pipe > got; echo reader done) &
    (cat < pipe > /dev/null) & victim=$!
    cat /proc/self/comm
    kill $victim
    sleep 1
    echo through > pipe
    wait
    cat got`;
  const result = await supervised({ layers: denying(), groups: GROUPS }, ['sh', '-c', script], { cwd: work });
  assert.equal(result.stdout, 'cat\nreader done\nthrough\n', result.stderr);
});

test(
  '/dev/tty is the terminal of the program, or none',
  needs({ supervisor: true, tools: ['script', 'setsid'] }),
  async (t) => {
    const work = temporaryDirectory(t, 'terminal');
    const inside = 'echo to the terminal > /dev/tty; (exec 9<>/dev/tty; readlink /proc/self/fd/9; tty)';
    const groups = ['open', 'execute', 'find'] as const;
    const what = { layers: denying(), groups };
    const shown = await supervised(what, ['script', '-qec', inside, '/dev/null'], { cwd: work });
    const [first, opened, named] = shown.stdout.split(/\r?\n/);
    assert.equal(first, 'to the terminal', shown.stderr);
    assert.match(opened!, /^\/dev\/pts\/\d+$/);
    assert.equal(opened, named);
    const none = await supervised(what, ['setsid', '-w', 'sh', '-c', 'echo lost > /dev/tty'], { cwd: work });
    assert.notEqual(none.status, 0);
    assert.match(none.stderr, /No such device or address/);
  },
);
