import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { runLandward } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';
import { makeWorld, policyText, type World } from './world.ts';

/**
 * What must keep working under the policy of the attacks: a sandbox that holds an attack by breaking honest programs
 * would be switched off.
 */
const HONEST: readonly (readonly [string, (world: World) => readonly string[]])[] = [
  ['a file is read', ({ library }) => ['read', join(library, 'file')]],
  [
    'a file moves between directories of the project',
    ({ project }) => ['rename', join(project, 'a/file'), join(project, 'b/file')],
  ],
  [
    'a hard link is made inside the project',
    ({ project }) => ['link', join(project, 'own'), join(project, 'a/own')],
  ],
  ['a file of the project is truncated', ({ project }) => ['truncate', join(project, 'own')]],
  ['a pipe is made in the project', ({ project }) => ['make-fifo', join(project, 'fifo')]],
  ['an own child is signalled', () => ['signal-child']],
  ['a stream pair of sockets is made', () => ['stream-pair']],
  ['a program is executed', ({ probe }) => ['execute', probe, 'euid']],
];

for (const [name, action] of HONEST)
  test(`${name}`, needs({ abi: 6 }), async () => {
    const world = makeWorld();
    try {
      for (const folder of ['a', 'b']) mkdirSync(join(world.project, folder));
      writeFileSync(join(world.project, 'a/file'), '');
      const file = join(world.top, 'policy.toml');
      writeFileSync(file, policyText(world));
      const result = await runLandward(['run', '-p', file, '--', world.probe, ...action(world)], {
        cwd: world.project,
      });
      assert.match(result.stdout, /^DONE/, JSON.stringify(result));
      assert.equal(result.code, 0);
    } finally {
      world.remove();
    }
  });
