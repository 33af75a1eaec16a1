/** `landward why`: where relative paths of a question start, and what it says where the kernel looks at less than the rules. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { why } from '../../packages/landward/src/launch/why.ts';
import { compile } from '../../packages/landward/src/policy/compile.ts';
import type { PolicyDefinition } from '../../packages/landward/src/policy/define.ts';
import { presetSource } from '../../packages/landward/src/policy/presets/index.ts';
import { resolvePolicy } from '../../packages/landward/src/policy/resolve.ts';
import { memoryHost, treeOf } from '../kit/policies.ts';

const host = memoryHost(treeOf({ '/w/p/.env': 'file', '/w/x': 'dir', '/w/a*b': 'dir' }), 7);
const variables = {
  project: '/w/p',
  home: '/h',
  tmp: '/tmp',
  cache: '/h/.cache',
  config: '/h/.config',
  runtime: '/run/user/1',
  uid: 1,
};

async function ask(value: PolicyDefinition, question: string, cwd = '/w/p') {
  const policy = await resolvePolicy([{ name: 'policy', value }], { variables, preset: presetSource });
  return why(compile(policy, host), host, question, cwd);
}

test('relative paths of a question start from the working directory, and nothing else does', async () => {
  const policy = { fs: { read: ['/w'] } };
  const path = async (question: string, cwd?: string) => {
    const { request } = await ask(policy, question, cwd);
    return 'path' in request ? request.path : request;
  };
  assert.equal(await path('read .env'), '/w/p/.env');
  assert.equal(await path('read ./.env'), '/w/p/.env');
  assert.equal(await path('fs.make_reg ../x/new'), '/w/x/new');
  assert.equal(await path('read .env', '/w/a*b'), '/w/a*b/.env');
  assert.equal(await path('read /etc/hosts'), '/etc/hosts');
  assert.equal(await path('connect ./socket'), '/w/p/socket');
  const directory = (await ask(policy, 'read ..')).request;
  assert.deepEqual(directory, { kind: 'path', path: '/w', rights: ['fs.read_dir'], directory: true });
  const moved = (await ask(policy, 'rename a/b -> ../x/b')).request;
  assert.deepEqual(moved.kind === 'refer' && [moved.operation, moved.from, moved.to], [
    'rename',
    '/w/p/a/b',
    '/w/x/b',
  ]);
  await assert.rejects(ask(policy, 'connect socket'), { code: 'USAGE' });
  await assert.rejects(ask(policy, 'read a/../../b'), { code: 'USAGE', message: /\.\./ });
});

test('a test of a policy has no working directory: a relative path in it is an error', async () => {
  await assert.rejects(ask({ test: [{ allow: 'read .env' }] }, 'signal'), /absolute/);
});

test('a host that the kernel does not tell apart, and a name that cannot be looked up, are said', async () => {
  const notes = async (value: PolicyDefinition, question = 'connect tcp:a.example:443') =>
    (await ask(value, question)).notes.join('\n');
  const one = { net: { connect: ['tcp:a.example:443'] }, require: { degrade: ['net.host'] } } as const;
  assert.match(await notes(one), /ports apart, not hosts/);
  assert.match(await notes(one, 'connect tcp:b.example:443'), /ports apart, not hosts/);
  assert.match(await notes(one), /port 53 is refused for UDP and TCP/);
  const { kernel } = await ask({ net: one.net }, 'connect tcp:a.example:443');
  assert.deepEqual([kernel?.allowed, kernel?.against], [false, 'stricter'], 'a gap nobody accepted');
  assert.equal(await notes({ net: one.net }), '');
  const dns = { net: { connect: ['tcp:443', 'tcp:53'] } };
  assert.match(await notes(dns), /^UDP to port 53 is refused: .*RES_OPTIONS/);
  assert.equal(await notes({ extends: ['@tls'] }), '', '@tls asks by TCP');
  assert.equal(await notes(dns, 'connect tcp:192.0.2.1:443'), '', 'an address needs no lookup');
  assert.equal(await notes(dns, 'connect tcp:443'), '');
});
