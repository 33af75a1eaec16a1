/**
 * Which calls a supervisor is asked about, by group, and which of them a filter can settle from registers alone.
 *
 * Owns the table of groups. What the supervisor answers is its business; that a notified call is never weaker than a
 * refusal is the order in `compose.ts`: refusals come first.
 */

import { ERRNO } from '../uapi/errno.ts';
import { IOCTL } from '../uapi/ioctl.ts';
import { PR_LANDWARD } from '../uapi/landward.ts';
import { F, O } from '../uapi/open.ts';
import { PR } from '../uapi/prctl.ts';
import { RLIMIT } from '../uapi/resource.ts';
import { SECCOMP } from '../uapi/seccomp.ts';
import { AF, MSG, NETLINK_AUDIT } from '../uapi/socket.ts';
import type { SyscallName } from '../uapi/syscalls.ts';
import { ALLOW, fail, NOTIFY } from './action.ts';
import { type Condition, type FilterRule, hasAny, is } from './rules.ts';

interface Group {
  readonly syscalls: readonly SyscallName[];
  /** Calls of the group that need no question, by their registers. */
  readonly settled?: readonly {
    readonly syscalls: readonly SyscallName[];
    readonly when: readonly Condition[];
  }[];
  /** Calls of which only some are asked about: those that meet the conditions. */
  readonly only?: readonly {
    readonly syscalls: readonly SyscallName[];
    readonly when: readonly Condition[];
  }[];
}

/** The same on every architecture. */
const O_PATH = O.x86_64.PATH;
const ALL = 0xffff_ffff;
const noAddress: Condition = { arg: 4, width: 64, op: 'eq', value: 0 };

/** The groups of calls that a plan can ask to be notified of. */
// biome-ignore format: one call a line would hide the groups
export const NOTIFY_GROUPS = {
  /** Opening by path. Opens of a place only (O_PATH) give no right, unless places are hidden (`find`). */
  open: {
    syscalls: ['open', 'openat', 'openat2', 'creat', 'open_by_handle_at'],
    settled: [
      { syscalls: ['openat'], when: [hasAny(2, O_PATH)] },
      { syscalls: ['open'], when: [hasAny(1, O_PATH)] },
    ],
  },
  /** New names. */
  create: { syscalls: ['mkdir', 'mkdirat', 'mknod', 'mknodat', 'symlink', 'symlinkat'] },
  remove: { syscalls: ['unlink', 'unlinkat', 'rmdir'] },
  /** Moves and links. */
  refer: { syscalls: ['rename', 'renameat', 'renameat2', 'link', 'linkat'] },
  truncate: { syscalls: ['truncate'] },
  /** What an open file keeps from its opening. The supervisor's mark of that is the signal that it would send. */
  opened: {
    syscalls: ['ftruncate', 'ioctl', 'fcntl'],
    only: [{ syscalls: ['fcntl'], when: [is(1, F.SETSIG)] }],
  },
  /** Whether something is there, and what it is. */
  find: {
    syscalls: [
      'open', 'openat', 'openat2', 'stat', 'lstat', 'newfstatat', 'statx', 'access', 'faccessat', 'faccessat2', 'readlink',
      'readlinkat', 'chdir', 'chroot', 'statfs', 'getxattr', 'lgetxattr', 'getxattrat', 'listxattr', 'llistxattr',
      'listxattrat', 'name_to_handle_at', 'inotify_add_watch', 'fanotify_mark', 'file_getattr', 'ustat', 'open_tree',
      'open_tree_attr', 'fspick', 'mount_setattr', 'mount', 'umount2', 'pivot_root',
    ],
  },
  list: { syscalls: ['getdents', 'getdents64'] },
  /** Changing what is known about an object, not its content. */
  metadata: {
    syscalls: [
      'chmod', 'fchmod', 'fchmodat', 'fchmodat2', 'chown', 'fchown', 'lchown', 'fchownat', 'utime', 'utimes', 'futimesat',
      'utimensat', 'setxattr', 'lsetxattr', 'fsetxattr', 'setxattrat', 'removexattr', 'lremovexattr', 'fremovexattr',
      'removexattrat', 'file_setattr', 'ioctl',
    ],
    only: [
      { syscalls: ['ioctl'], when: [is(1, IOCTL.FS_IOC_SETFLAGS)] },
      { syscalls: ['ioctl'], when: [is(1, IOCTL.EXT4_IOC_SETVERSION)] },
      { syscalls: ['ioctl'], when: [is(1, IOCTL.FS_IOC_SETVERSION)] },
      { syscalls: ['ioctl'], when: [is(1, IOCTL.FS_IOC_FSSETXATTR)] },
      { syscalls: ['ioctl'], when: [is(1, IOCTL.FAT_IOCTL_SET_ATTRIBUTES)] },
    ],
  },
  execute: { syscalls: ['execve', 'execveat'] },
  /** Reaching others, and what would turn packets elsewhere than to the address that was decided on: source routes. */
  connect: {
    syscalls: ['connect', 'setsockopt'],
    only: [
      { syscalls: ['setsockopt'], when: [is(1, 0), is(2, 4)] },
      { syscalls: ['setsockopt'], when: [is(1, 41), is(2, 5)] },
      { syscalls: ['setsockopt'], when: [is(1, 41), is(2, 6)] },
      { syscalls: ['setsockopt'], when: [is(1, 41), is(2, 32)] },
      { syscalls: ['setsockopt'], when: [is(1, 41), is(2, 57)] },
    ],
  },
  bind: { syscalls: ['bind', 'listen'] },
  /** Sending with a destination. */
  send: {
    syscalls: ['sendto', 'sendmsg', 'sendmmsg'],
    settled: [{ syscalls: ['sendto'], when: [noAddress, { arg: 3, width: 32, mask: MSG.FASTOPEN, op: 'eq', value: 0 }] }],
  },
  /** Receiving with a sender's address: answers of name servers that the supervisor stands in for. */
  receive: {
    syscalls: ['recvfrom', 'recvmsg', 'recvmmsg'],
    settled: [{ syscalls: ['recvfrom'], when: [noAddress] }],
  },
  signal: {
    syscalls: ['kill', 'tkill', 'tgkill', 'rt_sigqueueinfo', 'rt_tgsigqueueinfo', 'pidfd_send_signal', 'fcntl', 'ioctl'],
    only: [
      { syscalls: ['fcntl'], when: [is(1, F.SETOWN)] },
      { syscalls: ['fcntl'], when: [is(1, F.SETOWN_EX)] },
      { syscalls: ['ioctl'], when: [is(1, IOCTL.FIOSETOWN)] },
      { syscalls: ['ioctl'], when: [is(1, IOCTL.SIOCSPGRP)] },
    ],
  },
  /** Whatever Linux guards like tracing: also files of procfs, and its links, which a place without rights passes on. */
  ptrace: {
    syscalls: [
      'open', 'openat', 'openat2', 'creat', 'truncate', 'link', 'linkat', 'execve', 'execveat', 'chdir', 'readlink',
      'readlinkat', 'ptrace', 'process_vm_readv', 'process_vm_writev', 'process_madvise', 'kcmp', 'pidfd_getfd', 'get_robust_list',
      'move_pages', 'migrate_pages', 'perf_event_open', 'setns',
    ],
    settled: [
      { syscalls: ['get_robust_list', 'move_pages', 'migrate_pages'], when: [is(0, 0)] },
      { syscalls: ['perf_event_open', 'setns'], when: [is(1, 0)] },
    ],
  },
  mount: { syscalls: ['mount', 'umount2', 'pivot_root', 'move_mount', 'fsconfig'] },
  /** The three calls of Landlock, for programs that use it themselves, and what its answers depend on. */
  landlock: {
    syscalls: [
      'landlock_create_ruleset', 'landlock_add_rule', 'landlock_restrict_self', 'prctl', 'socket', 'ioprio_set',
      'seccomp',
    ],
    only: [
      { syscalls: ['prctl'], when: [is(0, PR.SET_NO_NEW_PRIVS)] },
      { syscalls: ['prctl'], when: [is(0, PR.GET_NO_NEW_PRIVS)] },
      { syscalls: ['socket'], when: [is(0, AF.NETLINK), is(2, NETLINK_AUDIT)] },
      { syscalls: ['seccomp'], when: [is(0, SECCOMP.PREPEND_LANDLOCK_PROG)] },
    ],
  },
  /** Changes of identity, now or at the next execve, and of the root: emulated calls are made with the caller's. */
  credential: {
    syscalls: [
      'chroot', 'fchroot',
      'setuid', 'setgid', 'setreuid', 'setregid', 'setresuid', 'setresgid', 'setfsuid', 'setfsgid', 'setgroups', 'capset',
      'prctl',
    ],
    only: [
      { syscalls: ['prctl'], when: [is(0, PR.CAPBSET_DROP)] },
      { syscalls: ['prctl'], when: [is(0, PR.SET_SECUREBITS)] },
    ],
  },
  /** Making sockets, and whatever uses one: for layers that look at where a socket was made, or at its kind. */
  socket: {
    syscalls: ['socket', 'socketpair', 'accept', 'accept4', 'shutdown', 'setsockopt'],
  },
  /** One road back of sockets that are locked, besides those of the groups `connect` and `bind`. */
  shutdown: { syscalls: ['shutdown'] },
  /** Using sockets: for layers that ask at each use. */
  use: {
    syscalls: [
      'read', 'readv', 'preadv2', 'write', 'writev', 'pwritev2', 'sendfile', 'splice', 'recvfrom', 'recvmsg', 'recvmmsg',
      'sendto', 'sendmsg', 'sendmmsg', 'accept', 'accept4', 'io_submit', 'getsockopt',
    ],
    // Pages of a TCP socket (TCP_ZEROCOPY_RECEIVE) are received without a call that reads.
    only: [{ syscalls: ['getsockopt'], when: [is(1, 6), is(2, 35)] }],
  },
  /** What a program asks landward itself, and which domain it is in. */
  control: {
    syscalls: ['prctl', 'lsm_get_self_attr'],
    only: [{ syscalls: ['prctl'], when: [is(0, PR_LANDWARD)] }],
  },
  /** What could blind the supervisor, slow it down, or fake a domain. */
  guard: {
    syscalls: [
      'prctl', 'ioprio_set', 'sched_setscheduler', 'sched_setparam', 'sched_setattr', 'sched_setaffinity', 'setpriority',
    ],
    only: [
      { syscalls: ['prctl'], when: [is(0, PR.SET_DUMPABLE)] },
      { syscalls: ['sched_setscheduler', 'sched_setparam', 'sched_setattr', 'sched_setaffinity'], when: [hasAny(0, ALL)] },
      { syscalls: ['setpriority'], when: [hasAny(0, ALL)] },
      { syscalls: ['setpriority'], when: [hasAny(1, ALL)] },
    ],
  },
} as const satisfies Record<string, Group>;

export type NotifyGroup = keyof typeof NOTIFY_GROUPS;

/** A supervised tree is known by this limit, which Linux keeps for every process and asks nobody about. */
const TAG_RULES: readonly FilterRule[] = [
  {
    syscalls: ['prlimit64'],
    when: [is(1, RLIMIT.LOCKS), { arg: 2, width: 64, op: 'ne', value: 0 }],
    action: fail(ERRNO.EPERM),
    because: 'changes the mark of a supervised process',
  },
  {
    syscalls: ['setrlimit'],
    when: [is(0, RLIMIT.LOCKS)],
    action: fail(ERRNO.EPERM),
    because: 'changes the mark of a supervised process',
  },
];

/**
 * A domain that a program makes by itself would not hold for what is done on its behalf, so that such a program is told
 * that there is no Landlock, unless its domains are the model's too.
 */
const OWN_LANDLOCK: FilterRule = {
  syscalls: ['landlock_create_ruleset', 'landlock_add_rule', 'landlock_restrict_self'],
  action: fail(ERRNO.EOPNOTSUPP),
  because: 'would not hold for calls that are answered',
};

/** What every filter refuses under which calls are answered; nothing where none are. */
export function supervisedRules(groups: readonly NotifyGroup[]): readonly FilterRule[] {
  if (groups.length === 0) return [];
  return groups.includes('landlock') ? TAG_RULES : [...TAG_RULES, OWN_LANDLOCK];
}

/**
 * The rules that make a filter ask about groups of calls.
 *
 * @param groups a plan's groups; where one asks about a call that another settles, it is asked about
 */
export function notifyRules(groups: readonly NotifyGroup[]): FilterRule[] {
  const rules: FilterRule[] = [];
  const chosen = groups.map((name): Group => NOTIFY_GROUPS[name]);
  const asked = new Set<SyscallName>();
  const partly = (group: Group) =>
    new Set([...(group.settled ?? []), ...(group.only ?? [])].flatMap((one) => one.syscalls));
  for (const group of chosen) {
    const some = partly(group);
    for (const name of group.syscalls) if (!some.has(name)) asked.add(name);
  }
  if (asked.size > 0) rules.push({ syscalls: [...asked], action: NOTIFY, because: 'the supervisor answers' });
  for (const { settled = [], only = [], syscalls } of chosen) {
    for (const { syscalls: names, when } of only)
      rules.push({ syscalls: names, when, action: NOTIFY, because: 'the supervisor answers' });
    for (const { syscalls: names, when } of settled)
      rules.push({ syscalls: names, when, action: ALLOW, because: 'asks for nothing that could be denied' });
    const rest = settled.flatMap((one) => one.syscalls).filter((name) => syscalls.includes(name));
    if (rest.length > 0)
      rules.push({ syscalls: [...new Set(rest)], action: NOTIFY, because: 'the supervisor answers' });
  }
  return rules;
}
