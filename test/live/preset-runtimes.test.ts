/**
 * The presets for runtimes and package managers, each with the real thing against servers on this machine, and
 * `@default`: what they are for works, and what a hostile package would try fails.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ChildResult } from '../kit/child.ts';
import { findTool, needs } from '../kit/needs.ts';
import { type Place, place, SECRET, serve } from '../kit/places.ts';
import { startRegistry } from '../kit/registry.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const live = needs({ abi: 6 });

function works(result: ChildResult): void {
  assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
}

function stole(result: ChildResult): boolean {
  return `${result.stdout}${result.stderr}`.includes(SECRET);
}

/** The system's own npm needs the system's own Node; version managers are not part of these tests. */
const systemNode =
  existsSync('/usr/bin/node') || existsSync('/usr/local/bin/node')
    ? live
    : { skip: 'needs Node.js of the system' };
const systemNpm = ['/usr/bin/npm', '/usr/local/bin/npm'].some((path) => existsSync(path))
  ? systemNode
  : { skip: 'needs npm of the system' };
const venv =
  spawnSync('/usr/bin/python3', ['-c', 'import ensurepip, venv']).status === 0
    ? live
    : { skip: 'needs python3-venv' };

test(
  '@node: files, workers, timers and digests of a program; no secrets, no network',
  systemNode,
  async (t) => {
    const { confined, free, write, secret } = place(t);
    write({
      'app.mjs': `import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { cpus } from 'node:os';
import { Worker } from 'node:worker_threads';
import { setTimeout } from 'node:timers/promises';
await setTimeout(1);
const text = await readFile('data.txt', 'utf8');
const worker = new Worker('require("node:worker_threads").parentPort.postMessage(6 * 7)', { eval: true });
const answer = await new Promise((done) => worker.once('message', done));
console.log(text.trim(), answer, cpus().length > 0, createHash('sha256').update(text).digest('hex').length, new Date(0).toLocaleString('en', { timeZone: 'Asia/Tokyo' }).length > 0);
`,
      'data.txt': 'data\n',
      'theft.mjs': `import { readFileSync, readFile } from 'node:fs';
try { console.log(readFileSync(${JSON.stringify(secret)}, 'utf8')); } catch (error) { console.log(error.code); }
readFile(${JSON.stringify(secret)}, 'utf8', (error, text) => console.log(error?.code ?? text));
`,
    });
    const policy = { extends: ['@node'], fs: { read: ['$project'] } };
    const app = await confined(policy, 'node', 'app.mjs');
    works(app);
    assert.equal(app.stdout, 'data 42 true 64 true\n');
    assert.ok(stole(await free('node', 'theft.mjs')));
    const theft = await confined(policy, 'node', 'theft.mjs');
    assert.equal(theft.stdout, 'EACCES\nEACCES\n');
    const { url } = await serve(t, (_request, response) => response.end('page'));
    const fetching = `fetch('${url}').then((r) => r.text()).then(console.log, (e) => console.log(e.cause.code))`;
    assert.equal((await free('node', '-e', fetching)).stdout, 'page\n');
    assert.equal((await confined(policy, 'node', '-e', fetching)).stdout, 'EACCES\n');
  },
);

/** A workspace with a dependency whose lifecycle script does honest work and tries to steal. */
async function workspace(t: { after(fn: () => void | Promise<void>): void }, { write, secret, home }: Place) {
  const shelf = temporaryDirectory(t, 'packages');
  mkdirSync(join(shelf, 'dep'), { recursive: true });
  writeFileSync(
    join(shelf, 'dep/package.json'),
    JSON.stringify({
      name: 'dep',
      version: '1.0.0',
      main: 'index.js',
      bin: { 'dep-tool': 'tool.js' },
      scripts: { postinstall: 'node build.js' },
    }),
  );
  writeFileSync(join(shelf, 'dep/index.js'), 'module.exports = require("./built.js");\n');
  writeFileSync(
    join(shelf, 'dep/tool.js'),
    '#!/usr/bin/env node\nconsole.log("tool", require("./built.js"));\n',
  );
  writeFileSync(
    join(shelf, 'dep/build.js'),
    `const fs = require('node:fs');
fs.writeFileSync(__dirname + '/built.js', 'module.exports = 42;');
let loot;
try { loot = fs.readFileSync(${JSON.stringify(secret)}, 'utf8'); } catch (error) { loot = error.code; }
fs.writeFileSync(__dirname + '/loot', loot);
try { fs.writeFileSync(${JSON.stringify(join(home, '.bashrc'))}, 'evil'); } catch {}
`,
  );
  const registry = await startRegistry([join(shelf, 'dep')]);
  t.after(() => registry.close());
  write({
    'package.json': JSON.stringify({
      name: 'app',
      version: '1.0.0',
      private: true,
      workspaces: ['packages/*'],
      scripts: { build: 'dep-tool && node build.js' },
      dependencies: { dep: '1.0.0' },
    }),
    'packages/one/package.json': JSON.stringify({
      name: 'one',
      version: '1.0.0',
      dependencies: { dep: '1.0.0' },
    }),
    'build.js':
      'require("node:fs").writeFileSync("dist.txt", String(require("dep") + require("one/package.json").version));\n',
  });
  return registry;
}

test(
  '@npm: install, ci and run with lifecycle scripts, workspaces and a missing cache',
  systemNpm,
  async (t) => {
    const variables = {
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
      NPM_TOKEN: SECRET,
    };
    const here = place(t, variables);
    const registry = await workspace(t, here);
    const { confined, free, project, home } = here;
    const policy = {
      extends: ['@npm'],
      net: { connect: [`tcp:${registry.port}`] },
      env: { set: { npm_config_registry: registry.url } },
    };
    assert.ok(!existsSync(join(home, '.npm')));
    works(await confined(policy, 'npm', 'install'));
    assert.ok(existsSync(join(home, '.npm/_cacache')), 'the cache was made');
    works(await confined(policy, 'npm', 'ci'));
    const build = await confined(policy, 'npm', 'run', 'build');
    works(build);
    assert.match(build.stdout, /tool 42/);
    assert.equal(readFileSync(join(project, 'dist.txt'), 'utf8'), '421.0.0');
    assert.equal(readFileSync(join(project, 'node_modules/dep/loot'), 'utf8'), 'EACCES');
    assert.ok(!existsSync(join(home, '.bashrc')), 'nothing outside the project was written');
    const variablesSeen = await confined(policy, 'node', '-p', 'String(process.env.NPM_TOKEN)');
    assert.equal(variablesSeen.stdout, 'undefined\n');

    rmSync(join(project, 'node_modules'), { recursive: true });
    works(await free('npm', 'ci', `--registry=${registry.url}`));
    assert.match(
      readFileSync(join(project, 'node_modules/dep/loot'), 'utf8'),
      new RegExp(SECRET),
      'without landward the theft works',
    );
    assert.ok(existsSync(join(home, '.bashrc')));
  },
);

test('@python: a virtual environment, and pip from an index', venv, async (t) => {
  const { confined, free, write, project, home, secret } = place(t);
  write({
    'src/pyproject.toml': '[build-system]\nrequires = []\nbuild-backend = "unused"\n',
    'wheel.py': `import base64, hashlib, zipfile
files = {'landdep/__init__.py': b'answer = 42\\n', 'landdep-1.0.dist-info/METADATA': b'Metadata-Version: 2.1\\nName: landdep\\nVersion: 1.0\\n', 'landdep-1.0.dist-info/WHEEL': b'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'}
record = ''.join(f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b'=').decode()},{len(body)}\\n" for name, body in files.items())
with zipfile.ZipFile('landdep-1.0-py3-none-any.whl', 'w') as wheel:
    for name, body in files.items(): wheel.writestr(name, body)
    wheel.writestr('landdep-1.0.dist-info/RECORD', record + 'landdep-1.0.dist-info/RECORD,,\\n')
`,
  });
  const python = '/usr/bin/python3';
  works(await free(python, 'wheel.py'));
  const wheel = readFileSync(join(project, 'landdep-1.0-py3-none-any.whl'));
  const { port, url } = await serve(t, (request, response) => {
    if (request.url === '/landdep/')
      response
        .setHeader('content-type', 'text/html')
        .end('<a href="/landdep-1.0-py3-none-any.whl">landdep-1.0-py3-none-any.whl</a>');
    else if (request.url === '/landdep-1.0-py3-none-any.whl') response.end(wheel);
    else response.writeHead(404).end();
  });
  const policy = { extends: ['@python'], net: { connect: [`tcp:${port}`] } };
  works(await confined(policy, python, '-m', 'venv', 'env'));
  works(
    await confined(
      policy,
      'env/bin/pip',
      'install',
      '--disable-pip-version-check',
      '--index-url',
      url,
      'landdep',
    ),
  );
  const run = await confined(
    policy,
    'env/bin/python',
    '-c',
    'import landdep, ssl, sqlite3, multiprocessing; print(landdep.answer)',
  );
  works(run);
  assert.equal(run.stdout, '42\n');
  assert.ok(existsSync(join(home, '.cache/pip')), 'the cache was made');
  const steal = `print(open(${JSON.stringify(secret)}).read())`;
  assert.ok(stole(await free(python, '-c', steal)));
  assert.ok(!stole(await confined(policy, python, '-c', steal)));
});

test(
  '@default: the system runs, the project is written, and home, network and secrets are closed',
  live,
  async (t) => {
    const { confined, free, project, home, tmp, secret } = place(t, {
      MY_TOKEN: SECRET,
      LD_PRELOAD: '/nonexistent.so',
      PLAIN: 'plain',
    });
    const policy = { extends: ['@default'] };
    works(
      await confined(
        policy,
        'sh',
        '-c',
        'mkdir a && echo x > a/b && mv a/b c && rm -r a && cat c && mktemp && cat /etc/os-release',
      ),
    );
    assert.equal(readFileSync(join(project, 'c'), 'utf8'), 'x\n');
    for (const script of [
      `cat ${secret}`,
      `ls ${home}`,
      `echo x > ${home}/.profile`,
      'cat /etc/shadow',
      'echo x > /etc/landward-test',
    ]) {
      const theft = await confined(policy, 'sh', '-c', script);
      assert.notEqual(theft.code, 0, script);
      assert.ok(!stole(theft), script);
    }
    assert.ok(!existsSync(join(home, '.profile')));
    assert.ok(stole(await free('cat', secret)));
    const variables = await confined(policy, 'env');
    works(variables);
    assert.ok(!stole(variables) && !variables.stdout.includes('LD_PRELOAD'));
    assert.match(variables.stdout, /^PLAIN=plain$/m);
    assert.match(variables.stdout, new RegExp(`^TMPDIR=${tmp}$`, 'm'));
    if (findTool('curl') !== undefined) {
      const { url } = await serve(t, (_request, response) => response.end('page'));
      assert.equal((await free('curl', '-sS', url)).stdout, 'page');
      assert.notEqual((await confined(policy, 'curl', '-sS', url)).code, 0);
    }
  },
);
