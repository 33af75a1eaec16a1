/**
 * Makes what is published: `npm run build [-- --out DIR]`.
 *
 * tsc emits the library module by module (JavaScript and declarations, `using` lowered for Node 22); rolldown then
 * joins the command line, one small chunk a command, because loading sixty modules costs more than starting Node.
 * Nothing is minified. Owns no policy about what is packed: that is `pack.ts`.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { rolldown } from 'rolldown';
import { recordCode } from './code-cache.ts';
import { importsOf } from './rooms.ts';

const root = resolve(import.meta.dirname, '..');

/** What a user installs beside landward for the commands that need it. */
const OPTIONAL = [/^@opentelemetry\//, 'aws4fetch', 'hyparquet-writer', 'prom-client'];

/** Emits the library and the command line into `out`; throws with the compiler's own words when it refuses. */
export async function build(out: string): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  const tsc = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json'), '--outDir', out],
    { cwd: root, encoding: 'utf8' },
  );
  if (tsc.status !== 0) throw new Error(`tsc refused the sources\n${tsc.stdout}${tsc.stderr}`);
  if (existsSync(join(out, 'cli/main.js'))) await bundleCli(out);
}

/**
 * Replaces `cli/` by its bundle. The chunks stay two levels below the package, as the sources are, so that
 * addresses relative to a module (the addon, the launcher) hold in both.
 */
async function bundleCli(out: string): Promise<void> {
  const start = startModules(out);
  const bundle = await rolldown({
    input: join(out, 'cli/main.js'),
    platform: 'node',
    external: [/^node:/, 'jsonc-parser', 'toml-eslint-parser', ...OPTIONAL],
    onLog(level, log) {
      // A module that is imported both ways stays lazy where it can; nothing to mend.
      if (level === 'warn' && log.code !== 'INEFFECTIVE_DYNAMIC_IMPORT')
        throw new Error(`rolldown: ${log.message}`);
    },
  });
  const fresh = join(out, 'cli-bundle');
  await bundle.write({
    dir: fresh,
    // Modules of Node, once imported, load all that they could export: streams, to start a program that needs none.
    format: 'cjs',
    minify: false,
    comments: { legal: true, annotation: false, jsdoc: false },
    entryFileNames: 'main.cjs',
    chunkFileNames: '[name].cjs',
    // What starting a program loads is one file: each further one costs as much as opening ten policies.
    codeSplitting: { groups: [{ name: 'start', test: (id) => start.has(id) }] },
  });
  await bundle.close();
  // The threads of the supervisor, one file each: what they load comes before the first supervised program.
  await bundleThread(join(out, 'supervisor/worker.js'), join(fresh, 'supervisor-worker.cjs'), 'cjs');
  await bundleThread(join(out, 'supervisor/names/thread.js'), join(fresh, 'names-thread.mjs'), 'esm');
  rmSync(join(out, 'cli'), { recursive: true });
  renameSync(fresh, join(out, 'cli'));
}

/** Joins what a thread loads into one file. */
async function bundleThread(input: string, file: string, format: 'cjs' | 'esm'): Promise<void> {
  const bundle = await rolldown({
    input,
    platform: 'node',
    external: [/^node:/],
    onLog(level, log) {
      if (level === 'warn') throw new Error(`rolldown: ${log.message}`);
    },
  });
  const comments = { legal: true, annotation: false, jsdoc: false };
  await bundle.write({ file, format, minify: false, comments, codeSplitting: false });
  await bundle.close();
}

/** The modules that `landward run` always loads: what these roots import statically, and theirs. */
function startModules(out: string): ReadonlySet<string> {
  const roots = ['cli/main', 'cli/run', 'launch/run-policy', 'launch/exec', 'policy/presets/index'];
  const found = new Set<string>();
  const visit = (file: string) => {
    if (found.has(file)) return;
    found.add(file);
    for (const { specifier, dynamic } of importsOf(readFileSync(file, 'utf8')))
      if (specifier.startsWith('.') && !dynamic) visit(resolve(dirname(file), specifier));
  };
  for (const name of roots) visit(join(out, `${name}.js`));
  return found;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  const out = resolve(values.out ?? join(root, 'packages/landward/dist'));
  await build(out);
  if (out === join(root, 'packages/landward/dist')) recordCode(join(root, 'packages/landward'));
  console.log(`built ${out}`);
}
