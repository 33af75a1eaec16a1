/**
 * Programs of `net`, `signal` and `ptrace` on real processes, and what is built of programs: a watcher that only counts, an
 * agent that hears of denials, and small front ends in the manner of others.
 */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { spawn } from '../../packages/landward/src/index.ts';
import { type FS_TRIGGERS, triggerBits } from '../../packages/landward/src/programs/index.ts';
import { fixtureProgram } from '../kit/fixture-program.ts';
import { needs } from '../kit/needs.ts';
import {
  count,
  inodeValue,
  OPEN_POLICY,
  objectOf,
  runPrograms,
  runsOfPrograms,
} from '../kit/policy-programs.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const LIVE = needs({ supervisor: true, abi: 1, tools: ['cc'] });
let built: string | undefined;
const calls = () => (built ??= fixtureProgram('file-calls', ['-static']));
const node = (script: string, ...args: readonly string[]) =>
  [process.execPath, '-e', script, ...args] as const satisfies readonly [string, ...string[]];

/** Counts by operation, and denies what does not go to 127.0.0.1 as an IPv4 address. */
const onlyLoopback = objectOf({
  net: `
    r6 = *(u64 *)(r1 + 0)
    r7 = *(u64 *)(r1 + 8)
    r8 = *(u64 *)(r1 + 16)
    r9 = *(u64 *)(r1 + 40)
    ${[0, 1, 2, 3].map((operation) => `if r6 == ${operation} goto op${operation}`).join('\n')}
    goto deny
    ${[0, 1, 2, 3].map((operation) => `op${operation}:${count(operation)}\ngoto judge`).join('\n')}
    judge:
    if r7 == 1 goto allow ; a UNIX socket
    if r7 != 2 goto deny
    if r8 == 6 goto address
    if r8 != 17 goto deny
    address:
    r1 = 2130706433 ll
    if r9 == r1 goto allow
    if r6 != 0 goto deny ; any address of this host is for binding only
    if r9 != 0 goto deny
    allow:
    r0 = 0
    exit
    deny:
    r0 = 1
    exit`,
});

const NETWORK = `
  const net = require('node:net'), dgram = require('node:dgram');
  const told = (name) => new Promise((done) => { globalThis.say = (word) => done(console.log(name + ' ' + word)); });
  const connect = async (name, port, host) => {
    const done = told(name);
    const socket = net.connect({ port, host }, () => { say('ok'); socket.destroy(); });
    socket.on('error', (error) => say(error.code));
    await done;
  };
  const send = async (name, type, port, host) => {
    const socket = dgram.createSocket(type);
    const done = told(name);
    socket.send('x', port, host, (error) => say(error ? error.code : 'ok'));
    await done;
    socket.close();
  };
  const listen = async (name, host) => {
    const server = net.createServer();
    const done = told(name);
    server.on('error', (error) => say(error.code));
    server.listen(0, host, () => say('ok'));
    await done;
    return server;
  };
  (async () => {
    const server = await listen('listen', '127.0.0.1');
    const { port } = server.address();
    await connect('connect', port, '127.0.0.1');
    await connect('mapped', port, '::ffff:127.0.0.1');
    await connect('other', port, '127.0.0.2');
    await connect('six', port, '::1');
    await send('send', 'udp4', port, '127.0.0.1');
    await send('send-other', 'udp4', port, '127.0.0.3');
    const other = await listen('listen-other', '127.0.0.2');
    server.close(); other.close();
  })();`;

test('programs decide on addresses as numbers, IPv4 in IPv6 included [R-002-22]', LIVE, async () => {
  const run = await runPrograms({
    programs: [{ name: 'loopback', object: onlyLoopback }],
    argv: node(NETWORK),
  });
  assert.equal(
    run.stdout,
    'listen ok\nconnect ok\nmapped ok\nother EPERM\nsix EPERM\nsend ok\nsend-other EPERM\nlisten-other EPERM\n',
    run.stderr,
  );
  const { 0: binds, 1: connects, 2: sends, 3: listens } = run.numbers.loopback!;
  assert.ok(binds! >= 2 && connects === 4 && sends === 2 && listens === 1, JSON.stringify(run.numbers));
  const denied = run.events.filter(({ program }) => program === 'loopback (net: on_net)');
  assert.ok(denied.some(({ object }) => object.kind === 'net' && object.address === '127.0.0.2'));
});

/** Denies a signal (or tracing) between tasks that are not under the same programs. */
const sameProgramsOnly = objectOf({
  signal: `
    r6 = *(u64 *)(r1 + 0)
    r2 = *(u64 *)(r1 + 16)
    r1 = *(u64 *)(r1 + 8)
    call 1002
    if r0 == 0 goto own
    r0 = 1
    exit
  own:
    if r6 == 10 goto deny ; SIGUSR1 to nobody
    r0 = 0
    exit
  deny:
    r0 = 1
    exit`,
});

test('programs decide on signals by relation and number, for one and for many', LIVE, async () => {
  const script = `
    const { spawn } = require('node:child_process');
    const outside = Number(process.argv[1]);
    const child = spawn('sleep', ['60'], { detached: true });
    const kill = (name, pid, signal) => {
      try { process.kill(pid, signal); console.log(name + ' ok'); } catch (error) { console.log(name + ' ' + error.code); }
    };
    child.on('spawn', () => {
      kill('outside', outside, 0);
      kill('usr1', child.pid, 'SIGUSR1');
      kill('group', -child.pid, 'SIGUSR1');
      kill('own', child.pid, 0);
      kill('own-group', -child.pid, 'SIGTERM');
    });
    child.on('exit', (code, signal) => console.log('ended ' + signal));`;
  const run = await runPrograms({
    programs: [{ name: 'signals', object: sameProgramsOnly }],
    argv: node(script, `${process.pid}`),
  });
  assert.equal(run.stdout, 'outside EPERM\nusr1 EPERM\ngroup EPERM\nown ok\nown-group ok\nended SIGTERM\n');
});

test('programs decide on tracing where the policy lets it through at all', LIVE, async () => {
  const none = { ptrace: 'r0 = 1\nexit' };
  const own = {
    ptrace:
      'r2 = *(u64 *)(r1 + 8)\nr1 = *(u64 *)(r1 + 0)\ncall 1000\nif r0 == 0 goto yes\nr0 = 1\nyes:\nexit',
  };
  const argv = [calls(), 'trace'] as const;
  const strict = { ...OPEN_POLICY, process: { signal: 'any' } };
  const [denied, allowed, filtered] = await runsOfPrograms([
    { programs: [{ name: 'none', object: objectOf(none) }], argv },
    { programs: [{ name: 'own', object: objectOf(own) }], argv },
    { policy: strict, programs: [{ name: 'own', object: objectOf(own) }], argv },
  ]);
  assert.deepEqual([denied!.stdout, allowed!.stdout], ['trace 1\n', 'trace 0\n']);
  assert.equal(denied!.events[0]?.program, 'none (ptrace: on_ptrace)');
  assert.equal(filtered!.stdout, 'trace 1\n', 'what the policy refuses is not for programs to allow');
  assert.deepEqual(filtered!.events, []);
});

function work(t: Ending): string {
  const home = temporaryDirectory(t, 'programs');
  mkdirSync(join(home, 'in'));
  for (const name of ['in/a', 'in/b', 'out']) writeFileSync(join(home, name), `${name}\n`);
  return home;
}

test(
  'three clients of the same hooks: a sandbox, a watcher, an agent [R-002-2, R-002-38]',
  LIVE,
  async (t) => {
    const home = work(t);
    const objects = { [join(home, 'out')]: 1 };
    // A watcher allows everything and counts: it is heard of through its map.
    const watch = objectOf({
      fs_pick: `r6 = r1\n${inodeValue('known')}\nif r0 == 0 goto no\n${count(1)}\nno:\nr0 = 0\nexit`,
    });
    const sandbox = objectOf({
      fs_pick: `r6 = r1\n${inodeValue('known')}\nif r0 == 0 goto no\nr0 = 1\nno:\nexit`,
    });
    const argv = [calls(), `read:${home}/out`, `read:${home}/in/a`] as const;
    const [watched, confined] = await runsOfPrograms([
      { programs: [{ name: 'watch', object: watch, inodes: { objects } }], argv },
      { programs: [{ name: 'sandbox', object: sandbox, inodes: { objects } }], argv },
    ]);
    assert.deepEqual([watched!.stdout, watched!.events], ['read 0\nread 0\n', []]);
    assert.equal(watched!.numbers.watch![1], 1);
    assert.equal(confined!.stdout, 'read 1\nread 0\n');
    // An agent acts on what it hears while the program runs: here it ends it.
    const heard: string[] = [];
    const running = spawn('/bin/sh', ['-c', 'cat "$1"; sleep 60', 'sh', join(home, 'out')], {
      policy: OPEN_POLICY as never,
      programs: [{ name: 'sandbox', object: sandbox, inodes: { objects } }],
      onDenial: ({ program }) => {
        heard.push(program ?? '');
        running.kill('SIGKILL');
      },
      reject: false,
    });
    const result = await running;
    assert.deepEqual([result.signal, heard], ['SIGKILL', ['sandbox (fs_pick: on_fs_pick)']]);
  },
);

test('front ends of other systems are small programs [R-002-4]', LIVE, async (t) => {
  const home = work(t);
  const words = [
    `read:${home}/in/a`,
    `write:${home}/in/a`,
    `open-dir:${home}/in`,
    'read-at:b',
    'read-at:../out',
  ];
  const spell = (name: string, ...bits: readonly (typeof FS_TRIGGERS)[number][]) => ({
    name,
    object: objectOf({
      fs_pick: `r1 = *(u64 *)(r1 + 16)\nr2 = ${triggerBits(...bits)} ll\nr1 &= r2\nr0 = 0\nif r1 == 0 goto ok\nr0 = 1\nok:\nexit`,
    }),
  });
  // As a promise of reading: nothing is changed. As capability mode: no lookup from the root, and none that climbs, once the
  // program runs (its own start is a lookup from the root).
  const pledge = spell('rpath', 'write', 'append', 'create', 'unlink', 'rename', 'setattr', 'link', 'rmdir');
  const capability = {
    name: 'capability',
    object: objectOf({
      fs_walk: `
        r6 = r1
        ${inodeValue('root')}
        if r0 == 2 goto deny
        r1 = *(u64 *)(r6 + 16)
        if r1 == 2 goto deny
        r0 = 0
        exit
      deny:
        r0 = 1
        exit`,
    }),
    inodes: { objects: { [join(home, 'in')]: 1, [home]: 2 } },
  };
  // As a rule of operations where the last match counts: deny all writing, then allow it for one file.
  const lastMatch = {
    name: 'last-match',
    object: objectOf({
      fs_pick: `
        r6 = r1
        r7 = *(u64 *)(r1 + 16)
        r7 &= ${triggerBits('write')}
        r0 = 0
        if r7 == 0 goto done
        ${inodeValue('known')}
        if r0 == 1 goto allowed
        r0 = 1
        exit
      allowed:
        r0 = 0
      done:
        exit`,
    }),
    inodes: { objects: { [join(home, 'in/a')]: 1 } },
  };
  const [promised, capable, matched] = await runsOfPrograms([
    { programs: [pledge], argv: [calls(), ...words] },
    // Begins in the directory that it has as a capability; `home` stands for every way from outside.
    {
      programs: [capability],
      argv: [calls(), 'read:a', 'read:../out', `read:${home}/in/a`],
      cwd: join(home, 'in'),
    },
    { programs: [lastMatch], argv: [calls(), ...words, `write:${home}/in/b`] },
  ]);
  assert.equal(promised!.stdout, 'read 0\nwrite 1\nopen-dir 0\nread-at 0\nread-at 0\n');
  assert.equal(capable!.stdout, 'read 0\nread 1\nread 1\n');
  assert.equal(matched!.stdout, 'read 0\nwrite 0\nopen-dir 0\nread-at 0\nread-at 0\nwrite 1\n');
});

test(
  'programs that spin take from one budget for each call, and deny; others go on [R-002-11]',
  LIVE,
  async (t) => {
    const home = work(t);
    const spin = (value: number) =>
      objectOf({
        fs_pick: `r6 = r1\n${inodeValue('known')}\nif r0 == 0 goto no\n${count(value)}\nagain:\ngoto again\nno:\nexit`,
      });
    const inodes = { objects: { [join(home, 'in/a')]: 1 } };
    const programs = ['one', 'two', 'three'].map((name, at) => ({ name, object: spin(at), inodes }));
    const run = await runPrograms({
      programs,
      argv: [calls(), `read:${home}/in/a`, `read:${home}/in/b`, `read:${home}/in/a`],
    });
    assert.equal(run.stdout, 'read 1\nread 0\nread 1\n');
    // Two have spent it; the third denies without being run.
    assert.deepEqual(programs.map(({ name }, at) => run.numbers[name]?.[at] ?? 0).toSorted(), [0, 2, 2]);
  },
);

test(
  'a program that guards tracing is asked about procfs as well, whatever the policy needs a supervisor for',
  LIVE,
  async (t) => {
    const policy = { fs: { read: ['/'], exec: ['/'] }, process: { ptrace: 'allow' }, env: { pass: ['*'] } };
    const place = join(temporaryDirectory(t, 'place'), 'place.py');
    // A place without rights of what another process has open is opened again from there.
    writeFileSync(
      place,
      'import os, sys\nfd = os.open(f"/proc/{os.getppid()}/fd/7", os.O_PATH)\nprint(open(f"/proc/self/fd/{fd}").read())\n',
    );
    const script = [
      'exec 7<<END',
      'secret',
      'END',
      'test -n "$(cat /proc/$$/environ | tr -d "\\0")" && echo environ',
      'test -n "$(readlink /proc/$$/exe)" && echo exe',
      `python3 ${place}`,
      'true',
    ].join('\n');
    const told = async (verdict: number) => {
      const object = objectOf({ ptrace: `r0 = ${verdict}\nexit` });
      const { stdout } = await runPrograms({
        policy,
        programs: [{ name: 'guard', object }],
        argv: ['sh', '-c', script],
      });
      return stdout.split(/\s+/).filter((word) => word !== '');
    };
    assert.deepEqual(await told(0), ['environ', 'exe', 'secret']);
    assert.deepEqual(await told(1), []);
  },
);
