/**
 * The names of what a host may fail to hold: what `degrade` accepts, gaps carry and `status` lists.
 * Coarser than rights: a person accepts "no UDP control", not a bit.
 */

/** Every feature with what is lost where it is missing, and what closes the gap. */
export const FEATURES = {
  landlock: {
    lost: 'nothing is restricted by Landlock',
    closes: 'a kernel with Landlock enabled (Linux 5.13, lsm=landlock)',
  },
  'fs.refer': { lost: 'files cannot be moved or linked between directories', closes: 'Linux 5.19 (ABI 2)' },
  'fs.truncate': { lost: 'files that can be reached can be truncated', closes: 'Linux 6.2 (ABI 3)' },
  'fs.ioctl_dev': { lost: 'device ioctls are not restricted', closes: 'Linux 6.10 (ABI 5)' },
  'fs.deny': {
    lost: 'a deny rule below a granted tree is not held',
    closes: 'the supervisor, or expand = true for what exists now',
  },
  'fs.hide': { lost: 'hidden paths can be seen by stat and listings', closes: 'the supervisor' },
  'fs.ask': { lost: 'nobody can be asked', closes: 'the supervisor with landward run --ask, or onAsk' },
  'fs.glob': { lost: 'a glob is not evaluated for files created later', closes: 'the supervisor' },
  'fs.metadata': {
    lost: 'stat, chmod, chown, utimes and extended attributes are not restricted',
    closes: 'the supervisor',
  },
  'fs.create': { lost: 'exact creation by name is not held', closes: 'the supervisor' },
  'fs.exact': {
    lost: 'a rule for one directory alone is not held, since Landlock rules cover what is below',
    closes: 'the supervisor, or a rule for the whole tree',
  },
  self: {
    lost: 'the program can change files that decide about its next start',
    closes: 'a place for them outside every writable tree',
  },
  'net.tcp': { lost: 'TCP is not restricted', closes: 'Linux 6.7 (ABI 4)' },
  'net.udp': {
    lost: 'UDP is not restricted',
    closes: 'Linux 7.2 (ABI 10), the supervisor, or no UDP sockets at all',
  },
  'net.host': { lost: 'hosts and addresses are not told apart, only ports', closes: 'the supervisor' },
  'net.deny': { lost: 'a network deny below an allowed port is not held', closes: 'the supervisor' },
  'net.ask': { lost: 'nobody can be asked', closes: 'the supervisor with landward run --ask, or onAsk' },
  'net.subject': { lost: 'the caller decides on a socket, not its creator', closes: 'the supervisor' },
  'net.aim': { lost: 'sockets that were made outside can be aimed anew', closes: 'the supervisor' },
  'net.lock': { lost: 'sockets that listen or are connected can be dissolved', closes: 'the supervisor' },
  'net.revalidate': {
    lost: 'sockets that were made outside are not asked about when they are used',
    closes: 'the supervisor',
  },
  'net.other': { lost: 'protocols other than TCP and UDP are not restricted', closes: 'a seccomp filter' },
  'unix.connect': {
    lost: 'any UNIX socket that file permissions allow can be reached',
    closes: 'Linux 7.1 (ABI 9), the supervisor, or no UNIX sockets at all',
  },
  'scope.abstract_unix_socket': {
    lost: 'abstract UNIX sockets outside can be reached',
    closes: 'Linux 6.12 (ABI 6)',
  },
  'scope.signal': { lost: 'processes outside can be signalled', closes: 'Linux 6.12 (ABI 6)' },
  seccomp: { lost: 'system calls are not filtered', closes: 'a kernel with CONFIG_SECCOMP_FILTER' },
  'process.io_uring': {
    lost: 'native code in this process can use io_uring rings made before, which no filter sees (Landlock does)',
    closes: 'a start with node --import landward/auto or landward run, where no ring is made',
  },
  'limits.cgroup': {
    lost: 'limits of the whole tree are not held',
    closes: 'a writable cgroup v2 directory',
  },
  because: { lost: 'the reason is not shown to the program', closes: 'the supervisor' },
} as const satisfies Record<string, { readonly lost: string; readonly closes: string }>;

export type Feature = keyof typeof FEATURES;
