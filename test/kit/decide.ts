/** What tests of functions that decide start from: two files, a policy that opens everything, and a shell under it. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  type DecideRequest,
  type PolicyDefinition,
  type Result,
  type SpawnOptions,
  spawn,
} from '../../packages/landward/src/index.ts';
import { temporaryDirectory } from './temporary.ts';

/** A directory with two files, and a policy that lets a program read everything and write there. */
export function setting(t: TestContext) {
  const dir = temporaryDirectory(t, 'decide');
  for (const name of ['one', 'two']) writeFileSync(join(dir, name), `content of ${name}\n`);
  const policy: PolicyDefinition = { fs: { read: ['/'], exec: ['/'], write: [dir, '/dev/null'] } };
  return { dir, policy, file: (name: string) => join(dir, name) };
}

/** The path that a request is about, empty where it is about none. */
export const pathOf = ({ object }: DecideRequest): string => (object.kind === 'path' ? object.path : '');

/** Runs a shell line, and gives its result whatever becomes of it. */
export function shell(script: string, options: object): Promise<Result> {
  return Promise.resolve(spawn('sh', ['-c', script], { reject: false, ...(options as SpawnOptions) }));
}

/** The denials of a run that has a supervisor. */
export function events({ denials }: Result) {
  assert.ok(denials !== 'unknown');
  return denials.events;
}
