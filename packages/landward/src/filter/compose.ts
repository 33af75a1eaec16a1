/**
 * From what a filter has to hold to its rules and its program.
 *
 * Owns which calls stand for each demand, and what remains possible. The order of rules is the order of strictness:
 * a call that two demands concern meets the one listed first, and no rule here allows what a later one refuses.
 */

import { SYSCALL_CLASSES } from '../uapi/classes.ts';
import { CLONE_NAMESPACES, UNSHARE_HARMLESS } from '../uapi/clone.ts';
import { ERRNO } from '../uapi/errno.ts';
import { IOCTL } from '../uapi/ioctl.ts';
import { AT, MFD } from '../uapi/open.ts';
import { MSG } from '../uapi/socket.ts';
import type { SyscallName } from '../uapi/syscalls.ts';
import { ALLOW, fail } from './action.ts';
import { compileRules } from './compile.ts';
import { pairRules, socketRules } from './compose-sockets.ts';
import { askedByName } from './named-calls.ts';
import { notifyRules, supervisedRules } from './notify.ts';
import { packProgram } from './program.ts';
import { type FilterRule, hasAny, hasNone, is } from './rules.ts';
import type { FilterSpec } from './spec.ts';

const EPERM = fail(ERRNO.EPERM);
const EACCES = fail(ERRNO.EACCES);
const ENOSYS = fail(ERRNO.ENOSYS);

/**
 * Compiles a filter.
 *
 * @returns a packed program (`struct sock_filter[]`) for SECCOMP_SET_MODE_FILTER; it also ends the process on any call
 * of a foreign architecture or of x32
 * @throws a bug where the program would be too long for the kernel
 * @example composeFilter({ ...DEFAULT_FILTER, arch: 'x86_64', sockets: TCP_SOCKETS })
 */
export function composeFilter(spec: FilterSpec): Uint8Array<ArrayBuffer> {
  const unknown = spec.unknown === 'deny' ? ENOSYS : ALLOW;
  return packProgram(compileRules(filterRules(spec), { arch: spec.arch, unknown }));
}

/** The rules that hold a specification, in the order in which they decide. */
export function filterRules(spec: FilterSpec): FilterRule[] {
  const rules: readonly FilterRule[] = [
    ...(spec.syscalls.length > 0
      ? [{ syscalls: spec.syscalls, action: EPERM, because: 'refused by name' } satisfies FilterRule]
      : []),
    ...(spec.ioUring === 'deny'
      ? [refuse(SYSCALL_CLASSES.io_uring, 'io_uring runs calls that no filter sees', ENOSYS)]
      : []),
    ...(spec.ioUring === 'deny-new'
      ? [refuse(['io_uring_setup'], 'makes a ring that runs calls that no filter sees', ENOSYS)]
      : []),
    ...supervisedRules(spec.notify),
    ...(spec.ptrace === 'deny' ? ptraceRules : []),
    ...(spec.namespaces === 'deny' ? namespaceRules : []),
    ...(spec.terminalInjection === 'deny' ? terminalRules : []),
    ...(spec.hardening === 'deny' ? hardeningRules : []),
    ...(spec.anonymousExec === 'deny' ? anonymousExecRules : []),
    ...(spec.fastOpen === 'deny' ? fastOpenRules : []),
    ...socketRules(spec),
    ...pairRules(spec),
    ...notifyRules(spec.notify),
  ];
  return [...askedByName(rules, spec.calls ?? [])];
}

function refuse(syscalls: readonly SyscallName[], because: string, action = EPERM): FilterRule {
  return { syscalls, action, because };
}

const placing: ReadonlySet<SyscallName> = new Set<SyscallName>(['move_pages', 'migrate_pages']);

const ptraceRules: readonly FilterRule[] = [
  refuse(
    SYSCALL_CLASSES.ptrace.filter((name) => !placing.has(name)),
    'looks into or changes another process',
  ),
  {
    // With 0 these ask about the caller itself, which libraries for NUMA machines do.
    syscalls: [...placing],
    when: [{ arg: 0, width: 32, op: 'ne', value: 0 }],
    action: EPERM,
    because: 'moves the memory of another process',
  },
];

const namespaceRules: readonly FilterRule[] = [
  {
    syscalls: ['unshare'],
    when: [{ arg: 0, width: 64, mask: ~BigInt(UNSHARE_HARMLESS), op: 'eq', value: 0 }],
    action: ALLOW,
    because: 'unshares no namespace',
  },
  refuse(SYSCALL_CLASSES.namespace, 'makes, enters or names a namespace'),
  {
    syscalls: ['clone'],
    when: [hasAny(0, CLONE_NAMESPACES)],
    action: EPERM,
    because: 'makes a namespace',
  },
  refuse(['clone3'], 'has its flags in memory; libraries fall back to clone', ENOSYS),
  refuse(SYSCALL_CLASSES.mount, 'changes mounts'),
];

const terminalRules: readonly FilterRule[] = [IOCTL.TIOCSTI, IOCTL.TIOCLINUX].map((command) => ({
  syscalls: ['ioctl'],
  // The kernel drops the high half of the command, so it must not be compared.
  when: [is(1, command)],
  action: EPERM,
  because: 'types into the terminal',
}));

const hardeningRules: readonly FilterRule[] = [
  refuse(SYSCALL_CLASSES.keyring, 'reaches keys of the whole session'),
  refuse(SYSCALL_CLASSES.bpf, 'loads programs into the kernel'),
  refuse(SYSCALL_CLASSES.perf, 'observes other processes and the kernel'),
  refuse(SYSCALL_CLASSES.userfaultfd, 'stops the kernel at will'),
  refuse(SYSCALL_CLASSES.clock, 'sets the clock'),
  refuse(SYSCALL_CLASSES.module, 'loads modules or another kernel'),
  refuse(SYSCALL_CLASSES.machine, 'controls the machine'),
  refuse(['open_by_handle_at'], 'opens files without their path'),
  refuse(SYSCALL_CLASSES.obsolete, 'is obsolete', ENOSYS),
  {
    // A processor-time or file-size limit kills: without this, it is a signal that no scope sees.
    syscalls: ['prlimit64'],
    when: [
      { arg: 0, width: 32, op: 'ne', value: 0 },
      { arg: 2, width: 64, op: 'ne', value: 0 },
    ],
    action: EPERM,
    because: 'sets limits of another process',
  },
];

const anonymousExecRules: readonly FilterRule[] = [
  {
    syscalls: ['memfd_create'],
    when: [hasNone(1, MFD.NOEXEC_SEAL)],
    action: EACCES,
    because: 'makes a file to execute that has no name',
  },
  {
    syscalls: ['execveat'],
    when: [hasAny(4, AT.EMPTY_PATH)],
    action: EACCES,
    because: 'executes a file without a name',
  },
];

const fastOpenRules: readonly FilterRule[] = (
  [
    ['sendto', 3],
    ['sendmsg', 2],
    ['sendmmsg', 3],
  ] as const
).map(([name, flags]) => ({
  syscalls: [name],
  when: [hasAny(flags, MSG.FASTOPEN)],
  action: fail(ERRNO.EOPNOTSUPP),
  because: 'connects without connect',
}));

/**
 * What a specification leaves open although one of its fields seems to close it. To be shown, not to be hidden.
 *
 * @returns one sentence for each way around, empty where there is none
 */
export function filterResiduals(spec: FilterSpec): string[] {
  const residuals: string[] = [];
  if (spec.ioUring !== 'deny') {
    const ring = spec.ioUring === 'allow' ? 'io_uring' : 'a ring of io_uring that exists already';
    if (spec.sockets !== 'any' || spec.create !== undefined)
      residuals.push(`${ring} makes sockets of every kind`);
    if (spec.fastOpen === 'deny') residuals.push(`${ring} sends with TCP Fast Open`);
    if (spec.syscalls.length > 0)
      residuals.push(`${ring} runs its own form of many calls that are refused by name`);
  }
  if (spec.unknown === 'allow') residuals.push('calls that landward does not know are allowed');
  if (spec.anonymousExec === 'deny') residuals.push('memory can still be made executable');
  if (spec.sockets !== 'any' || spec.create !== undefined)
    residuals.push('sockets that are inherited or received stay usable');
  return residuals;
}
