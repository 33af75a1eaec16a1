/**
 * The presets by themselves: they say what each path is for, need nothing to exist, have no gap since ABI 6, open no
 * secret, and their page is up to date.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile } from '../../packages/landward/src/policy/compile.ts';
import { envMatches } from '../../packages/landward/src/policy/env-glob.ts';
import {
  PRESETS,
  type PresetName,
  presetNames,
  presetSource,
} from '../../packages/landward/src/policy/presets/index.ts';
import { SECRET_PLACES, SECRET_VARIABLES } from '../../packages/landward/src/policy/presets/secrets.ts';
import { resolvePolicy } from '../../packages/landward/src/policy/resolve.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { presetList, updatedPage } from '../../tools/presets.ts';
import { type Entry, grantedAt, memoryHost, treeOf } from '../kit/policies.ts';

const home = '/home/me';
const variables = {
  project: `${home}/work`,
  home,
  tmp: '/tmp',
  cache: `${home}/.cache`,
  config: `${home}/.config`,
  runtime: '/run/user/1000',
  uid: 1000,
};

function policyFor(name: PresetName, project = variables.project) {
  return resolvePolicy([{ name, value: { extends: [`@${name}`] } }], {
    variables: { ...variables, project },
    preset: presetSource,
  });
}

/** Every path that some preset names, so that all of its rules are granted. */
async function fullHost(abi: number) {
  const entries: Record<string, Entry> = {
    [`${variables.project}/f`]: 'file',
    '/tmp/x': 'file',
    '/etc/shadow': 'file',
    '/root/secret': 'file',
  };
  for (const name of presetNames) {
    for (const layer of (await policyFor(name)).layers) {
      for (const rule of layer.rules)
        if (rule.kind === 'path' && rule.pattern.kind !== 'glob') entries[rule.pattern.path] ??= 'dir';
    }
  }
  for (const place of SECRET_PLACES) entries[`${place.replace('~', home)}/secret`] = 'file';
  entries[`${home}/.npmrc`] = 'file';
  return memoryHost(treeOf(entries), abi);
}

for (const name of presetNames) {
  test(`@${name} compiles on an empty system and on a full one, without a gap since ABI 6`, async () => {
    const policy = await policyFor(name);
    for (let abi = 6; abi <= 11; abi++) {
      for (const host of [memoryHost(treeOf({}), abi), await fullHost(abi)]) {
        const plan = compile(policy, host);
        assert.deepEqual(plan.gaps, [], `ABI ${abi}`);
        assert.equal(plan.report.state, 'fully');
      }
    }
  });

  test(`@${name} opens no secret, no part of the system for writing, and says what each path is for`, async () => {
    const policy = await policyFor(name);
    const { ruleset } = compile(policy, await fullHost(11));
    const open = (path: string) => grantedAt(ruleset!.paths, path);
    for (const place of SECRET_PLACES) assert.equal(open(`${place.replace('~', home)}/secret`), 0, place);
    for (const path of [
      `${home}/.bashrc`,
      '/etc/shadow',
      '/root/secret',
      '/dev/sda',
      '/dev/pts/3',
      '/run/docker.sock',
      '/boot',
    ])
      assert.equal(open(path), 0, path);
    for (const path of ['/usr/bin/x', '/etc/passwd', '/lib/x', '/opt/x', '/bin/sh'])
      assert.equal(open(path) & fsMask('fs.write_file', 'fs.make_reg', 'fs.remove_file'), 0, path);
    assert.ok(policy.layers.every((layer) => layer.rules.every((rule) => (rule.because ?? '').length > 3)));
    assert.ok((PRESETS[name].description ?? '').length > 20);
  });
}

test('@default refuses a project that is the home directory', async () => {
  const plan = compile(await policyFor('default', home), await fullHost(7));
  assert.ok(plan.gaps.some((gap) => gap.feature === 'fs.deny' && gap.lost.includes('/home/me/.ssh')));
});

test('the page of the presets is up to date', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/presets.md'), 'utf8');
  assert.equal(updatedPage(page), page, 'run node tools/presets.ts');
  for (const name of presetNames) assert.ok(presetList().includes(`### @${name}`));
});

test('variables that look like secrets do not pass, in whatever case they are written', () => {
  const secret = (name: string) => SECRET_VARIABLES.some((pattern) => envMatches(pattern, name));
  for (const name of [
    'GITHUB_TOKEN',
    'github_token',
    'Github_Token',
    'npm_config__password',
    'npm_config_//host/:_authToken',
    'AWS_PROFILE',
    'aws_secret_access_key',
    'Aws_Access_Key_Id',
    'openai_api_key',
    'OpenAI_Api_Key',
  ]) {
    assert.ok(secret(name), name);
  }
  for (const name of ['PATH', 'HOME', 'LANG', 'npm_config_cache', 'TERM']) assert.ok(!secret(name), name);
});
