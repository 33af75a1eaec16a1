/**
 * Rules that say `ask`, where somebody answers: nothing that they are about happens unasked, a no is a denial with the rule's
 * line, a yes counts for the call that asked, and no yes overrules anybody else's no.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  type AskAnswer,
  compile,
  type DecideRequest,
  LandwardError,
  type PolicyDefinition,
  type Result,
  spawn,
} from '../../packages/landward/src/index.ts';
import { needs } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const live = needs({ abi: 5, supervisor: true });

function setting(t: TestContext) {
  const dir = temporaryDirectory(t, 'ask');
  for (const name of ['key', 'other']) writeFileSync(join(dir, name), `content of ${name}\n`);
  const system = ['/usr', '/bin', '/lib', '/lib64', '/etc', '/dev/null'].filter((path) => existsSync(path));
  const policy: PolicyDefinition = {
    fs: {
      read: [...system, join(dir, 'other')],
      exec: ['/usr', '/bin', '/lib', '/lib64'].filter(existsSync),
      write: ['/dev/null'],
      ask: [join(dir, 'key')],
    },
  };
  return { dir, policy, file: (name: string) => join(dir, name) };
}

const pathOf = ({ object }: DecideRequest) => (object.kind === 'path' ? object.path : '');

/** Runs a script; `answer` is asked for each request. */
async function asked(
  policy: PolicyDefinition | readonly (PolicyDefinition | object)[],
  script: string,
  answer: (request: DecideRequest) => AskAnswer,
): Promise<{ readonly result: Result; readonly requests: readonly string[] }> {
  const requests: string[] = [];
  const result = await spawn('sh', ['-c', script], {
    policy: policy as never,
    reject: false,
    decide: {
      onAsk: (request) => {
        requests.push(`${request.rights.join('+')} ${pathOf(request).split('/').at(-1)}`);
        return answer(request);
      },
    },
  });
  return { result, requests };
}

test('a person is asked before anything is done with what a rule leaves to them', live, async (t) => {
  const { dir, policy, file } = setting(t);
  const script = `cat ${file('other')} ${file('key')}; echo more >> ${file('key')}; mv ${file('key')} ${file('gone')}; rm -f ${file('key')}; chmod 755 ${file('key')}; ${file('key')}`;
  const no = await asked(policy, script, () => 'deny');
  assert.equal(no.result.stdout, 'content of other\n');
  assert.equal(readFileSync(file('key'), 'utf8'), 'content of key\n');
  for (const wanted of ['fs.read_file key', 'fs.write_file key', 'fs.execute+fs.read_file key'])
    assert.ok(no.requests.includes(wanted), `${wanted}: ${no.requests.join(', ')}`);
  assert.ok(no.result.denials !== 'unknown');
  const event = no.result.denials.events.find(({ missing }) => missing.includes('fs.read_file'))!;
  assert.equal(event.blame?.verdict, 'ask');
  assert.equal(event.program, 'who was asked');
  writeFileSync(file('key'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
  const yes = await asked(
    policy,
    `cat ${file('key')} | tail -n1; ${file('key')}; echo new > ${file('key')}; cat ${file('key')}; ls ${dir}`,
    () => 'allow',
  );
  assert.equal(yes.result.stdout, 'echo ran\nran\nnew\n', yes.result.stderr ?? '');
  assert.deepEqual(
    yes.result.denials !== 'unknown' &&
      yes.result.denials.events.filter(({ program }) => program !== undefined),
    [],
  );
});

test('a yes overrules nobody: other layers, functions, and what no rule grants', live, async (t) => {
  const { policy, file } = setting(t);
  const limit = {
    name: 'limit',
    value: { layer: 'limit', fs: { read: ['/'], exec: ['/'], write: ['/dev/null'], deny: [file('key')] } },
  };
  const limited = await asked([policy, limit], `cat ${file('key')}; cat ${file('other')}`, () => 'allow');
  assert.equal(limited.result.stdout, 'content of other\n');
  assert.deepEqual(limited.requests, []);
  let persons = 0;
  const decided = await spawn('cat', [file('key')], {
    policy,
    reject: false,
    decide: {
      decide: (request) => (pathOf(request) === file('key') ? 'deny' : undefined),
      onAsk: () => {
        persons++;
        return 'allow';
      },
    },
  });
  assert.equal(decided.stdout, '');
  assert.equal(persons, 0);
  writeFileSync(file('third'), 'third\n');
  const nothing = await asked(policy, `cat ${file('third')}`, () => 'allow');
  assert.equal(nothing.result.stdout, '');
  assert.deepEqual(nothing.requests, []);
});

test('an address that a rule leaves to a person is asked about', live, async (t) => {
  const { policy } = setting(t);
  const server = createServer((socket) => socket.end('hello\n'));
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  t.after(() => void server.close());
  const script = `
    const socket = require('node:net').connect(${port}, '127.0.0.1');
    socket.on('data', (text) => process.stdout.write(String(text))).on('error', ({ code }) => console.log(code));`;
  for (const [answer, told] of [
    ['allow', 'hello\n'],
    ['deny', 'EACCES\n'],
  ] as const) {
    const result = await spawn(process.execPath, ['-e', script], {
      policy: { ...policy, fs: { ...policy.fs, read: ['/'], exec: ['/'] }, net: { ask: [`tcp:${port}`] } },
      reject: false,
      decide: { onAsk: () => answer },
    });
    assert.equal(result.stdout, told, result.stderr ?? '');
  }
});

test(
  'UNIX sockets and globs that a rule leaves to a person are asked about, each by itself',
  live,
  async (t) => {
    const { dir, policy, file } = setting(t);
    const open = { ...policy.fs, read: ['/'], exec: ['/'], write: [dir, '/dev/null'] };
    const server = createServer((socket) => socket.end('hello\n'));
    await new Promise<void>((resolve) => server.listen(file('socket'), resolve));
    t.after(() => void server.close());
    const connect = `
    require('node:net').connect(${JSON.stringify(file('socket'))})
      .on('data', (text) => process.stdout.write(String(text))).on('error', ({ code }) => console.log(code));`;
    for (const [answer, told] of [
      ['allow', 'hello\n'],
      ['deny', 'EACCES\n'],
    ] as const) {
      const requests: string[] = [];
      const result = await spawn(process.execPath, ['-e', connect], {
        policy: { ...policy, fs: { ...open, ask: [] }, unix: { ask: [file('socket')] } },
        reject: false,
        decide: {
          onAsk: ({ rights, object }) => {
            requests.push(`${rights.join('+')} ${object.kind === 'unix' ? object.path : ''}`);
            return answer;
          },
        },
      });
      assert.equal(result.stdout, told, result.stderr ?? '');
      assert.deepEqual(requests, [`unix.connect ${file('socket')}`]);
    }
    for (const name of ['a.pem', 'b.pem', 'c.txt']) writeFileSync(file(name), `${name}\n`);
    const globs = await asked(
      { ...policy, fs: { ...open, ask: [`${dir}/*.pem`] } },
      `cat ${file('a.pem')} ${file('b.pem')} ${file('c.txt')}; mv ${file('a.pem')} ${file('a.txt')}; cat ${file('a.txt')}`,
      (request) => (pathOf(request) === file('b.pem') ? 'always' : 'deny'),
    );
    assert.equal(globs.result.stdout, 'b.pem\nc.txt\n', globs.result.stderr ?? '');
    assert.deepEqual(globs.requests.slice(0, 2), ['fs.read_file a.pem', 'fs.read_file b.pem']);
    assert.ok(existsSync(file('a.pem')));
  },
);

test('where nobody answers, a rule that asks is a gap, and accepted it denies', live, async (t) => {
  const { policy, file } = setting(t);
  const isGap = (error: unknown) => error instanceof LandwardError && /fs\.ask/.test(error.message);
  await assert.rejects(compile(policy), isGap);
  const plan = await compile(policy, { answers: true });
  assert.equal(plan.supervisor?.answers, true);
  await assert.rejects(
    Promise.resolve(spawn('true', [], { plan })),
    (error: unknown) => error instanceof LandwardError && /no way to ask/.test(error.message),
  );
  const accepted = await spawn('cat', [file('key')], {
    policy: { ...policy, require: { degrade: ['fs.ask'] } },
    reject: false,
  });
  assert.equal(accepted.stdout, '');
  // A way to a person that no rule needs changes nothing.
  const plain = await spawn('true', [], {
    policy: { fs: { read: ['/'], exec: ['/'] } },
    decide: { onAsk: () => 'allow' },
  });
  assert.equal(plain.exitCode, 0);
});
