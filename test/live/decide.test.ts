/**
 * Functions that decide, on real processes: what they are asked, what their answers mean, that they can only refuse, and
 * that whatever goes wrong with them refuses in bounded time while other threads and runs go on.
 */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import {
  type AskAnswer,
  type DecideOptions,
  type DecideRequest,
  type DecideVerdict,
  definePolicy,
  type Result,
  spawn,
} from '../../packages/landward/src/index.ts';
import { compiled } from '../kit/compiled.ts';
import { events, pathOf, setting, shell } from '../kit/decide.ts';
import { needs } from '../kit/needs.ts';

const live = needs({ abi: 5, supervisor: true });
const withCompiler = needs({ abi: 5, supervisor: true, tools: ['cc'] });

function notes({ denials }: Result): readonly string[] {
  assert.ok(denials !== 'unknown');
  return denials.notes;
}

test(
  'a function in the starting process decides, with its closures, and is named by the denial [R-002-2, R-002-9]',
  live,
  async (t) => {
    const { dir, policy, file } = setting(t);
    let asked = 0;
    const result = await spawn('sh', ['-c', `cat ${file('one')}; cat ${file('two')}`], {
      reject: false,
      policy: definePolicy(policy).decide(
        function guard(request) {
          if (!pathOf(request).startsWith(dir)) return undefined;
          asked++;
          return pathOf(request) === file('two') ? 'deny' : 'allow';
        },
        { about: ['fs'] },
      ),
    });
    assert.equal(result.stdout, 'content of one\n');
    assert.match(result.stderr!, /two: Permission denied/);
    assert.equal(asked, 2);
    const [event] = events(result);
    assert.equal(event!.program, 'guard');
    assert.deepEqual(
      [event!.effect, event!.missing, event!.operation],
      ['denied', ['fs.read_file'], 'openat'],
    );
  },
);

test(
  'a function can refuse, and allow nothing that the rules deny; what they deny it never sees',
  live,
  async (t) => {
    const { policy, file } = setting(t);
    const closed = { ...policy, fs: { ...policy.fs, deny: [file('two')] } };
    const seen: string[] = [];
    const result = await shell(`cat ${file('two')}; echo x > /etc/landward-test; cat ${file('one')}`, {
      policy: closed,
      decide: (request: DecideRequest) => {
        seen.push(pathOf(request));
        return 'allow';
      },
    });
    assert.equal(result.stdout, 'content of one\n');
    assert.ok(!existsSync('/etc/landward-test'));
    assert.ok(seen.includes(file('one')));
    assert.ok(!seen.includes(file('two')) && !seen.includes('/etc/landward-test'), seen.join());
  },
);

test(
  'always no opinion is an observer: everything is seen, and nothing changes [R-002-38]',
  live,
  async (t) => {
    const { dir, policy, file } = setting(t);
    mkdirSync(file('sub'));
    const script = [
      `cat ${file('one')} > ${file('new')}`,
      `mkdir ${file('d')}`,
      `mv ${file('new')} ${file('d/moved')}`,
      `ln ${file('one')} ${file('link')}`,
      `chmod 600 ${file('one')}`,
      `rm ${file('link')}`,
      `rmdir ${file('sub')}`,
      'kill -0 $$',
    ].join(' && ');
    const seen = new Set<string>();
    const result = await shell(`${script} && echo done`, {
      policy,
      decide: (request: DecideRequest) => {
        const { category, rights } = request;
        if (category !== 'fs' || pathOf(request).startsWith(dir))
          seen.add(`${rights.join('+')} ${pathOf(request).slice(dir.length + 1)}`);
        return undefined;
      },
    });
    assert.equal(result.stdout, 'done\n', result.stderr ?? '');
    assert.deepEqual(events(result), []);
    for (const wanted of [
      'fs.read_file one',
      'fs.make_reg+fs.write_file new',
      'fs.make_dir d',
      'fs.refer new',
      'fs.refer one',
      'meta.write one',
      'fs.remove_file link',
      'fs.remove_dir sub',
      'scope.signal ',
    ])
      assert.ok(seen.has(wanted), `${wanted} is not among ${[...seen].join(', ')}`);
    assert.deepEqual(readdirSync(dir).sort(), ['d', 'one', 'two']);
  },
);

test('a request tells of the object itself, by its inode and times', live, async (t) => {
  const { policy, file } = setting(t);
  const since = Date.now();
  const seen = new Map<string, DecideRequest>();
  await shell(`cat ${file('one')}; mv ${file('one')} ${file('two')}`, {
    policy,
    decide: {
      about: ['fs'],
      decide: (request: DecideRequest) => {
        seen.set(`${request.rights[0]} ${pathOf(request)}`, request);
        return undefined;
      },
    },
  });
  const opened = seen.get(`fs.read_file ${file('one')}`)!;
  const moved = seen.get(`fs.refer ${file('one')}`)!;
  assert.equal(opened.file!.type, 'reg');
  assert.equal(opened.file!.size, 15n);
  assert.ok(opened.file!.modifiedMs <= since + 10 && opened.file!.modifiedMs > since - 60_000);
  assert.ok(opened.time >= since && opened.time <= Date.now());
  assert.equal(moved.file!.ino, opened.file!.ino);
  assert.notEqual(moved.replaces!.ino, opened.file!.ino);
});

test('throwing, rubbish and silence refuse, and are told', live, async (t) => {
  const { policy, file } = setting(t);
  const cases: readonly [DecideOptions, RegExp, RegExp | null][] = [
    [
      {
        decide: () => {
          throw new Error('broken guard');
        },
      },
      /threw/,
      /broken guard/,
    ],
    [{ decide: (() => 'maybe') as never }, /no such answer/, /"maybe"/],
    [{ decide: () => new Promise(() => {}), timeoutMs: 50 }, /no answer within 50 ms/, null],
    [{ decide: () => 'ask' }, /there is nobody/, null],
  ];
  for (const [options, by, note] of cases) {
    const { decide } = options;
    const guard: DecideOptions = {
      ...options,
      about: ['fs'],
      decide: (request) => (pathOf(request) === file('one') ? decide!(request) : undefined),
    };
    const result = await shell(`cat ${file('one')} ${file('two')}`, { policy, decide: guard });
    assert.equal(result.stdout, 'content of two\n', `${by}`);
    assert.match(events(result)[0]!.program!, by);
    if (note !== null) assert.match(notes(result).join(), note);
  }
});

test('a main thread that is busy is not waited for longer than the function may take', live, async (t) => {
  const { policy, file } = setting(t);
  const guard: DecideOptions = {
    about: ['fs'],
    timeoutMs: 100,
    decide(request) {
      // Nothing of this process runs meanwhile: only the deciding thread can see that the time is over.
      if (pathOf(request) === file('one')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
      return 'allow';
    },
  };
  const result = await shell(`cat ${file('one')}; until cat ${file('two')}; do :; done`, {
    policy,
    decide: guard,
  });
  assert.equal(result.stdout, 'content of two\n');
  assert.equal(events(result)[0]!.program, 'no answer in time');
});

test('while one call waits, others of the program are decided, and other runs', withCompiler, async (t) => {
  const { policy, file } = setting(t);
  const program = compiled(t, 'deciding', 'test/fixtures/deciding.c');
  let release: (verdict: DecideVerdict) => void = () => {};
  const guard: DecideOptions = {
    about: ['fs'],
    timeoutMs: 30_000,
    // The first file is allowed only after a whole run of another program, which starts when the second one is asked about.
    decide(request) {
      if (pathOf(request) === file('one')) return new Promise((resolve) => (release = resolve));
      if (pathOf(request) === file('two'))
        void shell('echo through', { policy, decide: { about: ['fs'], decide: () => undefined } }).then(
          ({ stdout }) => release(stdout === 'through\n' ? 'allow' : 'deny'),
        );
      return undefined;
    },
  };
  const result = await spawn(program, ['threads', file('one'), file('two')], { policy, decide: guard });
  assert.equal(result.stdout, `${file('one')} 0\n${file('two')} 0\n`);
});

test('network, UNIX sockets, signals, tracing and programs are decided too', live, async (t) => {
  const { dir, file } = setting(t);
  const tcp = await Promise.all(
    [0, 1].map(
      () =>
        new Promise<number>((resolve) => {
          const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1', () =>
            resolve((server.address() as { port: number }).port),
          );
          t.after(() => void server.close());
        }),
    ),
  );
  const unix = createServer((socket) => socket.end()).listen(file('socket'));
  t.after(() => void unix.close());
  const script = `
    const net = require('node:net'), { spawnSync } = require('node:child_process');
    const tried = (where) => new Promise((done) => {
      const socket = net.connect(where, () => { socket.destroy(); done('ok'); });
      socket.on('error', (error) => done(error.code));
    });
    (async () => {
      const told = [await tried({ port: ${tcp[0]}, host: '127.0.0.1' }), await tried({ port: ${tcp[1]}, host: '127.0.0.1' })];
      told.push(await tried({ path: ${JSON.stringify(file('socket'))} }));
      try { process.kill(process.pid, 'SIGUSR2'); told.push('ok'); } catch (error) { told.push(error.code); }
      told.push(spawnSync('/bin/true').error?.code ?? 'ok', spawnSync('/bin/ls').error?.code ?? 'ok');
      console.log(told.join(' '));
    })();`;
  const denied: string[] = [];
  const result = await spawn(process.execPath, ['-e', script], {
    reject: false,
    policy: {
      fs: { read: ['/'], exec: ['/'], write: [dir, '/dev/null'] },
      net: { connect: ['tcp:*'] },
      unix: { connect: [file('socket')] },
    },
    decide(request) {
      const { object, category, rights, signal } = request;
      const no =
        (object.kind === 'net' && object.port === tcp[1]) ||
        (object.kind === 'unix' && object.path === file('socket')) ||
        (category === 'process' && signal === 12) ||
        (rights.includes('fs.execute') && pathOf(request).endsWith('/true'));
      if (no) denied.push(rights.join('+'));
      return no ? 'deny' : undefined;
    },
  });
  assert.equal(result.stdout, 'ok EACCES EACCES EPERM EACCES ok\n', result.stderr ?? '');
  assert.deepEqual(
    [...new Set(denied)].sort(),
    ['fs.execute+fs.read_file', 'net.connect_tcp', 'scope.signal', 'unix.connect'].sort(),
  );
});

test('a call that is begun anew after an answer does nothing twice', withCompiler, async (t) => {
  const { dir, policy } = setting(t);
  const program = compiled(t, 'deciding', 'test/fixtures/deciding.c');
  const got = [0, 0, 0];
  const ports = await Promise.all(
    got.map(
      (_, index) =>
        new Promise<number>((resolve) => {
          const socket = createSocket('udp4', () => {
            got[index]!++;
          }).bind(0, '127.0.0.1', () => resolve(socket.address().port));
          t.after(() => void socket.close());
        }),
    ),
  );
  const about: string[] = [];
  const result = await spawn(program, ['messages', ...ports.map(String)], {
    policy: { ...policy, net: { connect: ['udp:*'] } },
    decide: async (request) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (request.object.kind === 'net') about.push(`${request.object.port}`);
      return undefined;
    },
  });
  // One call sends what is answered; each later message begins a call of its own.
  assert.equal(result.stdout, 'sendmmsg 1 \nsendmmsg 1 \nsendmmsg 1 \n');
  assert.deepEqual(about, ports.map(String));
  for (let turn = 0; turn < 100 && got.includes(0); turn++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(got, [1, 1, 1]);
  let unnamed = 0;
  const made = await spawn(program, ['unnamed', dir], {
    policy,
    decide: (request) => {
      if (request.rights.includes('fs.write_file')) unnamed++;
      return undefined;
    },
  });
  assert.equal(made.stdout, 'unnamed 1 \n');
  assert.equal(unnamed, 1);
});

test('more calls than may wait are refused, and nothing is left open [R-002-11]', withCompiler, async (t) => {
  const { policy, file } = setting(t);
  const program = compiled(t, 'deciding', 'test/fixtures/deciding.c');
  const before = readdirSync('/proc/self/fd').length;
  let asked = 0;
  const result = await spawn(program, ['flood', '600', file('one')], {
    policy,
    decide: {
      about: ['fs'],
      timeoutMs: 3000,
      decide: (request) => {
        if (pathOf(request) !== file('one')) return undefined;
        asked++;
        return new Promise(() => {});
      },
    },
  });
  assert.equal(result.stdout, '600 refused, 0 passed, of 600\n');
  assert.ok(asked >= 1 && asked < 600, `${asked}`);
  const by = new Set(events(result).map(({ program }) => program));
  // Under load some are begun when others have been refused for their time.
  for (const one of by)
    assert.ok(
      one === 'too many calls that wait for an answer' ||
        one?.includes('3000 ms') ||
        one === 'no answer in time',
      String(one),
    );
  assert.ok(readdirSync('/proc/self/fd').length <= before + 16);
  const after = await shell(`cat ${file('two')}`, { policy, decide: () => undefined });
  assert.equal(after.stdout, 'content of two\n');
});

test('a person is asked by the function, and signals end the waiting', withCompiler, async (t) => {
  const { policy, file } = setting(t);
  const program = compiled(t, 'deciding', 'test/fixtures/deciding.c');
  const ask = (request: DecideRequest): DecideVerdict =>
    pathOf(request) === file('one') ? 'ask' : undefined;
  for (const [answer, verdict] of [
    ['allow', 'open 0'],
    ['deny', 'open -1 EACCES'],
  ] as const) {
    const result = await spawn(program, ['interrupted', file('one')], {
      policy,
      decide: { about: ['fs'], decide: ask, onAsk: () => answer },
    });
    assert.match(result.stdout!, new RegExp(`^${verdict} ?$`, 'm'));
  }
  // A handler without SA_RESTART ends the call; with it the call is begun again, and goes on waiting, however often.
  for (const [mode, told, signals] of [
    ['interrupted', 'open -1 EINTR', 1],
    ['restarted', 'open 0', 4],
  ] as const) {
    let [functionAsked, personAsked] = [0, 0];
    let answer: (said: AskAnswer) => void = () => {};
    const running = spawn(program, [mode, file('one')], {
      policy,
      decide: {
        about: ['fs'],
        decide(request) {
          if (pathOf(request) !== file('one')) return undefined;
          functionAsked++;
          return 'ask';
        },
        onAsk: () => {
          personAsked++;
          running.kill('SIGUSR1');
          return new Promise((resolve) => {
            answer = resolve;
          });
        },
      },
    });
    let taken = 0;
    running.stdout!.on('data', (bytes: Buffer) => {
      if (!bytes.includes('signal')) return;
      if (++taken === signals) answer('allow');
      else running.kill('SIGUSR1');
    });
    const { stdout } = await running;
    assert.match(stdout!, new RegExp(`^${told} ?$`, 'm'));
    assert.deepEqual([functionAsked, personAsked, taken], [1, 1, signals]);
  }
});

test('a program that dies while a person is asked is withdrawn, and its run ends', live, async (t) => {
  const { policy, file } = setting(t);
  let withdrawn = false;
  const running = spawn('cat', [file('one')], {
    policy,
    reject: false,
    decide: {
      about: ['fs'],
      decide: (request) => (pathOf(request) === file('one') ? 'ask' : undefined),
      onAsk: (_, { signal }) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            withdrawn = true;
          });
          running.kill('SIGKILL');
        }),
    },
  });
  assert.equal((await running).signal, 'SIGKILL');
  assert.ok(withdrawn);
});
