/**
 * Makes the tarball that is published: `node tools/pack.ts [--to DIR]`, printing its path.
 *
 * The package is staged in a fresh directory (built JavaScript, prebuilt addons, licence, README) and packed there, so
 * that the clone never holds a stale build and the manifest for users does not name sources they do not have.
 */

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.ts';
import { recordCode } from './code-cache.ts';

const root = resolve(import.meta.dirname, '..');
const source = join(root, 'packages/landward');

type Exports = Record<string, string | Record<string, string>>;

/** The manifest without what only the clone can resolve. */
export function publishedManifest(manifest: { exports: Exports }): object {
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([entry, target]) => {
      if (typeof target === 'string') return [entry, target];
      const { 'landward-source': _, ...published } = target;
      return [entry, published];
    }),
  );
  return { ...manifest, exports };
}

/** Lays the package out in `folder`, as a user's `node_modules/landward` will look. */
export async function stage(folder: string): Promise<void> {
  await build(join(folder, 'dist'));
  for (const part of ['bin', 'prebuilds']) {
    if (!existsSync(join(source, part)))
      throw new Error(`packages/landward/${part} is missing: run npm run native -- --prebuild`);
    cpSync(join(source, part), join(folder, part), { recursive: true });
  }
  for (const file of ['README.md', 'LICENSE']) cpSync(join(root, file), join(folder, file));
  const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`);
  recordCode(folder);
}

/** Packs the package into `to` and returns the path of the tarball. */
export async function pack(to: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'landward-pack-'));
  try {
    await stage(folder);
    const npm = spawnSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', to], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (npm.status !== 0) throw new Error(`npm pack failed: ${npm.stderr}`);
    const [{ filename }] = JSON.parse(npm.stdout) as [{ filename: string }];
    return join(to, filename);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { to: { type: 'string', default: '.' } } });
  console.log(await pack(resolve(values.to)));
}
