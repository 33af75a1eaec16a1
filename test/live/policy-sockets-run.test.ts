/**
 * What a policy says about sockets, from its text to the program: `landward run` holds it, a trial lists what would break,
 * explanations name whose credential said no, `status` who holds what.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { needs, root } from '../kit/needs.ts';
import { Giver } from '../kit/socket-layers.ts';

const need = needs({ tools: ['python3'] });
const fixture = join(root, 'test/fixtures/socket-layers.py');
let giver: Giver;
before(async () => {
  if (need.skip === undefined) giver = await Giver.start();
});
after(async () => {
  await giver?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const folder = mkdtempSync(join(tmpdir(), 'landward-sockets-'));
const env = () => ({ ...process.env, GIVER: giver.path, XDG_STATE_HOME: join(folder, 'state') });

function landward(...words: readonly string[]) {
  return spawnSync(process.execPath, [join(root, 'test/kit/landward.ts'), ...words], {
    encoding: 'utf8',
    env: env(),
  });
}

function run(net: string, options: readonly string[], lines: readonly string[]) {
  const policy = join(folder, 'policy.toml');
  const text = `extends = ["@base", "@python"]\n[fs]\nread = ["${fixture}"]\n[net]\n${net}\n[unix]\nconnect = ["${giver.path}"]\n`;
  writeFileSync(policy, text);
  const { stdout, stderr, status } = landward(
    'run',
    ...options,
    '-p',
    policy,
    '--',
    'python3',
    fixture,
    ...lines,
  );
  assert.equal(status, 0, stderr);
  return { results: stdout.trim().split('\n'), stderr };
}

const EITHER = ['tcp a', 'bind a 127.0.0.1 0', 'take o tcp', 'bind o 127.0.0.1 0', 'listen o'];
const OPEN = 'listen = ["tcp:*"]\nconnect = ["tcp:*"]';

test('each subject binds whom it says [R-000-1, R-000-2, R-000-3]', need, () => {
  assert.deepEqual(run('subject = "caller"', [], EITHER).results, ['0', 'EACCES', '0', 'EACCES', 'EACCES']);
  assert.deepEqual(run('subject = "both"', [], EITHER).results, ['0', 'EACCES', '0', 'EACCES', 'EACCES']);
  // The kernel's rule is about callers, so it must not be there: neither stricter nor weaker than written.
  assert.deepEqual(run('subject = "socket"', [], EITHER).results, ['0', 'EACCES', '0', '0', '0']);
});

test('aim and lock are held [R-000-6, R-000-7]', need, () => {
  assert.deepEqual(run(`${OPEN}\naim = "own"`, [], EITHER).results, ['0', '0', '0', 'EPERM', 'EPERM']);
  const roads = ['tcp a', 'bind a 127.0.0.1 0', 'listen a', 'unspec a', 'shut a 0', 'shut a 2'];
  assert.deepEqual(run(`${OPEN}\nlock = true`, [], roads).results, [
    '0',
    '0',
    '0',
    'EPERM',
    'EPERM',
    'EPERM',
  ]);
});

test(
  'kinds of sockets are held by the filter alone, also where the kernel knows none [R-000-31, R-000-32]',
  need,
  () => {
    const lines = ['tcp a', 'udp b', 'make 250 1 0', 'make 16 3 0', 'pair 1 1 0'];
    assert.deepEqual(run(`${OPEN}\nsockets = ["tcp", "unix"]`, [], lines).results, [
      '0',
      'EACCES',
      'EACCES',
      'EACCES',
      '0',
    ]);
  },
);

test('a trial lists the sockets that worked before and would break [R-000-20]', need, () => {
  const { results, stderr } = run('', ['--trial'], EITHER);
  assert.deepEqual(results, ['0', '0', '0', '0', '0']);
  const [before, section] = stderr.split('Sockets that worked before');
  assert.match(
    before!,
    /would be denied net\.bind_tcp for 127\.0\.0\.1 port 0 \(bind/,
    'its own socket is told as ever',
  );
  assert.match(section ?? '', /would be denied net\.bind_tcp for 127\.0\.0\.1 port 0 \(bind/);
  const { stdout } = landward('explain', '--last');
  assert.match(
    stdout,
    /Sockets that worked before, made outside of the sandbox, and would be refused:\n {2}bind for 127\.0\.0\.1 port 0/,
  );
  const { stderr: own } = run('', ['--trial'], ['tcp a', 'bind a 127.0.0.1 0']);
  assert.doesNotMatch(own, /Sockets that worked before/);
});

test('an explanation says whose credential denied, for each mode [R-000-21]', need, () => {
  const explained = (net: string, lines: readonly string[]) => {
    run(net, [], lines);
    return landward('explain', '--last').stdout;
  };
  assert.match(
    explained('subject = "socket"', ['tcp a', 'bind a 127.0.0.1 0']),
    /the socket was made inside "[^"]*policy\.toml", whose rules bind it whoever uses it/,
  );
  assert.match(
    explained(`${OPEN}\naim = "own"`, ['take o tcp', 'bind o 127.0.0.1 0']),
    /was made outside "[^"]*policy\.toml", which lets programs aim only sockets of their own/,
  );
  assert.match(
    explained(`${OPEN}\nlock = true`, ['tcp a', 'bind a 127.0.0.1 0', 'listen a', 'unspec a']),
    /listens or is connected, and "[^"]*policy\.toml" keeps such sockets what they are/,
  );
  const [caller] = JSON.parse(
    (() => {
      run('subject = "both"', [], ['take o udp', 'connect o 127.0.0.1 9']);
      return landward('explain', '--last', '--json').stdout;
    })(),
  ).explanations;
  assert.equal(caller.event.side, 'caller');
});

test('status tells who holds each mode and each key [R-000-17]', need, () => {
  const status = JSON.parse(landward('status', '--json').stdout);
  const modes = [
    'caller',
    'socket',
    'both',
    'ruleset',
    'new-rights',
    'reconfigure-scope',
    'transition',
    'revalidate',
  ];
  assert.deepEqual(Object.keys(status.sockets), modes);
  assert.equal(status.sockets.caller, 'kernel');
  assert.equal(status.sockets.both, 'supervisor');
  const holder = (name: string) =>
    status.features.find(({ feature }: { feature: string }) => feature === name)?.holder;
  assert.deepEqual(['net.subject', 'net.aim', 'net.lock'].map(holder), [
    'supervisor',
    'supervisor',
    'supervisor',
  ]);
});
