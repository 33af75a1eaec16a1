import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { root } from '../kit/needs.ts';

const json = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8'));

test('the published package runs no script at install and depends on nothing that is not exact', () => {
  const manifest = json('packages/landward/package.json');
  const scripts = Object.keys(manifest.scripts ?? {});
  assert.deepEqual(
    scripts.filter((name) => /^(pre|post)?(install|prepare|publish)/.test(name)),
    [],
  );
  for (const version of Object.values(manifest.dependencies as Record<string, string>))
    assert.match(version, /^\d+\.\d+\.\d+$/);
  assert.equal(
    manifest.optionalDependencies,
    undefined,
    'Node itself must never reach the published manifest',
  );
});

test('no dependency in the lockfile needs an install script', () => {
  const lock = json('package-lock.json');
  const withScript = Object.entries(lock.packages as Record<string, { hasInstallScript?: boolean }>)
    .filter(([, entry]) => entry.hasInstallScript === true)
    .map(([name]) => name);
  assert.deepEqual(withScript, []);
});

test('npm ci finds every optional package in the lockfile, those of other platforms too', () => {
  const { packages } = json('package-lock.json') as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  // A lockfile written where a registry lacks one of them is refused by npm ci everywhere.
  const missing = Object.values(packages)
    .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    .filter((name) => packages[`node_modules/${name}`] === undefined);
  assert.deepEqual(missing, []);
});

test('the lockfile holds what the manifests ask for', () => {
  const lock = json('package-lock.json');
  for (const [folder, key] of [
    ['', 'devDependencies'],
    ['', 'optionalDependencies'],
    ['packages/landward', 'dependencies'],
  ] as const)
    assert.deepEqual(
      lock.packages[folder][key],
      json(join(folder, 'package.json'))[key],
      `${folder}: ${key}`,
    );
});

test('.ci/run calls the test command that the README names', () => {
  const ci = readFileSync(join(root, '.ci/run'), 'utf8');
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  assert.match(readme, /npm ci && npm test/);
  assert.match(ci, /^npm ci/m);
  assert.match(ci, /^npm test$/m);
});

test('every page that the README links exists', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1]!);
  assert.ok(links.length > 5);
  for (const link of links) assert.doesNotThrow(() => readFileSync(join(root, link)), `README links ${link}`);
});
