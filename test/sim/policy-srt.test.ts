/** Settings of sandbox-runtime: what they come to, and that every difference is named. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { decideRules } from '../../packages/landward/src/model/decide-rules.ts';
import type { Request } from '../../packages/landward/src/model/rules.ts';
import { readQuestion } from '../../packages/landward/src/policy/ask.ts';
import { isRefusal } from '../../packages/landward/src/policy/expand.ts';
import { importSrt } from '../../packages/landward/src/policy/import-srt.ts';
import { systemScope } from '../../packages/landward/src/policy/vars.ts';
import { errorsOf, resolveInputs, VARIABLES } from '../kit/policy-text.ts';

const settings = await readFile(new URL('../fixtures/policies/sandbox-runtime.json', import.meta.url));

async function imported(input: Uint8Array | string) {
  const { grant, limits, differences } = await importSrt('settings.json', input);
  const policy = await resolveInputs([
    { name: 'grant', value: grant },
    ...limits.map((value, index) => ({ name: `limit ${index}`, value })),
  ]);
  const ask = (question: string, more: Partial<Extract<Request, { kind: 'net' }>> = {}) => {
    const asked = readQuestion(question, systemScope(VARIABLES).lookup);
    assert.ok(!isRefusal(asked), question);
    return decideRules(policy.layers, { ...asked, ...more } as Request).verdict;
  };
  return { policy, differences, ask };
}

describe('settings of sandbox-runtime', () => {
  it('decide as they do there', async () => {
    const { ask } = await imported(settings);
    const table: readonly [string, 'allow' | 'deny'][] = [
      ['read /etc/passwd', 'allow'],
      ['read ~/.ssh/id', 'deny'],
      ['read ~/other', 'deny'],
      ['read $project/src/x', 'allow'],
      ['read $project/sub/.env', 'deny'],
      ['write $project/src/x', 'allow'],
      ['write $project/build/x', 'deny'],
      ['write $project/config/production.json', 'deny'],
      ['write /srv/out/x', 'allow'],
      ['write /etc/passwd', 'deny'],
      ['write $project/sub/.bashrc', 'deny'],
      ['create $project/.git/hooks/pre-commit', 'deny'],
      ['write $project/.git/index', 'allow'],
      ['write /dev/null', 'allow'],
      ['exec /usr/bin/node', 'allow'],
      ['connect tcp:api.example.com:443', 'allow'],
      ['connect tcp:api.example.com:80', 'deny'],
      ['connect tcp:x.example.org:80', 'allow'],
      ['connect tcp:bad.example.org:80', 'deny'],
      ['connect tcp:x.example.org:22', 'deny'],
      ['connect tcp:localhost:22', 'deny'],
      ['connect tcp:localhost:8080', 'allow'],
      ['connect tcp:192.0.2.7:5432', 'allow'],
      ['connect tcp:192.0.2.7:5433', 'deny'],
      ['connect tcp:[2001:db8::1]:443', 'allow'],
      ['connect udp:x.example.org:53', 'deny'],
      ['listen tcp:8080', 'deny'],
      ['connect /run/my.sock', 'allow'],
      ['connect /run/docker.sock', 'deny'],
    ];
    for (const [question, expected] of table) assert.equal(ask(question), expected, question);
  });

  it('refuse a name that leads to a guarded or denied address', async () => {
    const { ask } = await imported(settings);
    for (const address of [
      '127.0.0.1',
      '169.254.169.254',
      '10.1.2.3',
      'fd00:ec2::254',
      '100.100.100.200',
      '0.0.0.0',
      '::1',
    ]) {
      assert.equal(ask('connect tcp:x.example.org:443', { address }), 'deny', address);
    }
    assert.equal(ask('connect tcp:x.example.org:443', { address: '203.0.113.1' }), 'allow');
    assert.equal(ask('connect tcp:localhost:8080', { address: '127.0.0.1' }), 'allow');
  });

  it('name every key without counterpart and every change', async () => {
    const { differences } = await imported(settings);
    const expected = [
      /'network.httpProxyPort' of line 8 has no counterpart/,
      /'credentials' of line 16 has no counterpart/,
      /'allowPty' of line 17/,
      /'filesystem.allowWrite' has the glob 'logs\/\*.log'/,
      /'allowUnixSockets' has no effect on Linux there/,
    ];
    for (const pattern of expected)
      assert.ok(
        differences.some((line) => pattern.test(line)),
        `${pattern}\n${differences.join('\n')}`,
      );
  });

  it('keep the reason of a denial', async () => {
    const { policy } = await imported(settings);
    const reasons = policy.layers.flatMap(({ rules }) =>
      rules.filter((rule) => rule.kind === 'net').map(({ because }) => because),
    );
    assert.ok(reasons.includes('push by https'));
  });

  it('stop when a denial cannot be taken over, at its place', async () => {
    const errors = await errorsOf(
      importSrt(
        's.json',
        '{\n "network": {"deniedDomains": ["0x7f.1", "ok.example"], "deniedResolvedAddresses": ["::ffff:10.0.0.0/104"]},\n "filesystem": {"denyRead": "x"}}',
      ),
    );
    assert.deepEqual(
      errors.map(({ at, message }) => `${at?.line} ${message.slice(0, 40)}`),
      [
        "2 The denial '0x7f.1' cannot be taken over",
        "2 The denial '::ffff:10.0.0.0/104' cannot ",
        "3 The key 'denyRead' is a list",
      ],
    );
  });

  it('without network and filesystem allow reading and nothing else', async () => {
    const { ask } = await imported('{}');
    assert.deepEqual(
      ['read /x', 'exec /x', 'write /x', 'connect tcp:1.2.3.4:80', 'connect /run/x', 'signal'].map(
        (question) => ask(question),
      ),
      ['allow', 'allow', 'deny', 'deny', 'deny', 'deny'],
    );
  });
});
