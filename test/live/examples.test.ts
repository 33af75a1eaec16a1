import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { runChild } from '../kit/child.ts';
import { missingPackage } from '../kit/debian.ts';
import { needs, root } from '../kit/needs.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const example = (name: string) => ['-C', 'landward-source', join(root, 'examples', name)];

/** Starts an example that listens, and returns its port. */
async function listening(t: Ending, name: string, ...args: string[]): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, [...example(name), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stderr!.on('data', (text) => {
    stderr += text;
  });
  t.after(async () => {
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGKILL');
    await ended;
  });
  for await (const text of child.stdout!) {
    stdout += text;
    const port = /listening on (\d+)/.exec(stdout)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`${name} did not listen: ${stdout}${stderr}`);
}

/** Says something to a server and returns all that it answers until it closes, or one answer. */
async function say(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString().trim();
}

/** A service that the attacks aim at. */
async function service(t: Ending): Promise<number> {
  const server = createServer((socket) => {
    // An attacker who has connected has what it wants, and may break the connection off.
    socket.on('error', () => {});
    socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nsecret');
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test(
  'tcp-server: serves, and neither a new socket nor the listener reaches out [R-000-10]',
  needs({ abi: 4 }),
  async (t) => {
    const target = await service(t);
    const port = await listening(t, 'tcp-server/server.ts');
    assert.equal(await say(port, 'hello'), 'you said hello');
    assert.equal(await say(port, `s ${target}`), 'socket: EACCES');
    assert.match(await say(port, `r ${target}`), /^(reset|connect): (EACCES|EPERM)$/);
  },
);

test('tcp-server: both attacks succeed without the restriction', async (t) => {
  const target = await service(t);
  const port = await listening(t, 'tcp-server/server.ts', '--open');
  assert.equal(await say(port, `s ${target}`), 'connected');
  // The listener does not block, so that its connection has begun when the call returns.
  assert.match(await say(port, `r ${target}`), /^connect(ed|: EINPROGRESS)$/);
});

const get = async (port: number, path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
const climb = '../../../../../../../../../../etc/hostname';

test('web-app: serves its pages, and the hole leads nowhere', needs({ abi: 4 }), async (t) => {
  const target = await service(t);
  const port = await listening(t, 'web-app/app.ts');
  assert.match(await get(port, '/'), /Hello/);
  assert.match(await get(port, '/file?name=index.html'), /Hello/);
  assert.equal(await get(port, `/file?name=${climb}`), 'EACCES\n');
  assert.equal(await get(port, `/fetch?url=http://127.0.0.1:${target}/`), 'EACCES\n');
});

test('web-app: the hole is real without the restriction', async (t) => {
  const target = await service(t);
  const port = await listening(t, 'web-app/app.ts', '--open');
  assert.equal(await get(port, `/file?name=${climb}`), readFileSync('/etc/hostname', 'utf8'));
  assert.equal(await get(port, `/fetch?url=http://127.0.0.1:${target}/`), 'secret');
});

const imagemagick = existsSync('/usr/bin/convert') ? undefined : missingPackage('imagemagick', 'identify');

test(
  'convert-image: converts one picture',
  imagemagick === undefined ? needs({ abi: 6 }) : { skip: imagemagick },
  async (t) => {
    const folder = temporaryDirectory(t, 'convert');
    mkdirSync(join(folder, 'out'));
    // A picture of two pixels in the plainest format there is.
    writeFileSync(
      join(folder, 'in.ppm'),
      Buffer.concat([Buffer.from('P6 2 1 255\n'), Buffer.from([255, 0, 0, 0, 0, 255])]),
    );
    const result = await runChild(
      process.execPath,
      [...example('convert-image/convert.ts'), join(folder, 'in.ppm'), join(folder, 'out/out.png')],
      {
        cwd: root,
        env: { ...process.env, PATH: `/usr/bin:${process.env.PATH}` },
      },
    );
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /enforced fully/);
    assert.equal(readFileSync(join(folder, 'out/out.png')).subarray(1, 4).toString(), 'PNG');
  },
);

/** What the host and the plugin of the guard's example see of each other. */
async function plugin(...args: string[]): Promise<string> {
  const words = ['run', '--landlock=user', '--', 'python3', join(root, 'examples/ptrace-guard/plugin.py')];
  const landward = join(root, 'test/kit/landward.ts');
  const { stdout, stderr } = await runChild(process.execPath, [landward, ...words, ...args]);
  assert.notEqual(stdout, '', stderr);
  return stdout;
}

test(
  'ptrace-guard: the plugin cannot look into its host, and the page shows the same files [R-002-35]',
  needs({ supervisor: true, tools: ['python3'] }),
  async (t) => {
    const guard = join(temporaryDirectory(t, 'guard'), 'guard.bpf.o');
    const made = await runChild(process.execPath, [...example('ptrace-guard/guard.ts'), guard]);
    assert.equal(made.code, 0, made.stderr);
    const [own, down] = [
      'the plugin into its child: can read the memory',
      'the host into its plugin: can read the memory',
    ];
    assert.equal(await plugin(), `the plugin into its host: can read the memory\n${own}\n${down}\n`);
    assert.equal(await plugin(guard), `the plugin into its host: Permission denied\n${own}\n${down}\n`);
    const page = readFileSync(join(root, 'docs/programs-inside.md'), 'utf8');
    assert.ok(page.includes(readFileSync(join(root, 'examples/ptrace-guard/plugin.py'), 'utf8').trim()));
  },
);

test('the demo: the theft succeeds, and gets nothing confined', needs({ abi: 4 }), async () => {
  const { code, stdout, stderr } = await runChild(process.execPath, ['tools/demo.ts'], {
    cwd: root,
    timeout: 180_000,
  });
  assert.equal(code, 0, stderr);
  const [before, after] = stdout.split('$ landward run');
  assert.match(before!, /The thief got: -----BEGIN OPENSSH PRIVATE KEY-----/);
  assert.match(
    after!,
    /^.*\n {4}exit status 0, installed: tidy-dates, pretty-colours; the install script ran\n {4}The thief got nothing\./,
    stdout,
  );
  assert.match(after!, /deny: read ~\/\.ssh\/id_ed25519 \(EACCES\)/);
});

test('the demo: shows the verdicts of the model where nothing can be enforced', async () => {
  const { code, stdout, stderr } = await runChild(process.execPath, ['tools/demo.ts', '--simulate'], {
    cwd: root,
  });
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, /The thief got/);
  assert.match(stdout, /deny: read ~\/\.ssh\/id_ed25519/);
  assert.match(stdout, /allow: connect tcp:\d+/);
});
