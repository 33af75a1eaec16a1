import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Action,
  ALLOW,
  decodeAction,
  encodeAction,
  fail,
  KILL_PROCESS,
} from '../../packages/landward/src/filter/action.ts';
import { checkProgram } from '../../packages/landward/src/filter/check.ts';
import { composeFilter, filterResiduals, filterRules } from '../../packages/landward/src/filter/compose.ts';
import { encodeCall, interpret } from '../../packages/landward/src/filter/interpret.ts';
import { NOTIFY_GROUPS, type NotifyGroup } from '../../packages/landward/src/filter/notify.ts';
import { type Instruction, unpackProgram } from '../../packages/landward/src/filter/program.ts';
import type { Condition } from '../../packages/landward/src/filter/rules.ts';
import {
  DEFAULT_FILTER,
  type FilterSpec,
  ROUTE_SOCKETS,
  TCP_SOCKETS,
  UDP_SOCKETS,
  UNIX_SOCKETS,
} from '../../packages/landward/src/filter/spec.ts';
import { AUDIT_ARCH } from '../../packages/landward/src/uapi/audit-arch.ts';
import { CLONE } from '../../packages/landward/src/uapi/clone.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { AF, IPPROTO, MSG, SOCK, SOCK_FLAG } from '../../packages/landward/src/uapi/socket.ts';
import {
  type Arch,
  SYSCALLS,
  type SyscallName,
  syscallNumber,
} from '../../packages/landward/src/uapi/syscalls.ts';

const arches = ['x86_64', 'aarch64'] as const;
const HIGH = 0xdead_beefn << 32n;

const EPERM = fail(ERRNO.EPERM);
const EACCES = fail(ERRNO.EACCES);
const ENOSYS = fail(ERRNO.ENOSYS);

type Args = readonly (number | bigint)[];

/** Asks the program of a specification on both architectures, where the call exists. */
function ask(spec: Partial<FilterSpec>, name: SyscallName, args: Args = []): Action {
  const answers = arches.flatMap((arch) => {
    const nr = syscallNumber(arch, name);
    if (nr === undefined) return [];
    const program = unpackProgram(composeFilter({ ...DEFAULT_FILTER, ...spec, arch }));
    return [decodeAction(interpret(program, encodeCall({ nr, arch: AUDIT_ARCH[arch], args })))];
  });
  for (const answer of answers) assert.deepEqual(answer, answers[0], `${name} differs between architectures`);
  return answers[0]!;
}

const open: Partial<FilterSpec> = {
  ioUring: 'allow',
  ptrace: 'allow',
  namespaces: 'allow',
  terminalInjection: 'allow',
  hardening: 'allow',
};
const closed: Partial<FilterSpec> = {
  anonymousExec: 'deny',
  sockets: [],
  unixPairs: 'deny',
  fastOpen: 'deny',
};

const cases: readonly (readonly [
  spec: Partial<FilterSpec>,
  name: SyscallName,
  args: Args,
  answer: Action,
])[] = [
  [{}, 'read', [0, 0, 0], ALLOW],
  [{}, 'openat', [-100, 0, 0], ALLOW],
  [{}, 'execve', [], ALLOW],

  [{}, 'ioctl', [0, 0x5412, 0], EPERM],
  [{}, 'ioctl', [0, HIGH | 0x5412n, 0], EPERM],
  [{}, 'ioctl', [0, 0x541c, 0], EPERM],
  [{}, 'ioctl', [0, HIGH | 0x541cn, 0], EPERM],
  [{}, 'ioctl', [0, 0x5413, 0], ALLOW],
  [{ terminalInjection: 'allow' }, 'ioctl', [0, 0x5412, 0], ALLOW],

  [{}, 'io_uring_setup', [], ENOSYS],
  [{}, 'io_uring_enter', [], ENOSYS],
  [{}, 'io_uring_register', [], ENOSYS],
  [{ ioUring: 'allow' }, 'io_uring_setup', [], ALLOW],
  [{ ioUring: 'deny-new' }, 'io_uring_setup', [], ENOSYS],
  [{ ioUring: 'deny-new' }, 'io_uring_enter', [], ALLOW],

  [{}, 'ptrace', [0, 0, 0, 0], EPERM],
  [{}, 'process_vm_readv', [1], EPERM],
  [{}, 'process_vm_writev', [1], EPERM],
  [{}, 'pidfd_getfd', [3, 0, 0], EPERM],
  [{}, 'kcmp', [1, 2, 0, 0, 0], EPERM],
  [{}, 'move_pages', [0, 1], ALLOW],
  [{}, 'move_pages', [1, 1], EPERM],
  [{ ptrace: 'allow' }, 'ptrace', [0, 0, 0, 0], ALLOW],

  [{}, 'unshare', [CLONE.NEWUSER], EPERM],
  [{}, 'unshare', [CLONE.FILES], ALLOW],
  [{}, 'unshare', [CLONE.FS | CLONE.SYSVSEM], ALLOW],
  [{}, 'unshare', [CLONE.FILES | CLONE.NEWNS], EPERM],
  [{}, 'unshare', [CLONE.NEWTIME], EPERM],
  [{}, 'unshare', [0x100000], EPERM],
  [{}, 'unshare', [1n << 37n], EPERM],
  [{}, 'setns', [3, 0], EPERM],
  [{}, 'clone', [CLONE.VM | CLONE.THREAD | CLONE.SIGHAND], ALLOW],
  [{}, 'clone', [17], ALLOW],
  [{}, 'clone', [CLONE.NEWTIME | 17], ALLOW],
  ...(['NEWNS', 'NEWCGROUP', 'NEWUTS', 'NEWIPC', 'NEWUSER', 'NEWPID', 'NEWNET'] as const).map(
    (flag) => [{}, 'clone', [CLONE[flag] | 17], EPERM] as const,
  ),
  [{}, 'clone', [HIGH | BigInt(CLONE.NEWUSER | 17)], EPERM],
  [{}, 'clone3', [1, 88], ENOSYS],
  [{}, 'mount', [], EPERM],
  [{}, 'move_mount', [], EPERM],
  [{}, 'open_tree_attr', [], EPERM],
  [{}, 'sethostname', [], EPERM],
  [{}, 'chroot', [], ALLOW],
  [{ namespaces: 'allow' }, 'unshare', [CLONE.NEWUSER], ALLOW],
  [{ namespaces: 'allow' }, 'clone3', [1, 88], ALLOW],
  [{ namespaces: 'allow' }, 'clone', [CLONE.NEWUSER], ALLOW],
  [{ namespaces: 'allow' }, 'mount', [], ALLOW],

  [{}, 'keyctl', [], EPERM],
  [{}, 'bpf', [], EPERM],
  [{}, 'perf_event_open', [], EPERM],
  [{}, 'userfaultfd', [], EPERM],
  [{}, 'kexec_load', [], EPERM],
  [{}, 'open_by_handle_at', [], EPERM],
  [{}, 'name_to_handle_at', [], ALLOW],
  [{}, 'clock_settime', [], EPERM],
  [{}, 'nfsservctl', [], ENOSYS],
  [{}, 'prlimit64', [0, 7, 1, 0], ALLOW],
  [{}, 'prlimit64', [1, 7, 0, 1], ALLOW],
  [{}, 'prlimit64', [1, 7, 1, 0], EPERM],
  [{}, 'prlimit64', [1, 7, 1n << 32n, 0], EPERM],
  [{ hardening: 'allow' }, 'prlimit64', [1, 7, 1, 0], ALLOW],
  [{ hardening: 'allow' }, 'keyctl', [], ALLOW],

  [{ anonymousExec: 'deny' }, 'memfd_create', [1, 0], EACCES],
  [{ anonymousExec: 'deny' }, 'memfd_create', [1, 8], ALLOW],
  [{ anonymousExec: 'deny' }, 'execveat', [3, 1, 0, 0, 0x1000], EACCES],
  [{ anonymousExec: 'deny' }, 'execveat', [-100, 1, 0, 0, 0], ALLOW],
  [{}, 'memfd_create', [1, 0], ALLOW],

  [{ syscalls: ['read'] }, 'read', [], EPERM],
  [{ syscalls: ['read'] }, 'write', [], ALLOW],
  [{ syscalls: ['clone'] }, 'clone', [17], EPERM],
  [{ syscalls: ['socket'], sockets: TCP_SOCKETS }, 'socket', [AF.INET, SOCK.STREAM, 0], EPERM],

  [{ fastOpen: 'deny' }, 'sendto', [3, 0, 0, MSG.FASTOPEN], fail(ERRNO.EOPNOTSUPP)],
  [
    { fastOpen: 'deny' },
    'sendto',
    [3, 0, 0, HIGH | BigInt(MSG.FASTOPEN | MSG.NOSIGNAL)],
    fail(ERRNO.EOPNOTSUPP),
  ],
  [{ fastOpen: 'deny' }, 'sendto', [3, 0, 0, MSG.NOSIGNAL], ALLOW],
  [{ fastOpen: 'deny' }, 'sendmsg', [3, 0, MSG.FASTOPEN], fail(ERRNO.EOPNOTSUPP)],
  [{ fastOpen: 'deny' }, 'sendmmsg', [3, 0, 1, MSG.FASTOPEN], fail(ERRNO.EOPNOTSUPP)],
  [{ fastOpen: 'deny' }, 'sendmmsg', [3, 0, MSG.FASTOPEN, 0], ALLOW],
  [{}, 'sendto', [3, 0, 0, MSG.FASTOPEN], ALLOW],

  [{ sockets: TCP_SOCKETS }, 'socket', [AF.INET, SOCK.STREAM, 0], ALLOW],
  [
    { sockets: TCP_SOCKETS },
    'socket',
    [AF.INET6, SOCK.STREAM | SOCK_FLAG.CLOEXEC | SOCK_FLAG.NONBLOCK, IPPROTO.TCP],
    ALLOW,
  ],
  [{ sockets: TCP_SOCKETS }, 'socket', [HIGH | 2n, HIGH | 1n, HIGH], ALLOW],
  [{ sockets: TCP_SOCKETS }, 'socket', [AF.INET, SOCK.STREAM, IPPROTO.MPTCP], EACCES],
  [{ sockets: TCP_SOCKETS }, 'socket', [AF.INET, SOCK.STREAM, IPPROTO.SCTP], EACCES],
  [{ sockets: TCP_SOCKETS }, 'socket', [AF.SMC, SOCK.STREAM, 0], EACCES],
  [{ sockets: TCP_SOCKETS }, 'socket', [AF.INET, SOCK.DGRAM, 0], EACCES],
  [{ sockets: TCP_SOCKETS }, 'socket', [AF.INET, SOCK.RAW, IPPROTO.TCP], EACCES],
  [{ sockets: TCP_SOCKETS }, 'socket', [AF.UNIX, SOCK.STREAM, 0], EACCES],
  [{ sockets: TCP_SOCKETS }, 'socket', [AF.NETLINK, SOCK.RAW, 0], EACCES],
  [{ sockets: [...TCP_SOCKETS, ...ROUTE_SOCKETS] }, 'socket', [AF.NETLINK, SOCK.RAW, 0], ALLOW],
  [{ sockets: [...TCP_SOCKETS, ...ROUTE_SOCKETS] }, 'socket', [AF.NETLINK, SOCK.RAW, 9], EACCES],
  [{ sockets: UDP_SOCKETS }, 'socket', [AF.INET, SOCK.DGRAM, IPPROTO.UDP], ALLOW],
  [{ sockets: UDP_SOCKETS }, 'socket', [AF.INET, SOCK.DGRAM, IPPROTO.UDPLITE], EACCES],
  [{ sockets: UDP_SOCKETS }, 'socket', [AF.INET, SOCK.DGRAM, IPPROTO.ICMP], EACCES],
  [{ sockets: UNIX_SOCKETS }, 'socket', [AF.UNIX, SOCK.SEQPACKET, 0], ALLOW],
  [{ sockets: [{ family: AF.INET, type: 'any', protocol: 'any' }] }, 'socket', [AF.INET, SOCK.RAW, 1], ALLOW],
  [
    { sockets: [{ family: AF.INET, type: 'any', protocol: 'any' }] },
    'socket',
    [AF.INET, SOCK.PACKET, 3],
    EACCES,
  ],
  [{ sockets: [] }, 'socket', [AF.INET, SOCK.STREAM, 0], EACCES],
  [{}, 'socket', [AF.PACKET, SOCK.RAW, 3], ALLOW],

  [{ sockets: [] }, 'socketpair', [AF.UNIX, SOCK.STREAM, 0], ALLOW],
  [{ sockets: [] }, 'socketpair', [30, SOCK.STREAM, 0], EACCES],
  [{ unixPairs: 'connected' }, 'socketpair', [AF.UNIX, SOCK.STREAM | SOCK_FLAG.CLOEXEC, 0], ALLOW],
  [{ unixPairs: 'connected' }, 'socketpair', [AF.UNIX, SOCK.SEQPACKET, 0], ALLOW],
  [{ unixPairs: 'connected' }, 'socketpair', [AF.UNIX, SOCK.DGRAM, 0], EACCES],
  [{ unixPairs: 'connected' }, 'socketpair', [AF.UNIX, SOCK.RAW, 0], EACCES],
  [{ unixPairs: 'connected' }, 'socketpair', [30, SOCK.DGRAM, 0], ALLOW],
  [{ unixPairs: 'deny' }, 'socketpair', [AF.UNIX, SOCK.STREAM, 0], EACCES],
];

for (const [spec, name, args, answer] of cases) {
  const shown = args.map((arg) => `0x${BigInt.asUintN(64, BigInt(arg)).toString(16)}`).join(', ');
  test(`${JSON.stringify(spec)}: ${name}(${shown}) meets ${JSON.stringify(answer)}`, () => {
    assert.deepEqual(ask(spec, name, args), answer);
  });
}

const program = (spec: Partial<FilterSpec>, arch: Arch) =>
  unpackProgram(composeFilter({ ...DEFAULT_FILTER, ...spec, arch }));

test('calls of another architecture and of x32 end the process, even where everything is allowed', () => {
  for (const arch of arches) {
    const instructions = program({ ...open, unknown: 'allow' }, arch);
    for (const foreign of Object.values(AUDIT_ARCH).filter((token) => token !== AUDIT_ARCH[arch])) {
      for (const nr of [0, 1, 257, 0x40000000, -1]) {
        assert.deepEqual(
          decodeAction(interpret(instructions, encodeCall({ nr, arch: foreign }))),
          KILL_PROCESS,
        );
      }
    }
  }
  const instructions = program({ ...open, unknown: 'allow' }, 'x86_64');
  const native = (nr: number) =>
    decodeAction(interpret(instructions, encodeCall({ nr, arch: AUDIT_ARCH.x86_64 })));
  for (const nr of [0x40000000, 0x40000001, 0x40000208, 0x7fffffff, 0x80000000, 0xfffffffe]) {
    assert.deepEqual(native(nr), KILL_PROCESS, `nr 0x${nr.toString(16)}`);
  }
  assert.deepEqual(native(0x3fffffff), ALLOW);
  assert.deepEqual(native(-1), ENOSYS);
});

test('numbers that no table knows are ENOSYS unless the specification says otherwise', () => {
  for (const arch of arches) {
    const known = new Set<number>(Object.values(SYSCALLS[arch]));
    const numbers = Array.from({ length: 600 }, (_, nr) => nr).filter((nr) => !known.has(nr));
    assert.ok(numbers.length > 100);
    for (const nr of [...numbers, 0x3fff_ffff]) {
      const call = encodeCall({ nr, arch: AUDIT_ARCH[arch] });
      assert.deepEqual(decodeAction(interpret(program({}, arch), call)), ENOSYS, `${arch} ${nr}`);
      assert.deepEqual(
        decodeAction(interpret(program({ unknown: 'allow' }, arch), call)),
        ALLOW,
        `${arch} ${nr}`,
      );
    }
  }
});

test('the filter that denies nothing allows every known call', () => {
  for (const arch of arches) {
    const instructions = program(open, arch);
    for (const [name, nr] of Object.entries(SYSCALLS[arch])) {
      const args = [1, 0x5412, 1, 0xffff_ffff, 0x1000, 0];
      assert.deepEqual(
        decodeAction(interpret(instructions, encodeCall({ nr, arch: AUDIT_ARCH[arch], args }))),
        ALLOW,
        name,
      );
    }
  }
});

const word = fc.oneof(
  fc.constantFrom<number | bigint>(
    0,
    1,
    2,
    3,
    5,
    10,
    17,
    30,
    0x5412,
    0x541c,
    0x1000,
    0x20000000,
    0x10000000,
    HIGH | 0x5412n,
  ),
  fc.bigInt(0n, 2n ** 64n - 1n),
);
const allowOrDeny = fc.constantFrom('allow' as const, 'deny' as const);
const socketKind = fc.record({
  family: fc.constantFrom(AF.UNIX, AF.INET, AF.INET6, AF.NETLINK, AF.PACKET),
  type: fc.constantFrom<number | 'any'>('any', SOCK.STREAM, SOCK.DGRAM, SOCK.RAW),
  protocol: fc.constantFrom<number | 'any'>('any', 0, 6, 17),
});
const specification: fc.Arbitrary<FilterSpec> = fc.record({
  arch: fc.constantFrom(...arches),
  ioUring: allowOrDeny,
  ptrace: allowOrDeny,
  namespaces: allowOrDeny,
  terminalInjection: allowOrDeny,
  hardening: allowOrDeny,
  anonymousExec: allowOrDeny,
  fastOpen: allowOrDeny,
  unknown: allowOrDeny,
  syscalls: fc.array(fc.constantFrom(...(Object.keys(SYSCALLS.x86_64) as SyscallName[])), { maxLength: 40 }),
  sockets: fc.oneof(fc.constant('any' as const), fc.array(socketKind, { maxLength: 12 })),
  unixPairs: fc.constantFrom('any' as const, 'connected' as const, 'deny' as const),
  notify: fc.subarray(Object.keys(NOTIFY_GROUPS) as NotifyGroup[]),
});

function holds({ arg, width, mask, op, value }: Condition, args: Args): boolean {
  const register = BigInt.asUintN(width, BigInt(args[arg]!)) & BigInt.asUintN(width, BigInt(mask ?? -1));
  const wanted = BigInt(value);
  return {
    eq: register === wanted,
    ne: register !== wanted,
    lt: register < wanted,
    le: register <= wanted,
    gt: register > wanted,
    ge: register >= wanted,
  }[op];
}

test('programs answer as the first rule that matches, for random specifications and calls', () => {
  const names = Object.keys(SYSCALLS.x86_64) as SyscallName[];
  const telling: readonly SyscallName[] = [
    'socket',
    'socketpair',
    'clone',
    'unshare',
    'ioctl',
    'sendto',
    'prlimit64',
    'memfd_create',
  ];
  const asked = fc.array(
    fc.tuple(
      fc.oneof(fc.constantFrom(...names), fc.constantFrom(...telling)),
      fc.array(word, { minLength: 6, maxLength: 6 }),
    ),
    { minLength: 20, maxLength: 20 },
  );
  fc.assert(
    fc.property(specification, asked, (spec, calls) => {
      const instructions = unpackProgram(composeFilter(spec));
      assert.equal(checkProgram(instructions), null);
      const rules = filterRules(spec);
      for (const [name, args] of calls) {
        const nr = syscallNumber(spec.arch, name);
        if (nr === undefined) continue;
        const rule = rules.find(
          (one) =>
            one.syscalls.includes(name) && (one.when ?? []).every((condition) => holds(condition, args)),
        );
        const answer = decodeAction(
          interpret(instructions, encodeCall({ nr, arch: AUDIT_ARCH[spec.arch], args })),
        );
        assert.deepEqual(answer, rule?.action ?? ALLOW, name);
      }
    }),
    { seed: 5, numRuns: 300 },
  );
});

test('denying one thing more never allows a call that was refused', () => {
  const fields = [
    'ioUring',
    'ptrace',
    'namespaces',
    'terminalInjection',
    'hardening',
    'anonymousExec',
    'fastOpen',
    'unknown',
  ] as const;
  fc.assert(
    fc.property(
      specification,
      fc.constantFrom(...fields),
      fc.array(fc.tuple(fc.nat(480), fc.array(word, { minLength: 6, maxLength: 6 })), {
        minLength: 30,
        maxLength: 30,
      }),
      (spec, field, calls) => {
        const loose = unpackProgram(composeFilter({ ...spec, [field]: 'allow' }));
        const strict = unpackProgram(composeFilter({ ...spec, [field]: 'deny' }));
        for (const [nr, args] of calls) {
          const call = encodeCall({ nr, arch: AUDIT_ARCH[spec.arch], args });
          const refused = decodeAction(interpret(loose, call)).kind !== 'allow';
          if (refused) assert.notEqual(decodeAction(interpret(strict, call)).kind, 'allow', `${field} ${nr}`);
        }
      },
    ),
    { seed: 6, numRuns: 150 },
  );
});

/** How many instructions a call costs. */
function steps(instructions: readonly Instruction[], call: Uint8Array): number {
  let count = 0;
  const counting = new Proxy(instructions, {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) count++;
      return Reflect.get(target, key);
    },
  });
  interpret(counting, call);
  return count;
}

test('the calls that programs make most are through in a few instructions, and programs stay small', () => {
  for (const arch of arches) {
    const instructions = program(
      { ...closed, sockets: [...TCP_SOCKETS, ...UDP_SOCKETS, ...UNIX_SOCKETS] },
      arch,
    );
    assert.ok(instructions.length < 500, `${arch}: ${instructions.length} instructions`);
    for (const name of [
      'read',
      'write',
      'openat',
      'close',
      'mmap',
      'futex',
      'epoll_pwait',
      'newfstatat',
    ] as const) {
      const count = steps(
        instructions,
        encodeCall({ nr: syscallNumber(arch, name)!, arch: AUDIT_ARCH[arch] }),
      );
      assert.ok(count <= 12, `${arch}: ${name} takes ${count}`);
    }
    const costs = Object.values(SYSCALLS[arch]).map((nr) =>
      steps(instructions, encodeCall({ nr, arch: AUDIT_ARCH[arch] })),
    );
    assert.ok(Math.max(...costs) <= 60, `${arch}: the slowest call takes ${Math.max(...costs)}`);
  }
});

test('a filter with hundreds of names and sockets keeps its long jumps right', () => {
  const names = (Object.keys(SYSCALLS.x86_64) as SyscallName[]).filter((_, i) => i % 2 === 0);
  const sockets = Array.from({ length: 300 }, (_, i) => ({
    family: 100 + i,
    type: SOCK.STREAM,
    protocol: i,
  }));
  const instructions = program({ syscalls: names.filter((name) => name !== 'socket'), sockets }, 'x86_64');
  assert.ok(instructions.length > 1500);
  const answer = (name: SyscallName, args: Args) =>
    decodeAction(
      interpret(
        instructions,
        encodeCall({ nr: syscallNumber('x86_64', name)!, arch: AUDIT_ARCH.x86_64, args }),
      ),
    );
  for (const { family, type, protocol } of sockets) {
    assert.deepEqual(answer('socket', [family, type, protocol]), ALLOW);
    assert.deepEqual(answer('socket', [family, type, protocol + 1]), EACCES);
  }
  for (const name of names)
    if (name !== 'socket') assert.deepEqual(answer(name, [0, 0, 0, 0, 0, 0]), EPERM, name);
});

test('a filter that is too long is a defect and not a shorter filter', () => {
  const sockets = Array.from({ length: 900 }, (_, i) => ({ family: i, type: SOCK.STREAM, protocol: i }));
  assert.throws(() => program({ sockets }, 'x86_64'), /more than 4096/);
});

test('actions and words map to each other, and an unknown word kills as in the kernel', () => {
  const actions: readonly Action[] = [
    ALLOW,
    KILL_PROCESS,
    EPERM,
    { kind: 'kill_thread' },
    { kind: 'log' },
    { kind: 'notify' },
    { kind: 'trap', data: 7 },
    { kind: 'trace', data: 0xffff },
  ];
  for (const action of actions) assert.deepEqual(decodeAction(encodeAction(action)), action);
  assert.equal(encodeAction(EPERM), 0x00050001);
  assert.deepEqual(decodeAction(0x12340000), KILL_PROCESS);
  assert.throws(() => encodeAction(fail(0)), /errno 0/);
  assert.throws(() => encodeAction(fail(4096)), /errno 4096/);
});

test('what stays possible is told', () => {
  const spec: FilterSpec = { ...DEFAULT_FILTER, arch: 'x86_64' };
  assert.deepEqual(filterResiduals(spec), []);
  assert.ok(
    filterResiduals({ ...spec, ioUring: 'allow', sockets: [] }).some((text) => text.includes('io_uring')),
  );
  assert.ok(filterResiduals({ ...spec, unknown: 'allow' }).length > 0);
});
