import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { ControlServer } from '../../packages/landward/src/launch/control/server.ts';
import { type ChildResult, runChild } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const CLIENT = join(root, 'test/kit/control-client.ts');
const LANDWARD = join(root, 'test/kit/landward.ts');
const RUN = '8000000000001000';
const supervisor = needs({ supervisor: true });

interface Served {
  readonly directory: string;
  /** Where the socket is, without its ending. */
  readonly stem: string;
  readonly path: string;
  /** Who was heard. */
  readonly heard: string[];
}

/** A control socket of this process that tells who was heard. */
function serve(t: TestContext): Served {
  const directory = temporaryDirectory(t, 'control');
  const stem = join(directory, 'one');
  const path = `${stem}.control`;
  const heard: string[] = [];
  const server = new ControlServer(path, RUN, async ({ op }, editor) => {
    heard.push(editor);
    return op;
  });
  t.after(() => server[Symbol.dispose]());
  return { directory, stem, path, heard };
}

function answerOf({ stdout, stderr }: ChildResult): Record<string, unknown> {
  const line = stdout.split('\n').find((text) => text.startsWith('{'));
  assert.ok(line !== undefined, `no answer: ${stdout}${stderr}`);
  return JSON.parse(line) as Record<string, unknown>;
}

const client = (...words: string[]) => runChild(process.execPath, [CLIENT, ...words]);

type Confined = 'kernel' | 'supervised' | 'connects';

/** The same words in a sandbox that lets them read everything and connect to the socket: whoever hears them must notice. */
async function sandboxed(served: Served, confined: Confined, words: readonly string[]): Promise<ChildResult> {
  const command = sandbox(served, confined);
  return runChild(command[0]!, [...command.slice(1), ...words], { env: stateIn(served) });
}

const stateIn = ({ directory }: Served) => ({ ...process.env, XDG_STATE_HOME: join(directory, 'state') });

function sandbox({ directory }: Served, confined: Confined): readonly string[] {
  const file = join(directory, `${confined}.toml`);
  const more = {
    kernel: '[unix]\nconnect = ["/"]',
    // A denial below a grant needs the supervisor.
    supervised: `deny = ["${directory}/denied"]\n[unix]\nconnect = ["/"]`,
    // So does a choice of sockets: connections are made by the supervisor then.
    connects: `[unix]\nconnect = ["${directory}"]`,
  };
  const text = `[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null"]\n${more[confined]}\n[env]\npass = ["*"]\n`;
  writeFileSync(file, text);
  return [process.execPath, LANDWARD, 'run', '-p', file, '--', process.execPath, CLIENT];
}

/** How many supervised runs there were. */
function runsIn({ directory }: Served): number {
  const runs = join(directory, 'state/landward/runs');
  return existsSync(runs) ? readdirSync(runs).filter((name) => name.endsWith('.run')).length : 0;
}

function assertUnheard({ heard }: Served, answer: Record<string, unknown>, reason: RegExp): void {
  assert.deepEqual(heard, []);
  assert.notEqual(answer.ok, true);
  assert.match(JSON.stringify(answer), reason);
}

test('the owner is heard, and named by user, process and program', async (t) => {
  const served = serve(t);
  assert.equal(statSync(served.path).mode & 0o777, 0o600);
  let pid = 0;
  const asked = await runChild(process.execPath, [CLIENT, 'ask', served.stem, RUN], {
    started: (child) => {
      pid = child.pid!;
    },
  });
  assert.deepEqual(answerOf(asked), { ok: true, value: 'list' });
  assert.equal(served.heard.length, 1);
  assert.match(served.heard[0]!, new RegExp(`^uid ${process.getuid!()} pid ${pid} \\(`));
});

test('a socket is gone with its server, and a new one takes its place', (t) => {
  // Longer than the path of a socket may be.
  const directory = join(temporaryDirectory(t, 'control'), 'd'.repeat(120));
  mkdirSync(directory);
  const path = join(directory, 'one.control');
  for (let round = 0; round < 2; round++) {
    const server = new ControlServer(path, RUN, async () => null);
    assert.ok(existsSync(path));
    server[Symbol.dispose]();
    assert.ok(!existsSync(path));
  }
});

test('without the secret of the supervising process nobody is heard', async (t) => {
  const served = serve(t);
  const answer = answerOf(await client('wrong-proof', served.stem));
  assertUnheard(served, answer, /may not look into the process/);
  assert.deepEqual(answerOf(await client('by-hand', served.path)), { ok: true, value: 'list' });
});

test('another user is not heard, even where the socket is open to all', needs({ root: true }), async (t) => {
  const served = serve(t);
  chmodSync(served.directory, 0o755);
  chmodSync(served.path, 0o666);
  const user = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
  const asked = await runChild('setpriv', [...user, process.execPath, CLIENT, 'by-hand', served.path]);
  assertUnheard(served, answerOf(asked), /user 65534/);
});

test('a supervised program is not heard, whatever way it takes', supervisor, async (t) => {
  const served = serve(t);
  const link = join(served.directory, 'link');
  const hard = join(served.directory, 'hard');
  symlinkSync(served.path, link);
  linkSync(served.path, hard);
  const asked = ['ask', served.stem, RUN];
  const ways = [served.path, link, hard, `/proc/${process.pid}/root${served.path}`];
  const attempts = [asked, ...ways.map((path) => ['by-hand', path])];
  const reason = /in a sandbox|supervises programs itself|EACCES/;
  for (const confined of ['supervised', 'connects'] as const)
    for (const words of attempts)
      assertUnheard(served, answerOf(await sandboxed(served, confined, words)), reason);
  assert.equal(runsIn(served), 2 * attempts.length);
  // The control: only the sandbox makes the difference.
  for (const path of [served.path, link, hard])
    assert.deepEqual(answerOf(await client('by-hand', path)), { ok: true, value: 'list' });
});

test('a program that the kernel alone confines is not heard', needs({ abi: 1 }), async (t) => {
  const served = serve(t);
  const answer = answerOf(await sandboxed(served, 'kernel', ['by-hand', served.path]));
  assertUnheard(served, answer, /it is confined/);
  assert.equal(runsIn(served), 0);
});

test(
  'a connection and its secret that are handed to a sandboxed program are worth nothing there',
  supervisor,
  async (t) => {
    const served = serve(t);
    for (const confined of ['kernel', 'supervised', 'connects'] as const)
      assertUnheard(
        served,
        await handedOn(served, sandbox(served, confined)),
        confined === 'kernel' ? /it is confined/ : /in a sandbox/,
      );
    assert.deepEqual(await handedOn(served, [process.execPath, CLIENT]), { ok: true, value: 'list' });
  },
);

/** A helper outside connects, reads the secret, and starts a program with both. */
async function handedOn(served: Served, command: readonly string[]): Promise<Record<string, unknown>> {
  const helper = `
    import { spawnSync } from 'node:child_process';
    import { readlinkSync } from 'node:fs';
    import { connect } from 'node:net';
    const socket = connect(${JSON.stringify(served.path)});
    socket.once('data', (data) => {
      const { pid, fd } = JSON.parse(String(data));
      const proof = readlinkSync('/proc/' + pid + '/fd/' + fd).replace(/^.memfd:landward:([0-9a-f]+) .*/, '$1');
      socket.pause();
      const words = ${JSON.stringify([...command, 'inherited'])};
      spawnSync(words[0], [...words.slice(1), proof], { stdio: [socket._handle.fd, 1, 2] });
      process.exit(0);
    });`;
  const result = await runChild(process.execPath, ['--input-type=module', '-e', helper], {
    env: stateIn(served),
  });
  return answerOf(result);
}

test('requests without end, with descriptors or without sense are refused, and others still heard', async (t) => {
  const served = serve(t);
  const script = (what: string) => `
    import { connect } from 'node:net';
    const socket = connect(${JSON.stringify(served.path)});
    socket.on('error', () => {});
    let text = '';
    socket.on('data', (piece) => (text += piece));
    socket.on('close', () => (console.log(text.split('\\n').find((line) => line.includes('"ok"')) ?? '{"closed":true}'), process.exit(0)));
    socket.once('data', () => socket.write(${what}));`;
  const ask = async (what: string) =>
    answerOf(await runChild(process.execPath, ['--input-type=module', '-e', script(what)]));
  assertUnheard(served, await ask(`'x'.repeat(3 << 20)`), /bytes|closed/);
  assertUnheard(served, await ask(`'{"version":2}\\n'`), /not understood/);
  assertUnheard(served, await ask(`'null\\n'`), /not understood/);
  const silent: Socket[] = Array.from({ length: 40 }, () => connect(served.path).on('error', () => {}));
  await new Promise<void>((done) => silent[20]!.once('close', () => done()));
  for (const one of silent) one.destroy();
  assert.deepEqual(answerOf(await client('by-hand', served.path)), { ok: true, value: 'list' });
});
