/**
 * `landward watch --from audit` and `landward log --from audit --follow` beside a real attack: the kernel's audit is read
 * live, by several readers at once, and what it told is in the store afterwards.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { auditUnmet, whileReading } from '../kit/audit.ts';
import { runChild } from '../kit/child.ts';
import { root, unmet } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const reason = auditUnmet() ?? unmet({ tools: ['perl'] });
const options = reason === undefined ? {} : { skip: reason };
const entrance = join(root, 'test/kit/landward.ts');

/** Waits for a line of a stream that fits. */
function lineOf(child: ChildProcess, stream: 'stdout' | 'stderr', wanted: RegExp): Promise<string> {
  return new Promise((found, failed) => {
    let text = '';
    child[stream]!.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      const line = text.split('\n').find((each) => wanted.test(each));
      if (line !== undefined) found(line);
    });
    child.once('close', (code) => failed(new Error(`ended with ${code}: ${text}`)));
  });
}

test('a port scan is told while it happens, and is in the store afterwards', options, async (t) => {
  const place = temporaryDirectory(t, 'watch');
  const env = { ...process.env, XDG_STATE_HOME: join(place, 'state') };
  const programs = join(place, 'programs');
  mkdirSync(programs);
  const scanner = join(programs, 'scanner');
  copyFileSync(realpathSync('/usr/bin/perl'), scanner);
  chmodSync(scanner, 0o755);
  const policy = join(place, 'policy.toml');
  writeFileSync(
    policy,
    `extends = ["@base"]\n[fs]\nread = ["${programs}", "/usr"]\nexec = ["${programs}", "/usr"]\n[net]\nconnect = ["tcp:9999"]\n`,
  );
  const script =
    'use Socket; for (1..12) { socket(S, PF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in($_, inet_aton("127.0.0.1"))); }';
  let alarm = '';
  await whileReading(
    async () => {
      const watch = spawn(process.execPath, [entrance, 'watch', '--from', 'audit', '--json'], { env });
      const log = spawn(
        process.execPath,
        [entrance, 'log', '--from', 'audit', '--follow', '--json', '--program', scanner],
        { env },
      );
      const ended = [watch, log].map((child) => new Promise((done) => child.once('close', done)));
      try {
        const told = lineOf(watch, 'stdout', /"alarm":"port-scan".*scanner/);
        await lineOf(watch, 'stderr', /watching with \d+ alarms/);
        const seen = lineOf(log, 'stdout', /"port":12\b/);
        // The other reader has no line that says it is ready: the scan is repeated until it has seen it whole.
        let isSeen = false;
        void seen.then(() => {
          isSeen = true;
        });
        const run = [entrance, 'run', '--degrade', 'self', '-p', policy, '--', scanner, '-e', script];
        for (let tries = 0; tries < 20 && !isSeen; tries++) {
          assert.equal((await runChild(process.execPath, run, { cwd: place, env })).code, 0);
          await Promise.race([seen, new Promise((resume) => setTimeout(resume, 1500))]);
        }
        await seen;
        alarm = await told;
      } finally {
        for (const child of [watch, log]) child.kill('SIGINT');
      }
      assert.deepEqual(await Promise.all(ended), [0, 0]);
    },
    () => true,
  );
  const parsed = JSON.parse(alarm);
  assert.equal(parsed.severity, 'high');
  assert.equal(parsed.group.program, scanner);
  assert.equal(parsed.event.missing[0], 'net.connect_tcp');
  const kept = await runChild(
    process.execPath,
    [entrance, 'log', '--program', scanner, '--right', 'net.', '--json'],
    { env },
  );
  const ports = kept.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).object.port as number);
  assert.deepEqual(
    [...new Set(ports)].sort((a, b) => a - b),
    Array.from({ length: 12 }, (_, at) => at + 1),
  );
  assert.doesNotMatch(kept.stderr, /was never read in/);
});
