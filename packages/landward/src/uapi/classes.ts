/**
 * Every system call in exactly one class: what it is for, as far as a sandbox cares.
 *
 * A call that a newer kernel adds has no class until someone decides; then this file doesn't compile and its test
 * fails. Owns the partition only: which class is refused is the filter's business.
 */

import type { SyscallName } from './syscalls.ts';

/** The calls of each class, by name. */
// biome-ignore format: one call a line would hide the classes
export const SYSCALL_CLASSES = {
  /** Data through descriptors that exist already, and waiting for it. */
  io: [
    'read', 'write', 'close', 'close_range', 'lseek', 'pread64', 'pwrite64', 'readv', 'writev', 'preadv',
    'pwritev', 'preadv2', 'pwritev2', 'dup', 'dup2', 'dup3', 'pipe', 'pipe2', 'fcntl', 'poll', 'ppoll',
    'select', 'pselect6', 'epoll_create', 'epoll_create1', 'epoll_ctl', 'epoll_wait', 'epoll_pwait',
    'epoll_pwait2', 'eventfd', 'eventfd2', 'sendfile', 'splice', 'tee', 'vmsplice', 'copy_file_range',
    'readahead', 'fadvise64', 'fallocate', 'fsync', 'fdatasync', 'sync_file_range', 'io_setup',
    'io_destroy', 'io_submit', 'io_cancel', 'io_getevents', 'io_pgetevents', 'flock',
  ],
  /** Files, directories, their names and metadata, by path or descriptor. */
  fs: [
    'open', 'openat', 'openat2', 'creat', 'stat', 'lstat', 'fstat', 'newfstatat', 'statx', 'access',
    'faccessat', 'faccessat2', 'readlink', 'readlinkat', 'getdents', 'getdents64', 'getcwd', 'chdir',
    'fchdir', 'mkdir', 'mkdirat', 'mknod', 'mknodat', 'rmdir', 'unlink', 'unlinkat', 'rename', 'renameat',
    'renameat2', 'link', 'linkat', 'symlink', 'symlinkat', 'truncate', 'ftruncate', 'chmod', 'fchmod',
    'fchmodat', 'fchmodat2', 'chown', 'fchown', 'lchown', 'fchownat', 'utime', 'utimes', 'futimesat',
    'utimensat', 'umask', 'statfs', 'fstatfs', 'ustat', 'sync', 'syncfs', 'getxattr', 'lgetxattr',
    'fgetxattr', 'getxattrat', 'setxattr', 'lsetxattr', 'fsetxattr', 'setxattrat', 'listxattr',
    'llistxattr', 'flistxattr', 'listxattrat', 'removexattr', 'lremovexattr', 'fremovexattr',
    'removexattrat', 'file_getattr', 'file_setattr', 'cachestat',
  ],
  /** Files by a handle that outlives names. */
  handle: ['name_to_handle_at', 'open_by_handle_at'],
  /** Watching what others do to files. */
  watch: [
    'inotify_init', 'inotify_init1', 'inotify_add_watch', 'inotify_rm_watch', 'fanotify_init',
    'fanotify_mark',
  ],
  /** Device control. */
  ioctl: ['ioctl'],
  /** Sockets. */
  net: [
    'socket', 'socketpair', 'connect', 'bind', 'listen', 'accept', 'accept4', 'shutdown', 'sendto',
    'sendmsg', 'sendmmsg', 'recvfrom', 'recvmsg', 'recvmmsg', 'getsockname', 'getpeername', 'getsockopt',
    'setsockopt',
  ],
  /** This process's own memory. */
  memory: [
    'mmap', 'munmap', 'mremap', 'mprotect', 'madvise', 'brk', 'msync', 'mincore', 'mlock', 'mlock2',
    'mlockall', 'munlock', 'munlockall', 'mseal', 'remap_file_pages', 'pkey_alloc', 'pkey_free',
    'pkey_mprotect', 'membarrier', 'map_shadow_stack', 'memfd_secret', 'get_mempolicy', 'set_mempolicy',
    'set_mempolicy_home_node', 'mbind',
  ],
  /** Files without a name, which can be executed although no rule lists them. */
  memfd: ['memfd_create'],
  /** New processes and threads, waiting for them, and what a process is. */
  process: [
    'clone', 'clone3', 'fork', 'vfork', 'exit', 'exit_group', 'wait4', 'waitid', 'getpid', 'gettid',
    'getppid', 'getpgid', 'getpgrp', 'setpgid', 'getsid', 'setsid', 'set_tid_address', 'prctl',
    'arch_prctl', 'personality', 'pidfd_open', 'set_thread_area', 'get_thread_area', 'modify_ldt', 'rseq',
    'rseq_slice_yield', 'set_robust_list', 'get_robust_list', 'futex', 'futex_wait', 'futex_waitv',
    'futex_wake', 'futex_requeue', 'restart_syscall', 'uprobe', 'uretprobe',
  ],
  /** Becoming another program. */
  exec: ['execve', 'execveat'],
  /** User, group and capability identities. */
  credential: [
    'getuid', 'geteuid', 'getgid', 'getegid', 'getresuid', 'getresgid', 'getgroups', 'setuid', 'setgid',
    'setreuid', 'setregid', 'setresuid', 'setresgid', 'setfsuid', 'setfsgid', 'setgroups', 'capget',
    'capset',
  ],
  /** Sending and receiving signals. */
  signal: [
    'rt_sigaction', 'rt_sigprocmask', 'rt_sigpending', 'rt_sigqueueinfo', 'rt_tgsigqueueinfo',
    'rt_sigreturn', 'rt_sigsuspend', 'rt_sigtimedwait', 'sigaltstack', 'signalfd', 'signalfd4', 'pause',
    'kill', 'tkill', 'tgkill', 'pidfd_send_signal',
  ],
  /** Processor time, priorities and limits, some of them for other processes. */
  scheduling: [
    'sched_yield', 'sched_getaffinity', 'sched_setaffinity', 'sched_getattr', 'sched_setattr',
    'sched_getparam', 'sched_setparam', 'sched_getscheduler', 'sched_setscheduler',
    'sched_get_priority_max', 'sched_get_priority_min', 'sched_rr_get_interval', 'getpriority',
    'setpriority', 'ioprio_get', 'ioprio_set', 'getrlimit', 'setrlimit', 'prlimit64', 'getrusage', 'getcpu',
  ],
  /** Reading clocks, sleeping, timers. */
  time: [
    'time', 'times', 'gettimeofday', 'clock_gettime', 'clock_getres', 'clock_nanosleep', 'nanosleep',
    'alarm', 'getitimer', 'setitimer', 'timer_create', 'timer_delete', 'timer_getoverrun', 'timer_gettime',
    'timer_settime', 'timerfd_create', 'timerfd_gettime', 'timerfd_settime',
  ],
  /** System V and POSIX messages, semaphores and shared memory. */
  ipc: [
    'shmget', 'shmat', 'shmctl', 'shmdt', 'semget', 'semop', 'semtimedop', 'semctl', 'msgget', 'msgsnd',
    'msgrcv', 'msgctl', 'mq_open', 'mq_unlink', 'mq_timedsend', 'mq_timedreceive', 'mq_notify',
    'mq_getsetattr',
  ],
  /** What the system tells about itself. */
  inspect: [
    'uname', 'sysinfo', 'getrandom', 'sysfs', 'statmount', 'listmount', 'listns', 'lsm_get_self_attr',
    'lsm_list_modules',
  ],
  /** Restricting oneself: these only ever narrow. */
  restrict: [
    'landlock_create_ruleset', 'landlock_add_rule', 'landlock_restrict_self', 'seccomp',
    'lsm_set_self_attr',
  ],
  /** Looking into or changing another process. */
  ptrace: [
    'ptrace', 'process_vm_readv', 'process_vm_writev', 'process_madvise', 'process_mrelease', 'kcmp',
    'pidfd_getfd', 'migrate_pages', 'move_pages',
  ],
  /** Entering, making or naming namespaces; `clone` and `clone3` can too, and are judged by their flags. */
  namespace: ['unshare', 'setns', 'sethostname', 'setdomainname'],
  /** Changing what is mounted where. */
  mount: [
    'mount', 'umount2', 'pivot_root', 'fsopen', 'fsconfig', 'fsmount', 'fspick', 'move_mount', 'open_tree',
    'open_tree_attr', 'mount_setattr',
  ],
  /** Changing the root directory, which moves names but not what Landlock decides on. */
  root: ['chroot', 'fchroot'],
  /** Submitting other calls where no filter sees them. */
  io_uring: ['io_uring_setup', 'io_uring_enter', 'io_uring_register'],
  /** The kernel's key store, shared by all sessions of a user. */
  keyring: ['add_key', 'request_key', 'keyctl'],
  bpf: ['bpf'],
  /** Performance counters, which observe other processes and the kernel. */
  perf: ['perf_event_open'],
  /** Page faults served by user space, which widens races in the kernel. */
  userfaultfd: ['userfaultfd'],
  /** Setting the system's clocks. */
  clock: ['settimeofday', 'clock_settime', 'clock_adjtime', 'adjtimex'],
  /** Kernel modules and other kernels. */
  module: ['init_module', 'finit_module', 'delete_module', 'kexec_load', 'kexec_file_load'],
  /** The machine as a whole: power, swap, quotas, accounting, ports, the kernel log. */
  machine: [
    'reboot', 'swapon', 'swapoff', 'quotactl', 'quotactl_fd', 'acct', 'iopl', 'ioperm', 'syslog', 'vhangup',
  ],
  /** Numbers that no kernel of today answers with anything but an error. */
  obsolete: [
    '_sysctl', 'afs_syscall', 'create_module', 'epoll_ctl_old', 'epoll_wait_old', 'get_kernel_syms',
    'getpmsg', 'lookup_dcookie', 'nfsservctl', 'putpmsg', 'query_module', 'security', 'tuxcall', 'uselib',
    'vserver',
  ],
} as const satisfies Readonly<Record<string, readonly SyscallName[]>>;

/** What a call is for. */
export type SyscallClass = keyof typeof SYSCALL_CLASSES;

/** Calls without a class: none, or the next line doesn't compile. */
type Unclassified = Exclude<SyscallName, (typeof SYSCALL_CLASSES)[SyscallClass][number]>;
/** A witness for the compiler; its type names the calls that lack a class. */
export const EVERY_CALL_HAS_A_CLASS: [Unclassified] extends [never] ? true : Unclassified = true;

const classes = new Map<SyscallName, SyscallClass>(
  (Object.keys(SYSCALL_CLASSES) as SyscallClass[]).flatMap((name) =>
    SYSCALL_CLASSES[name].map((call): [SyscallName, SyscallClass] => [call, name]),
  ),
);

/**
 * The class of a call.
 *
 * @example syscallClass('pivot_root') // 'mount'
 */
export function syscallClass(name: SyscallName): SyscallClass {
  return classes.get(name)!;
}
