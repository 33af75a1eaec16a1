import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { after, before } from 'node:test';
import { pack } from '../../tools/pack.ts';
import { runChild } from '../kit/child.ts';
import { missingPackage } from '../kit/debian.ts';
import { needs, root } from '../kit/needs.ts';
import { nodeOf } from '../kit/nodes.ts';
import { type Registry, startRegistry } from '../kit/registry.ts';

/**
 * The tarball as a user gets it: packed, installed into an empty project from a registry that serves its dependencies,
 * with scripts ignored, an empty HOME, no npm configuration and no compiler in PATH; then run on every supported Node.
 */

const place = realpathSync(mkdtempSync(join(tmpdir(), 'landward-package-')));
const project = join(place, 'project');
const home = join(place, 'home');
let registry: Registry;

/** The environment of a fresh account; `node` decides which Node programs named `node` are. */
function fresh(node: string): NodeJS.ProcessEnv {
  return {
    HOME: home,
    PATH: `${dirname(node)}:${join(place, 'bin')}:/usr/bin:/bin`,
    npm_config_registry: registry.url,
    npm_config_globalconfig: join(home, 'none'),
    // The home of this account lies in /tmp, which @default lets programs write.
    TMPDIR: join(place, 'tmp'),
    LANG: 'C.UTF-8',
  };
}

before(async () => {
  for (const folder of [project, home, join(place, 'bin'), join(place, 'tmp')]) mkdirSync(folder);
  // Where a compiler would be found first: an install that calls one must fail.
  for (const name of ['cc', 'gcc', 'c99', 'clang', 'make'])
    writeFileSync(join(place, 'bin', name), '#!/bin/sh\necho no compiler here >&2\nexit 1\n', {
      mode: 0o755,
    });
  const modules = join(root, 'node_modules');
  const names = ['jsonc-parser', 'toml-eslint-parser', 'eslint-visitor-keys'];
  registry = await startRegistry(names.map((name) => join(modules, name)));
  const tarball = await pack(place);
  writeFileSync(join(project, 'package.json'), '{"name":"empty","version":"1.0.0","private":true}\n');
  const install = await runChild('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball], {
    cwd: project,
    env: fresh(process.execPath),
  });
  assert.equal(install.code, 0, install.stderr);
});

after(async () => {
  await registry?.close();
  rmSync(place, { recursive: true, force: true });
});

const installed = (...parts: string[]) => join(project, 'node_modules/landward', ...parts);

test('the package holds what it runs and nothing of the clone', () => {
  const files = readdirSync(installed(), { recursive: true, encoding: 'utf8' });
  assert.deepEqual([...new Set(files.map((file) => file.split('/')[0]!))].sort(), [
    'LICENSE',
    'README.md',
    'bin',
    'dist',
    'package.json',
    'prebuilds',
  ]);
  assert.deepEqual(
    files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts')),
    [],
  );
  assert.doesNotMatch(readFileSync(installed('package.json'), 'utf8'), /landward-source|\.\/src\//);
  const bytes = files.map((file) => statSync(installed(file))).reduce((sum, stat) => sum + stat.size, 0);
  assert.ok(bytes < 8 << 20, `${bytes} bytes`);
});

test('the path of run loads a handful of files', { ...needs({ abi: 1 }) }, async () => {
  const trace = join(place, 'loaded.mjs');
  writeFileSync(
    trace,
    [
      "import { registerHooks } from 'node:module';",
      "import { writeSync } from 'node:fs';",
      'registerHooks({ load(url, context, next) {',
      "  if (url.startsWith('file:')) writeSync(2, 'LOADED ' + url + String.fromCharCode(10));",
      '  return next(url, context);',
      '} });',
    ].join('\n'),
  );
  const command = [
    '--import',
    trace,
    installed('bin/landward.js'),
    'run',
    '--exec',
    '/usr',
    '--',
    '/usr/bin/true',
  ];
  const result = await runChild(process.execPath, command, { cwd: project, env: fresh(process.execPath) });
  assert.equal(result.code, 0, result.stderr);
  const loaded = result.stderr
    .split('\n')
    .filter((line) => line.startsWith('LOADED') && !line.endsWith('.node'));
  assert.ok(loaded.length > 0 && loaded.length <= 12, loaded.join('\n'));
  assert.ok(!loaded.some((line) => line.includes('toml-eslint-parser')), 'no policy file is read');
});

const POLICY = `[fs]
read = [{ path = ["/etc/ld.so.cache"], optional = true }]
exec = [{ path = ["/usr", "/bin", "/lib", "/lib64"], optional = true }]
[net]
connect = []
`;

for (const major of [22, 24, 26]) {
  const node = nodeOf(major);
  const options = 'reason' in node ? { skip: node.reason } : needs({ abi: 1 });
  const path = 'path' in node ? node.path : '';

  test(`Node ${major}: npx landward run starts a program`, options, async () => {
    const result = await runChild('npx', ['landward', 'run', '--', 'true'], {
      cwd: project,
      env: fresh(path),
    });
    assert.deepEqual([result.code, result.stderr], [0, '']);
  });

  test(`Node ${major}: a policy file is read and holds`, options, async () => {
    const secret = join(place, `secret-${major}`);
    writeFileSync(secret, 'the secret\n');
    writeFileSync(join(project, 'policy.toml'), POLICY);
    const run = (...words: string[]) =>
      runChild(path, [installed('bin/landward.js'), 'run', '-p', 'policy.toml', ...words], {
        cwd: project,
        env: fresh(path),
      });
    const held = await run('--', 'cat', secret);
    assert.equal(held.code, 1, held.stderr);
    assert.doesNotMatch(held.stdout, /secret/);
    const granted = await run('--read', secret, '--', 'cat', secret);
    assert.deepEqual([granted.code, granted.stdout, granted.stderr], [0, 'the secret\n', '']);
  });

  test(
    `Node ${major}: the published supervisor holds a deny inside a grant, and explains it`,
    options,
    async () => {
      const directory = join(place, `supervised-${major}`);
      mkdirSync(directory);
      writeFileSync(join(directory, '.env'), 'KEY\n');
      writeFileSync(join(directory, 'a.txt'), 'A\n');
      const policy = join(place, `supervised-${major}.toml`);
      writeFileSync(
        policy,
        `extends = ["@shell"]\n[fs]\nwrite = ["$project"]\ndeny = ["$project/**/.env"]\n[net]\nconnect = ["tcp:registry.example:443"]\n`,
      );
      const env = { ...fresh(path), XDG_STATE_HOME: join(place, `state-${major}`) };
      const landward = (...words: string[]) =>
        runChild(path, [installed('bin/landward.js'), ...words], { cwd: directory, env });
      const held = await landward('run', '-p', policy, '--', 'sh', '-c', 'cat a.txt .env');
      assert.deepEqual([held.code, held.stdout], [1, 'A\n'], held.stderr);
      assert.match(held.stderr, /landward: cat\[\d+\] was denied fs\.read_file on ".*\.env"/);
      const explained = await landward('explain');
      assert.match(explained.stdout, /says no: "deny .*\.env"/, explained.stderr);
      assert.equal(explained.stderr, '');
    },
  );

  test(`Node ${major}: the library spawns and confines`, options, async () => {
    const script = `
      import { restrictProcess, spawn } from 'landward';
      import { readFileSync } from 'node:fs';
      import { readFile } from 'node:fs/promises';
      const policy = { fs: { read: ['/usr'], exec: ['/usr', { path: ['/bin', '/lib', '/lib64', '/etc/ld.so.cache'], optional: true }] } };
      // A Node that already runs may hold io_uring rings.
      const running = { ...policy, require: { degrade: ['process.io_uring'] } };
      const result = await spawn('/usr/bin/echo', ['hello'], { policy });
      console.log('spawn', result.exitCode);
      await restrictProcess(running);
      const attempt = async (name, read) => {
        try { await read(); console.log(name, 'read'); } catch (error) { console.log(name, error.code); }
      };
      await attempt('sync', () => readFileSync('/etc/passwd'));
      await attempt('pool', () => readFile('/etc/passwd'));
      await attempt('granted', () => readFile('/usr/bin/true'));
    `;
    const result = await runChild(path, ['--input-type=module', '-e', script], {
      cwd: project,
      env: fresh(path),
    });
    assert.equal(result.code, 0, result.stderr);
    const lines = result.stdout.split('\n');
    for (const line of ['spawn 0', 'sync EACCES', 'pool EACCES', 'granted read'])
      assert.ok(lines.includes(line), `${line}: ${JSON.stringify(result)}`);
  });
}

const arm64 = (() => {
  if (process.arch !== 'x64') return { reason: 'needs an x64 machine: here arm64 is the real thing' };
  const missing =
    missingPackage('qemu-user', 'qemu-aarch64') ??
    missingPackage('gcc-aarch64-linux-gnu', 'aarch64-linux-gnu-gcc');
  if (missing !== undefined) return { reason: missing };
  return nodeOf(26, 'arm64');
})();

test(
  'arm64 under qemu: the addon loads, and without Landlock nothing starts',
  'reason' in arm64 ? { skip: arm64.reason } : {},
  async () => {
    assert.ok('path' in arm64);
    // The emulator passes file names through, so that the loader of the cross compiler's C library serves.
    const emulated = (...words: string[]) =>
      runChild(
        'qemu-aarch64',
        ['-L', '/usr/aarch64-linux-gnu', arm64.path, installed('bin/landward.js'), ...words],
        {
          cwd: project,
          env: fresh(process.execPath),
          timeout: 120_000,
        },
      );
    const status = await emulated('status', '--json');
    assert.match(status.stdout, /"arch": ?"aarch64"/, JSON.stringify(status));
    const run = await emulated('run', '--exec', '/usr', '--', '/usr/bin/true');
    assert.equal(run.code, 125, JSON.stringify(run));
    assert.match(run.stderr, /landlock/i);
  },
);

test('the packed addon equals a rebuild', needs({ tools: ['cc'] }), () => {
  const check = spawnSync(process.execPath, ['tools/build-native.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(check.status, 0, `${check.stdout}${check.stderr}`);
  for (const arch of ['linux-x64', 'linux-arm64'])
    for (const file of readdirSync(join(root, 'packages/landward/prebuilds', arch)))
      assert.deepEqual(
        readFileSync(installed('prebuilds', arch, file)),
        readFileSync(join(root, 'packages/landward/prebuilds', arch, file)),
      );
});
