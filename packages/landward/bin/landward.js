#!/usr/bin/env node
// The command line. CommonJS, as package.json here says: Node's loader of modules would cost more than the whole policy.
'use strict';

const [major] = process.versions.node.split('.');

// Parses on every Node that still exists, so that an old one gets a sentence instead of a syntax error.
if (process.platform !== 'linux' || !(Number(major) >= 22)) {
  process.stderr.write(
    `landward: this is Node ${process.versions.node} on ${process.platform}, and landward needs Node 22 or newer on Linux\n`,
  );
  process.exit(125);
}

const { readFileSync } = require('node:fs');
const { Module, createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { constants, Script } = require('node:vm');

const built = join(__dirname, '../dist/cli');

/**
 * Evaluates what every start needs, with the code that V8 made of it when the package was built, if this is the same V8.
 * That code lies beside its source and is as much part of the package: who can write one can write the other.
 */
function loadStart() {
  const file = join(built, 'start.cjs');
  const source = read(file, 'utf8');
  if (source === undefined) return false;
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: file,
    cachedData: read(`${file}.${process.versions.v8}-${process.arch}`),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module = new Module(file);
  module.filename = file;
  require.cache[file] = module;
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  module.loaded = true;
  return true;
}

// The start imports parsers of policies, and Node tells whoever evaluates code so that this is experimental: no news to users.
const { emitWarning } = process;
process.emitWarning = (warning, ...rest) => {
  if (!String(warning).startsWith('vm.USE_MAIN_CONTEXT_DEFAULT_LOADER'))
    emitWarning.call(process, warning, ...rest);
};

function read(file, encoding) {
  try {
    return readFileSync(file, encoding);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

// A package holds dist; a clone that was not built runs its sources by type stripping.
if (loadStart()) require('../dist/cli/main.cjs').start();
else import('../src/cli/main.ts').then((cli) => cli.start());
