/** Layers that change while programs run: what a commit does to real processes, and what it does not reach. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { LandwardError, openSandbox } from '../../packages/landward/src/index.ts';
import { runChild } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';
import { basePolicy, LIMIT_SYSTEM, Talk } from '../kit/sandbox-talk.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const here = needs({ abi: 3, supervisor: true, tools: ['python3'] });

/** A tree with directories that have a file `f` each. */
function tree(t: Ending, ...names: readonly string[]): string {
  const root = temporaryDirectory(t, 'layers');
  for (const name of names) {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, 'f'), `${name}\n`);
  }
  return root;
}
const read = (path: string) => `open(${JSON.stringify(path)}).read()`;
const isRefused = (name: string) => (error: unknown) => error instanceof LandwardError && error.part === name;

test(
  'a commit counts for programs that run, and a draft for nobody [R-001-11, R-001-23]',
  here,
  async (t) => {
    const root = tree(t, 'a', 'b');
    using sandbox = openSandbox(basePolicy(root));
    using layer = await sandbox.addLayer(
      { fs: { ...LIMIT_SYSTEM, read: [...LIMIT_SYSTEM.read, `${root}/a`] } },
      { mutable: 'any' },
    );
    await using talk = new Talk(sandbox);
    const both = () => talk.all(read(`${root}/a/f`), read(`${root}/b/f`));
    assert.deepEqual(await both(), ['a\n', 'EACCES']);
    await layer.modify({
      replace: { rule: { fs: { read: [`${root}/a`] } }, by: { fs: { read: [`${root}/b`] } } },
    });
    assert.deepEqual(await both(), ['a\n', 'EACCES']);
    assert.deepEqual(await layer.commit(), { version: 1, widened: true });
    assert.deepEqual(await both(), ['EACCES', 'b\n']);
    await layer.modify({ remove: { fs: { read: [`${root}/b`] } } });
    assert.deepEqual(await layer.commit(), { version: 2, widened: false });
    assert.deepEqual(await both(), ['EACCES', 'EACCES']);
    // Whoever starts later is bound by the layers as they are then.
    await using late = new Talk(sandbox);
    assert.equal(await late.ask(read(`${root}/b/f`)), 'EACCES');
  },
);

test('no layer gives more than those below it [R-001-17]', here, async (t) => {
  const root = tree(t, 'a', 'outside');
  using sandbox = openSandbox(basePolicy(`${root}/a`));
  using layer = await sandbox.addLayer({ fs: { ...LIMIT_SYSTEM } }, { mutable: 'any' });
  await using talk = new Talk(sandbox);
  await layer.modify({ add: { fs: { read: ['/'], modify: ['/'] } } });
  await layer.commit();
  assert.deepEqual(await talk.all(read(`${root}/a/f`), read(`${root}/outside/f`)), ['a\n', 'EACCES']);
});

test(
  'a stricter layer refuses to give more, and children of before are bound too [R-001-6, R-001-14]',
  here,
  async (t) => {
    const root = tree(t, 'a', 'b');
    const limit = { fs: { ...LIMIT_SYSTEM, read: [...LIMIT_SYSTEM.read, `${root}/a`] } };
    using sandbox = openSandbox(basePolicy(root));
    using other = openSandbox(basePolicy(root));
    using layer = await sandbox.addLayer(limit, { mutable: 'stricter' });
    await other.addLayer(limit, { mutable: 'stricter' });
    await using talk = new Talk(sandbox);
    await using apart = new Talk(other);
    // A child that was there before, and answers through a pipe.
    const fork =
      'r, w = os.pipe(); s, v = os.pipe(); child = os.fork(); ' +
      `child or (os.read(s, 1), os.write(w, str(tried(lambda: ${read(`${root}/a/f`)})).encode()), os._exit(0))`;
    await talk.ask(fork.replaceAll('; ', '\n').split('\n').join('; '));
    await assert.rejects(layer.modify({ add: { fs: { read: [`${root}/b`] } } }), isRefused('EPERM'));
    await assert.rejects(
      layer.modify({ replace: { rule: { fs: { read: [`${root}/a`] } }, by: { fs: { read: [root] } } } }),
      isRefused('EPERM'),
    );
    await layer.modify({ remove: { fs: { read: [`${root}/a`] } } });
    assert.deepEqual(await layer.commit(), { version: 1, widened: false });
    await talk.ask("os.write(v, b'x')");
    assert.equal(await talk.ask('os.read(r, 99).decode()'), 'EACCES');
    assert.equal(await talk.ask(read(`${root}/a/f`)), 'EACCES');
    assert.equal(await apart.ask(read(`${root}/a/f`)), 'a\n');
    // What was given up does not come back.
    await assert.rejects(layer.modify({ add: { fs: { read: [`${root}/a`] } } }), isRefused('EPERM'));
  },
);

test(
  'what is open stays readable, and is asked about before it is cut [R-001-26, R-001-27]',
  here,
  async (t) => {
    const root = tree(t, 'a');
    using sandbox = openSandbox(basePolicy(root));
    const all = { fs: { ...LIMIT_SYSTEM, read: [...LIMIT_SYSTEM.read, root], modify: [root] } };
    using layer = await sandbox.addLayer(all, { mutable: 'any' });
    await using talk = new Talk(sandbox);
    const file = JSON.stringify(`${root}/a/f`);
    writeFileSync(`${root}/a/f`, 'x'.repeat(8192));
    writeFileSync(`${root}/a/gone`, 'x'.repeat(8192));
    await talk.ask(`fd = os.open(${file}, os.O_RDWR)`);
    await talk.ask(`cut = os.open(${file}, os.O_RDWR | os.O_TRUNC)`);
    writeFileSync(`${root}/a/f`, 'x'.repeat(8192));
    await talk.ask(`gone = os.open(${JSON.stringify(`${root}/a/gone`)}, os.O_RDWR)`);
    await talk.ask(`os.unlink(${JSON.stringify(`${root}/a/gone`)})`);
    await talk.ask('memory = mmap.mmap(fd, 8192)');
    const use = () =>
      talk.all(
        'os.ftruncate(fd, 8191)',
        'os.ftruncate(cut, 8190)',
        'os.ftruncate(gone, 8191)',
        'os.pread(fd, 1, 0).decode()',
        'memory[0]',
        "os.pwrite(fd, b'y', 4)",
      );
    assert.deepEqual(await use(), [null, null, null, 'x', 120, 1]);
    await layer.modify({ remove: { fs: { modify: [root] } } });
    await layer.commit();
    // Reading, writing and mapped memory were given at the opening; cutting is asked about at each use.
    assert.deepEqual(await use(), ['EACCES', 'EACCES', 'EACCES', 'x', 120, 1]);
    await layer.modify({ add: { fs: { modify: [`${root}/a`] } } });
    await layer.commit();
    assert.deepEqual((await use()).slice(0, 3), [null, null, null]);
  },
);

test('an open that waits keeps the decision that it began with [R-001-27]', here, async (t) => {
  const root = tree(t, 'a');
  using sandbox = openSandbox(basePolicy(root));
  const all = { fs: { ...LIMIT_SYSTEM, read: [...LIMIT_SYSTEM.read, root], modify: [root] } };
  using layer = await sandbox.addLayer(all, { mutable: 'any' });
  await using talk = new Talk(sandbox);
  await using other = new Talk(sandbox);
  const fifo = JSON.stringify(`${root}/a/fifo`);
  assert.equal(spawnSync('mkfifo', [`${root}/a/fifo`]).status, 0);
  // A second thread waits for a reader, and tells when it is about to.
  await talk.ask('r, w = os.pipe()');
  await talk.ask(
    `waits = threading.Thread(target=lambda: os.write(w, str(tried(lambda: os.write(os.open(${fifo}, os.O_WRONLY), b"x"))).encode()))`,
  );
  await talk.ask('waits.start()');
  await talk.ask(
    `while open('/proc/self/task/%d/syscall' % waits.native_id).read() == 'running': time.sleep(0.01)`,
  );
  await layer.modify({ remove: { fs: { modify: [root] } } });
  await layer.commit();
  assert.equal(await talk.ask(`os.open(${fifo}, os.O_WRONLY | os.O_NONBLOCK)`), 'EACCES');
  await other.ask(`fd = os.open(${fifo}, os.O_RDONLY)`);
  assert.equal(await talk.ask('os.read(r, 99).decode()'), '1');
});

test('system calls are a layer like any other [R-001-13]', here, async (t) => {
  const root = tree(t, 'a');
  using sandbox = openSandbox({ ...basePolicy(root), process: { syscalls: ['chroot'] } });
  using layer = await sandbox.addLayer(
    { process: { signal: 'any', syscalls: ['mkdir', 'chroot', 'getppid'] } },
    { mutable: 'any' },
  );
  await using talk = new Talk(sandbox);
  const use = (name: string) =>
    talk.all(
      `os.mkdir(${JSON.stringify(join(root, name))})`,
      'os.getppid() > 0',
      "os.chroot('/')",
      'os.getpid() > 0',
    );
  assert.deepEqual((await use('one')).slice(0, 1), ['EPERM']);
  await layer.modify({ allowCalls: ['mkdir', 'chroot', 'getppid'] });
  assert.deepEqual((await use('one')).slice(0, 1), ['EPERM']);
  assert.deepEqual(await layer.commit(), { version: 1, widened: true });
  // What a layer that never changes refuses stays refused.
  assert.deepEqual(await use('one'), [null, true, 'EPERM', true]);
  await layer.modify({ refuseCalls: ['mkdir'] });
  assert.deepEqual(await layer.commit(), { version: 2, widened: false });
  assert.deepEqual((await use('two')).slice(0, 1), ['EPERM']);
  await assert.rejects(layer.modify({ allowCalls: ['reboot'] }), isRefused('EINVAL'));
});

test('connections follow a commit', here, async (t) => {
  const server = createServer((socket) => socket.end('hello'));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => new Promise<void>((closed) => void server.close(() => closed())));
  const { port } = server.address() as { readonly port: number };
  using sandbox = openSandbox({ ...basePolicy(), net: { connect: ['tcp:*'] } });
  using layer = await sandbox.addLayer({ net: {} }, { mutable: 'any' });
  await using talk = new Talk(sandbox);
  const connect = `socket.create_connection(('127.0.0.1', ${port})).recv(9).decode()`;
  assert.equal(await talk.ask(connect), 'EACCES');
  await layer.modify({ add: { net: { connect: [`tcp:127.0.0.1:${port}`] } } });
  await layer.commit();
  assert.equal(await talk.ask(connect), 'hello');
  await layer.modify({ add: { net: { deny: ['tcp:127.0.0.0/8'] } } });
  await layer.commit();
  // The more exact rule wins inside a layer, as everywhere.
  assert.equal(await talk.ask(connect), 'hello');
  await layer.modify({ remove: { net: { connect: [`tcp:127.0.0.1:${port}`] } } });
  await layer.commit();
  assert.equal(await talk.ask(connect), 'EACCES');
});

test('host names of a changed layer are known', here, async () => {
  using sandbox = openSandbox({ ...basePolicy(), net: { connect: ['tcp:*'] } });
  using layer = await sandbox.addLayer({ net: {} }, { mutable: 'any' });
  await using talk = new Talk(sandbox);
  const connect = "socket.create_connection(('127.0.0.1', 9))";
  assert.equal(await talk.ask(connect), 'EACCES');
  await layer.modify({ add: { net: { connect: ['tcp:localhost:9'] } } });
  await layer.commit();
  // Refused by nobody there, not by the policy.
  assert.equal(await talk.ask(connect), 'ECONNREFUSED');
});

test(
  'layers are added to a running sandbox only where that was asked for [R-001-7, R-001-10]',
  here,
  async (t) => {
    const root = tree(t, 'a', 'b');
    using open = openSandbox(basePolicy(root), { addLayers: true });
    using closed = openSandbox(basePolicy(root));
    using first = await closed.addLayer(
      { fs: { ...LIMIT_SYSTEM, read: [...LIMIT_SYSTEM.read, root] } },
      { mutable: 'any' },
    );
    await using talk = new Talk(open);
    await using kept = new Talk(closed);
    const both = (who: Talk) => who.all(read(`${root}/a/f`), read(`${root}/b/f`));
    assert.deepEqual(await both(talk), ['a\n', 'b\n']);
    assert.deepEqual(await both(kept), ['a\n', 'b\n']);
    const count = (await open.layers()).length;
    const layer = await open.addLayer({ fs: { ...LIMIT_SYSTEM, read: [...LIMIT_SYSTEM.read, `${root}/a`] } });
    assert.equal((await open.layers()).length, count + 1);
    assert.deepEqual(await both(talk), ['a\n', 'EACCES']);
    // It did not say that it may change.
    await assert.rejects(layer.modify({ add: { fs: { read: [root] } } }), isRefused('EROFS'));
    assert.equal((await open.layers()).length, count + 1);
    await assert.rejects(closed.addLayer({ fs: { ...LIMIT_SYSTEM } }), isRefused('EPERM'));
    assert.deepEqual(await both(kept), ['a\n', 'b\n']);
    await first.seal();
    await assert.rejects(first.modify({ add: { fs: { read: [root] } } }), isRefused('EROFS'));
  },
);

test(
  'orders at the same time are all answered, also where no program runs; a handle closed before the first start seals [R-001-19]',
  here,
  async () => {
    const library = JSON.stringify(new URL('../../packages/landward/src/index.ts', import.meta.url).href);
    const script = `import { openSandbox } from ${library};
      const sandbox = openSandbox({ fs: { read: ['/'], exec: ['/'] } });
      const rules = { fs: { read: ['/'], exec: ['/'] } };
      { using given = await sandbox.addLayer(rules, { mutable: 'any', name: 'closed' }); }
      const layer = await sandbox.addLayer(rules, { mutable: 'any', name: 'open' });
      await layer.modify({ add: { fs: { deny: ['/etc'] } } });
      const answers = await Promise.allSettled([layer.commit(), layer.commit(), layer.query()]);
      console.log(answers.map(({ status }) => status).join());
      console.log((await sandbox.layers()).map(({ mutability }) => mutability).join());`;
    const { stdout, stderr } = await runChild(process.execPath, [
      '--input-type=module-typescript',
      '-e',
      script,
    ]);
    assert.equal(stdout, 'fulfilled,rejected,fulfilled\nimmutable,immutable,any\n', stderr);
  },
);

test('closing the only handle seals, and a closed handle does nothing [R-001-19]', here, async (t) => {
  const root = tree(t, 'a');
  using sandbox = openSandbox(basePolicy(root));
  const layer = await sandbox.addLayer({ fs: { ...LIMIT_SYSTEM } }, { mutable: 'any', name: 'mine' });
  const shared = await sandbox.addLayer(
    { fs: { ...LIMIT_SYSTEM, read: ['/'] } },
    { mutable: 'any', principal: 'owner', name: 'ours' },
  );
  await using talk = new Talk(sandbox);
  assert.equal(await talk.ask(read(`${root}/a/f`)), 'EACCES');
  const mutability = async () =>
    Object.fromEntries((await sandbox.layers()).map(({ name, mutability }) => [name, mutability]));
  assert.deepEqual([(await mutability()).mine, (await mutability()).ours], ['any', 'any']);
  layer[Symbol.dispose]();
  shared[Symbol.dispose]();
  // Orders are taken one after the other, so the seal is before this question.
  await talk.ask('0');
  assert.deepEqual([(await mutability()).mine, (await mutability()).ours], ['immutable', 'any']);
  await assert.rejects(layer.modify({ add: { fs: { read: [root] } } }), isRefused('EBADF'));
  assert.equal(await talk.ask(read(`${root}/a/f`)), 'EACCES');
});
