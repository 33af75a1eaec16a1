/**
 * Exchanging what a path means while a policy program decides: what is opened, changed or moved is the object that was
 * decided on. In the control the same program has nothing in its map.
 */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { inodeValue, objectOf, runsOfPrograms } from '../kit/policy-programs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const ATTEMPTS = 300;
const NEEDS = needs({ abi: 5, supervisor: true, tools: ['cc'] });

/** Denies every use of the objects in its map. Looking at them (getattr) is allowed. */
const keeper = objectOf({
  fs_pick: `
    r6 = r1
    r7 = *(u64 *)(r1 + 16)
    if r7 == 64 goto allow
    ${inodeValue('known')}
    if r0 == 0 goto allow
    r0 = 1
    exit
  allow:
    r0 = 0
    exit`,
});

for (const attack of ['path-open', 'path-chmod', 'symlink-component', 'descriptor-openat'])
  test(`${attack}: a program decides on objects, never on arguments [R-002-6]`, NEEDS, async (t) => {
    const flips = compiled(t, 'flips', 'test/fixtures/flips.c');
    const place = () => {
      const home = temporaryDirectory(t, 'flips');
      for (const name of ['open/shut', 'open/deep/in', 'shut'])
        mkdirSync(join(home, name), { recursive: true });
      for (const name of ['open', 'open/shut']) writeFileSync(join(home, name, 'file'), 'open\n');
      writeFileSync(join(home, 'shut/file'), 'shut\n');
      return home;
    };
    const [guarded, free] = [place(), place()];
    const argv = [flips, attack, `${ATTEMPTS}`] as const;
    const kept = { [join(guarded, 'shut/file')]: 1 };
    const [run, control] = await runsOfPrograms([
      { programs: [{ name: 'keeper', object: keeper, inodes: { objects: kept } }], argv, cwd: guarded },
      { programs: [{ name: 'keeper', object: keeper }], argv, cwd: free },
    ]);
    const told = (text: string) => /(\d+)\D+(\d+)\D+(\d+)/.exec(text)?.slice(1).map(Number) ?? [];
    const [passed, refused, escaped] = told(run!.stdout);
    assert.equal(escaped, 0, run!.stdout);
    assert.ok(passed! > 0 && refused! > 0, `both sides of the flip were met: ${run!.stdout} ${run!.stderr}`);
    assert.ok(
      told(control!.stdout)[2]! > 0,
      `without the object in its map: ${control!.stdout} ${control!.stderr}`,
    );
  });
