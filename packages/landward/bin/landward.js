#!/usr/bin/env node
// Parses on every Node that still exists, so that an old one gets a sentence instead of a syntax error.
const major = Number(process.versions.node.split('.')[0]);
const built = new URL('../dist/cli/main.js', import.meta.url).href;

if (process.platform !== 'linux' || !(major >= 22)) {
  process.stderr.write(
    `landward: this is Node ${process.versions.node} on ${process.platform}, and landward needs Node 22 or newer on Linux\n`,
  );
  process.exit(125);
}

// A package holds dist; a clone that was not built runs its sources by type stripping.
import(built)
  .catch((error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || error.url !== built) throw error;
    return import(new URL('../src/cli/main.ts', import.meta.url).href);
  })
  .then((cli) => cli.start());
