import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Correlator } from '../../packages/landward/src/audit/correlate.ts';
import type { SourceItem } from '../../packages/landward/src/audit/sources/source.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { auditState, auditUnmet, holdingAudit, whileReading } from '../kit/audit.ts';
import { runChild, runScript } from '../kit/child.ts';
import { findTool, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const reason = auditUnmet();
const options = reason === undefined ? {} : { skip: reason };
const program = join(root, 'test/kit/every-denial.ts');

function told({ object }: DenialEvent): string {
  switch (object.kind) {
    case 'path':
      return object.path;
    case 'net':
      return `${object.address} ${object.port}`;
    case 'unix':
      return `@${object.abstract}`;
    case 'task':
      return `pid ${object.pid} ${object.comm}`;
    case 'mount':
      return `mount ${object.name} ${object.dev}`;
    case 'none':
      return '';
  }
}

test(
  'a denial of every class is told once, with its call, its errno, its object and its domain',
  options,
  async (t) => {
    const folder = temporaryDirectory(t, 'audit');
    const name = `landward-audit-${process.pid}`;
    const server = createServer().listen(`\0${name}`);
    await new Promise((ready) => server.once('listening', ready));
    t.after(() => server.close());
    const before = auditState();
    let said: { pid: number; results: number[]; opened: number[] } | undefined;
    const items = await whileReading(
      async () => {
        const result = await runChild(process.execPath, [program, folder, name]);
        assert.equal(result.code, 0, result.stderr);
        said = JSON.parse(result.stdout);
      },
      (all) => {
        const ours = all.find(
          (item) =>
            item.kind === 'domain' && item.what.state === 'named' && item.what.enforcer.pid === said?.pid,
        );
        return (
          ours?.kind === 'domain' &&
          all.some((item) => item.kind === 'domain' && item.what.state === 'freed' && item.id === ours.id)
        );
      },
    );
    const { pid, results, opened } = said!;
    assert.ok(
      opened.every((fd) => fd >= 0),
      'what is granted is not denied',
    );
    const correlator = new Correlator((process) =>
      process.pid === pid ? { run: 'feedfacecafebeef', digest: 'd1' } : undefined,
    );
    const joined = items.flatMap((item) => correlator.join(item));
    const events = joined.flatMap((item) =>
      item.kind === 'denial' && item.event.process?.pid === pid ? [item.event] : [],
    );
    const E = { EACCES: 13, EPERM: 1 };
    const expected: [string, string, string, number][] = [
      ['openat', 'fs.read_file', `${folder}/file`, E.EACCES],
      ['openat', 'fs.write_file', `${folder}/file`, E.EACCES],
      ['openat', 'fs.write_file,fs.read_file', `${folder}/file`, E.EACCES],
      ['openat', 'fs.read_dir', `${folder}/dir`, E.EACCES],
      ['openat', 'fs.read_file', `${folder}/we"ird na\nme`, E.EACCES],
      ['execve', 'fs.execute,fs.read_file', `${folder}/helper`, E.EACCES],
      ['mkdirat', 'fs.make_dir', folder, E.EACCES],
      ['openat', 'fs.make_reg', folder, E.EACCES],
      ['mknodat', 'fs.make_fifo', folder, E.EACCES],
      ['mknodat', 'fs.make_char', folder, E.EACCES],
      ['mknodat', 'fs.make_block', folder, E.EACCES],
      ['symlinkat', 'fs.make_sym', folder, E.EACCES],
      ['bind', 'fs.make_sock', folder, E.EACCES],
      ['unlinkat', 'fs.remove_file', folder, E.EACCES],
      ['unlinkat', 'fs.remove_dir', folder, E.EACCES],
      ['renameat2', 'fs.remove_file,fs.refer', `${folder}/from`, E.EACCES],
      ['renameat2', 'fs.make_reg,fs.refer', `${folder}/to`, E.EACCES],
      ['truncate', 'fs.truncate', `${folder}/file`, E.EACCES],
      ['ftruncate', 'fs.truncate', `${folder}/writable`, E.EACCES],
      ['ioctl', 'fs.ioctl_dev', '/dev/zero', E.EACCES],
      ['mount', 'fs.change_topology', `${folder}/dir`, E.EPERM],
      ['umount2', 'fs.change_topology', 'mount / tmpfs', E.EPERM],
      ['bind', 'net.bind_tcp', '127.0.0.1 8080', E.EACCES],
      ['connect', 'net.connect_tcp', '127.0.0.1 443', E.EACCES],
      ['connect', 'scope.abstract_unix_socket', `@${name}`, E.EPERM],
      ['kill', 'scope.signal', `pid ${process.pid} `, E.EPERM],
      ['ptrace', 'ptrace', `pid ${process.pid} `, E.EPERM],
    ];
    assert.deepEqual(
      events.map((event) => [
        event.operation,
        event.missing.join(),
        told(event).replace(/^(pid \d+ ).*/, '$1'),
        event.errno,
      ]),
      expected,
    );
    // Each call's errno is what the program itself got; the rename has two records.
    const own = expected.filter(([call, missing]) => !(call === 'renameat2' && missing.includes('make_reg')));
    assert.deepEqual(
      results,
      own.map(([, , , errno]) => -errno),
    );
    // One domain, of one run, from the first denial on; and nothing that the kernel counted is missing.
    const [first] = events;
    assert.ok(first?.domain?.kind === 'kernel' && first.domain.id > 1n << 32n);
    for (const event of events) {
      assert.deepEqual(event.domain, first.domain);
      assert.deepEqual([event.run, event.digest, event.enforcer?.pid], ['feedfacecafebeef', 'd1', pid]);
      assert.deepEqual(event.process?.commandLine?.[1], program);
    }
    const ours = (item: SourceItem) =>
      item.kind === 'domain' && item.id === (first.domain as { id: bigint }).id;
    assert.deepEqual(
      joined.filter(ours).map((item) => (item.kind === 'domain' ? item.what : null)),
      [
        { state: 'named', mode: 'enforcing', enforcer: first.enforcer },
        { state: 'freed', denials: BigInt(events.length) },
      ],
    );
    assert.deepEqual(
      joined.filter(
        (item) =>
          item.kind === 'loss' &&
          (item.domain === undefined || item.domain === (first.domain as { id: bigint }).id),
      ),
      [],
    );
    assert.deepEqual(auditState(), before, 'audit is left as it was found');
  },
);

const reader = `
  import { openNetlink } from './packages/landward/src/audit/sources/netlink.ts';
  const stop = new AbortController();
  process.stdin.once('data', () => setTimeout(() => stop.abort(), 100));
  const ready = () => console.log('ready');
  for await (const item of openNetlink({ signal: stop.signal, turnOn: process.argv.at(-1) !== 'only', ready }))
    if (item.kind === 'loss' && item.what === 'unread') console.log(item.reason);
  process.exit(0);`;

/** A reader in a process of its own that can be asked to end, or killed. */
async function startReader(t: TestContext, mode: string) {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', reader, '--', mode], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  const closed = new Promise<void>((done) => child.once('close', () => done()));
  await new Promise<void>((ready) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('ready')) ready();
    });
  });
  return {
    said: () => said,
    async end(how: 'ask' | 'kill') {
      if (how === 'ask') child.stdin.end('x');
      else child.kill('SIGKILL');
      await closed;
    },
  };
}

test(
  'audit is on as long as a reader needs it, and is put back after the last one, also one that was killed',
  options,
  async (t) => {
    await holdingAudit(async () => {
      const before = auditState();
      if (before[0] !== 0) return t.skip("audit is on here by somebody's choice, and stays as it is");
      const first = await startReader(t, 'on');
      const second = await startReader(t, 'on');
      assert.equal(auditState()[0], 1);
      assert.ok(auditState()[1] >= 8192 || before[1] === 0, 'there is room for bursts');
      await first.end('ask');
      assert.equal(auditState()[0], 1, 'the second still reads');
      await second.end('ask');
      assert.deepEqual(auditState(), before);
      const killed = await startReader(t, 'on');
      await killed.end('kill');
      assert.equal(auditState()[0], 1, 'nobody was there to put it back');
      const next = await startReader(t, 'on');
      await next.end('ask');
      assert.deepEqual(auditState(), before);
    });
  },
);

test('a reader says that audit is off', options, async (t) => {
  await holdingAudit(async () => {
    if (auditState()[0] !== 0) return t.skip("audit is on here by somebody's choice");
    const blind = await startReader(t, 'only');
    await blind.end('ask');
    assert.match(blind.said(), /audit is switched off: denials are not recorded/);
  });
});

const tools = findTool('setpriv') === undefined || findTool('unshare') === undefined;
const tooled = tools ? { skip: 'needs setpriv and unshare' } : options;
test('a reader that may not ask, or hears nothing where it is, says so', tooled, async () => {
  for (const [before, message] of [
    [['setpriv', '--bounding-set=-all,+audit_read'], /cannot be asked for without CAP_AUDIT_CONTROL/],
    [['unshare', '--net'], /records arrive in the first network namespace, and this is another one/],
  ] as const) {
    const words = [...before, process.execPath, '--input-type=module-typescript', '-e', reader, '--', 'only'];
    const said = await runChild(words[0]!, words.slice(1), { cwd: root, input: 'x' });
    assert.equal(said.code, 0, said.stderr);
    assert.match(said.stdout, message);
  }
  const result = await runScript(
    `process.setgroups([]); process.setgid(65534); process.setuid(65534); ${reader}`,
  );
  assert.notEqual(result.code, 0);
  assert.match(result.stderr, /Cannot read the kernel's audit: .*EPERM/);
});
