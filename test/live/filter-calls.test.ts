/**
 * Composed filters on the running kernel: every call that a filter refuses is made for real, and what ordinary
 * programs need goes on working. Each filter binds a child only.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { type Action, decodeAction, encodeAction } from '../../packages/landward/src/filter/action.ts';
import { compileRules } from '../../packages/landward/src/filter/compile.ts';
import { composeFilter, filterRules } from '../../packages/landward/src/filter/compose.ts';
import { encodeCall, interpret } from '../../packages/landward/src/filter/interpret.ts';
import { type Instruction, packProgram, unpackProgram } from '../../packages/landward/src/filter/program.ts';
import { DEFAULT_FILTER, type FilterSpec, TCP_SOCKETS } from '../../packages/landward/src/filter/spec.ts';
import { AUDIT_ARCH } from '../../packages/landward/src/uapi/audit-arch.ts';
import { CLONE } from '../../packages/landward/src/uapi/clone.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { AF, IPPROTO, MSG, SOCK } from '../../packages/landward/src/uapi/socket.ts';
import { type SyscallName, syscallName, syscallNumber } from '../../packages/landward/src/uapi/syscalls.ts';
import { runScript } from '../kit/child.ts';

const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

/**
 * In front of each child's script: a way to install a filter that came as text, to make raw calls, and to tell what
 * they answered. Telling ends the process at once: Node's event loop has a ring, which most of these filters refuse.
 */
const PRELUDE = `
  import { writeSync } from 'node:fs';
  import { native } from './packages/landward/src/kernel/native.ts';
  import { installFilter } from './packages/landward/src/kernel/seccomp.ts';
  const sys = (nr, ...args) => native().sys(nr, ...args);
  const prctl = ${syscallNumber(arch, 'prctl')};
  const install = (text) => { sys(prctl, 38, 1, 0, 0, 0); installFilter(Buffer.from(text, 'base64')); };
  const tell = (value) => { writeSync(1, JSON.stringify(value) + '\\n'); sys(${syscallNumber(arch, 'exit_group')}, 0); };
`;

async function inChild<T>(script: string, ...args: readonly string[]): Promise<T> {
  const child = await runScript(PRELUDE + script, args);
  assert.equal(child.code, 0, `${child.signal} ${child.stderr}`);
  return JSON.parse(child.stdout) as T;
}

const base64 = (program: Uint8Array) => Buffer.from(program).toString('base64');

/** An errno that no call has on its own tells a refusal by the filter from one by the kernel. */
const MARK = 2000;
const mark = (action: Action): Action =>
  action.kind === 'errno' ? { ...action, errno: action.errno + MARK } : action;

function markedProgram(spec: FilterSpec): Instruction[] {
  const rules = filterRules(spec).map((rule) => ({ ...rule, action: mark(rule.action) }));
  return compileRules(rules, { arch, unknown: mark({ kind: 'errno', errno: ERRNO.ENOSYS }) });
}

const strict: FilterSpec = {
  ...DEFAULT_FILTER,
  arch,
  sockets: [],
  unixPairs: 'deny',
  fastOpen: 'deny',
  anonymousExec: 'deny',
};

/** With six times -1 these end, stop or change the process, or outlive it; all others only fail. */
const UNSAFE: ReadonlySet<SyscallName> = new Set<SyscallName>([
  'exit',
  'exit_group',
  'fork',
  'vfork',
  'clone',
  'rt_sigreturn',
  'pause',
  'vhangup',
  'sync',
  'msgget',
  'alarm',
  'kill',
  'umask',
  'setsid',
  'restart_syscall',
  'set_tid_address',
  'uprobe',
  'uretprobe',
  'munlockall',
  'close_range',
  'brk',
]);

test('every number from 0 to 700 meets on the kernel what the interpreter says', async () => {
  const program = markedProgram(strict);
  const args = [-1, -1, -1, -1, -1, -1];
  const numbers = Array.from({ length: 701 }, (_, nr) => nr).filter((nr) => {
    const name = syscallName(arch, nr);
    return name === undefined || !UNSAFE.has(name);
  });
  const results = await inChild<number[]>(
    `const [text, numbers] = process.argv.slice(-2);
     install(text);
     tell(JSON.parse(numbers).map((nr) => sys(nr, -1, -1, -1, -1, -1, -1)));`,
    base64(packProgram(program)),
    JSON.stringify(numbers),
  );
  let refused = 0;
  for (const [i, nr] of numbers.entries()) {
    const action = decodeAction(interpret(program, encodeCall({ nr, arch: AUDIT_ARCH[arch], args })));
    const result = results[i]!;
    if (action.kind === 'errno') {
      refused++;
      assert.equal(result, -action.errno, `${syscallName(arch, nr)} (${nr})`);
    } else {
      assert.equal(action.kind, 'allow');
      assert.ok(result > -MARK, `${syscallName(arch, nr)} (${nr}) answers ${result}`);
    }
  }
  assert.ok(refused > 250, `${refused} refused`);
});

const HIGH = 0xdead_beefn << 32n;
const calls: readonly (readonly [name: SyscallName, ...args: (number | bigint)[]])[] = [
  ['ioctl', -1, 0x5412, 0],
  ['ioctl', -1, HIGH | 0x5412n, 0],
  ['ioctl', -1, HIGH | 0x541cn, 0],
  ['ioctl', -1, 0x5413, 0],
  ['unshare', CLONE.NEWUSER],
  ['unshare', CLONE.NEWTIME],
  ['unshare', 0x100000],
  ['unshare', CLONE.FILES],
  ['clone', CLONE.NEWUSER | 17],
  ['clone', HIGH | BigInt(CLONE.NEWNS | 17)],
  ['clone3', 0, 88],
  ['socket', AF.INET, SOCK.STREAM, 0],
  ['socket', HIGH | BigInt(AF.INET), HIGH | BigInt(SOCK.STREAM), HIGH],
  ['socket', AF.INET, SOCK.STREAM, IPPROTO.MPTCP],
  ['socket', AF.INET, SOCK.STREAM | 0x80000, IPPROTO.TCP],
  ['socket', AF.INET, SOCK.DGRAM, 0],
  ['socket', AF.INET, SOCK.PACKET, 3],
  ['socket', AF.UNIX, SOCK.STREAM, 0],
  ['socket', AF.NETLINK, SOCK.RAW, 0],
  ['socketpair', AF.UNIX, SOCK.STREAM, 0, 0],
  ['socketpair', AF.UNIX, SOCK.DGRAM, 0, 0],
  ['socketpair', AF.UNIX, SOCK.RAW, 0, 0],
  ['sendto', -1, 0, 0, MSG.FASTOPEN, 0, 0],
  ['sendto', -1, 0, 0, HIGH | BigInt(MSG.FASTOPEN), 0, 0],
  ['sendto', -1, 0, 0, 0, 0, 0],
  ['sendmsg', -1, 0, MSG.FASTOPEN],
  ['sendmmsg', -1, 0, 1, MSG.FASTOPEN],
  ['sendmmsg', -1, 0, 1, 0],
  ['memfd_create', 1, 0],
  ['memfd_create', 1, 8],
  ['execveat', -1, 1, 0, 0, 0x1000],
  ['execveat', -1, 1, 0, 0, 0],
  ['prlimit64', 0, 7, 0, 0, 0],
  ['prlimit64', 1, 7, 1n << 32n, 0, 0],
  ['prlimit64', 1, 7, 0, 1, 0],
  ['move_pages', 0, 0, 0, 0, 0, 0],
  ['move_pages', 1, 1, 0, 0, 0, 0],
  ['read', -1, 0, 0],
];

test('calls that are judged by their arguments meet what the interpreter says', async () => {
  const specs: readonly FilterSpec[] = [
    strict,
    { ...strict, sockets: TCP_SOCKETS, unixPairs: 'connected' },
    { ...strict, sockets: [{ family: AF.INET, type: 'any', protocol: 'any' }], unixPairs: 'any' },
  ];
  for (const spec of specs) {
    const program = markedProgram(spec);
    const shown = calls.map(([name, ...args]) => [
      syscallNumber(arch, name)!,
      ...args.map((arg) => BigInt(arg).toString()),
    ]);
    const results = await inChild<number[]>(
      `const [text, calls] = process.argv.slice(-2);
       install(text);
       tell(JSON.parse(calls).map(([nr, ...args]) => sys(nr, ...args.map(BigInt))));`,
      base64(packProgram(program)),
      JSON.stringify(shown),
    );
    for (const [i, [name, ...args]] of calls.entries()) {
      const call = encodeCall({ nr: syscallNumber(arch, name)!, arch: AUDIT_ARCH[arch], args });
      const action = decodeAction(interpret(program, call));
      if (action.kind === 'errno') assert.equal(results[i], -action.errno, `${name} ${args}`);
      else assert.ok(results[i]! > -MARK, `${name} ${args} answers ${results[i]}`);
    }
  }
});

test('threads, processes, workers and files go on working in a program under the default filter', async () => {
  const program = composeFilter({ ...DEFAULT_FILTER, arch, unixPairs: 'connected', fastOpen: 'deny' });
  const inner = `
    import { spawnSync } from 'node:child_process';
    import { readFile } from 'node:fs/promises';
    import { Worker } from 'node:worker_threads';
    const file = await readFile('package.json', 'utf8');
    const worker = new Worker('import { parentPort } from "node:worker_threads"; parentPort.postMessage(7)', { eval: true });
    const answer = await new Promise((done) => worker.once('message', done));
    const shell = spawnSync('sh', ['-c', 'echo $(echo a | cat) && (exit 3)'], { encoding: 'utf8' });
    console.log(JSON.stringify([file.length > 0, answer, shell.stdout, shell.status]));`;
  const child = await runScript(
    `${PRELUDE}
     import { ARCH, applyImage } from './packages/landward/src/kernel/call.ts';
     import { ImageBuilder } from './packages/landward/src/kernel/image.ts';
     const [text, inner] = process.argv.slice(-2);
     install(text);
     for (const fd of [0, 1, 2]) sys(${syscallNumber(arch, 'fcntl')}, fd, 2, 0); // Node marks them close-on-exec.
     const build = new ImageBuilder(ARCH);
     const words = [process.execPath, '--input-type=module', '-e', inner].map((word) => build.string(word));
     build.step('execve', [words[0], build.pointers(words), build.pointers([build.string('PATH=' + process.env.PATH)])], 'start Node');
     applyImage(build.build());`,
    [base64(program), inner],
  );
  assert.deepEqual([child.code, child.signal, child.stderr], [0, null, '']);
  assert.deepEqual(JSON.parse(child.stdout), [true, 7, 'a\n', 3]);
});

test('a Node that already runs goes on under a filter that refuses new rings only', async () => {
  const program = composeFilter({ ...DEFAULT_FILTER, arch, ioUring: 'deny-new' });
  const child = await runScript(
    `${PRELUDE}
     import { createServer, connect } from 'node:net';
     install(process.argv.at(-1));
     const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1', () => {
       connect(server.address().port, '127.0.0.1').on('data', (data) => {
         server.close();
         console.log(JSON.stringify([String(data), sys(${syscallNumber(arch, 'io_uring_setup')}, 1, 0)]));
       });
     });`,
    [base64(program)],
  );
  assert.equal(child.stderr, '');
  assert.deepEqual(JSON.parse(child.stdout), ['hello', -ERRNO.ENOSYS]);
});

test('a processor-time limit on another process is refused, and would work without the filter', async () => {
  const victim = spawn('sleep', ['60'], { stdio: 'ignore' });
  try {
    const script = `
      const [text, pid] = process.argv.slice(-2);
      if (text !== '-') install(text);
      const limit = new BigUint64Array([1000n, 1000n]);
      tell(sys(${syscallNumber(arch, 'prlimit64')}, Number(pid), 0, limit, null));`;
    const pid = String(victim.pid);
    assert.equal(
      await inChild<number>(script, base64(composeFilter({ ...DEFAULT_FILTER, arch })), pid),
      -ERRNO.EPERM,
    );
    assert.equal(await inChild<number>(script, '-', pid), 0);
  } finally {
    victim.kill('SIGKILL');
  }
});

test('a second filter of the program itself only narrows', async () => {
  const first = base64(composeFilter({ ...DEFAULT_FILTER, arch }));
  const second = base64(packProgram([{ code: 6, jt: 0, jf: 0, k: encodeAction({ kind: 'allow' }) }]));
  const results = await inChild<number[]>(
    `const [first, second] = process.argv.slice(-2);
     install(first);
     install(second);
     tell([sys(${syscallNumber(arch, 'unshare')}, ${CLONE.NEWUSER}), sys(${syscallNumber(arch, 'keyctl')}, 0, 0, 0, 0, 0)]);`,
    first,
    second,
  );
  assert.deepEqual(results, [-ERRNO.EPERM, -ERRNO.EPERM]);
});

test('what is packed is what was compiled', () => {
  const packed = composeFilter(strict);
  assert.deepEqual(packProgram(unpackProgram(packed)), packed);
});
