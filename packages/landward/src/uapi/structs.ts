/**
 * The structs that landward hands to the kernel or takes from it, by the kernel's names.
 *
 * Owns offsets and sizes; the codec is `layout.ts`. Addresses inside structs are plain 64-bit fields: who fills them
 * knows the memory.
 */

import { layout } from './layout.ts';

/** `size` is the newest; pass a kernel with a smaller ABI only the first `attrSize` bytes of its row. */
export const LANDLOCK_RULESET_ATTR = layout('landlock_ruleset_attr', 48, {
  handled_access_fs: [0, 'u64'],
  handled_access_net: [8, 'u64'],
  scoped: [16, 'u64'],
  quiet_access_fs: [24, 'u64'],
  quiet_access_net: [32, 'u64'],
  quiet_scoped: [40, 'u64'],
});

/** Packed: the kernel reads exactly 12 bytes. */
export const LANDLOCK_PATH_BENEATH_ATTR = layout('landlock_path_beneath_attr', 12, {
  allowed_access: [0, 'u64'],
  parent_fd: [8, 's32'],
});

export const LANDLOCK_NET_PORT_ATTR = layout('landlock_net_port_attr', 16, {
  allowed_access: [0, 'u64'],
  port: [8, 'u64'],
});

export const SOCK_FILTER = layout('sock_filter', 8, {
  code: [0, 'u16'],
  jt: [2, 'u8'],
  jf: [3, 'u8'],
  k: [4, 'u32'],
});

/** `len` counts instructions; `filter` is their address. */
export const SOCK_FPROG = layout('sock_fprog', 16, { len: [0, 'u16'], filter: [8, 'u64'] });

/** What a filter sees of a call. */
export const SECCOMP_DATA = layout('seccomp_data', 64, {
  nr: [0, 's32'],
  arch: [4, 'u32'],
  instruction_pointer: [8, 'u64'],
  arg0: [16, 'u64'],
  arg1: [24, 'u64'],
  arg2: [32, 'u64'],
  arg3: [40, 'u64'],
  arg4: [48, 'u64'],
  arg5: [56, 'u64'],
});

/** Ends with a `seccomp_data` at offset 16. */
export const SECCOMP_NOTIF = layout('seccomp_notif', 80, {
  id: [0, 'u64'],
  pid: [8, 'u32'],
  flags: [12, 'u32'],
  nr: [16, 's32'],
  arch: [20, 'u32'],
  instruction_pointer: [24, 'u64'],
  arg0: [32, 'u64'],
  arg1: [40, 'u64'],
  arg2: [48, 'u64'],
  arg3: [56, 'u64'],
  arg4: [64, 'u64'],
  arg5: [72, 'u64'],
});

export const SECCOMP_NOTIF_RESP = layout('seccomp_notif_resp', 24, {
  id: [0, 'u64'],
  val: [8, 's64'],
  error: [16, 's32'],
  flags: [20, 'u32'],
});

export const SECCOMP_NOTIF_ADDFD = layout('seccomp_notif_addfd', 24, {
  id: [0, 'u64'],
  flags: [8, 'u32'],
  srcfd: [12, 'u32'],
  newfd: [16, 'u32'],
  newfd_flags: [20, 'u32'],
});

export const SECCOMP_NOTIF_SIZES = layout('seccomp_notif_sizes', 6, {
  seccomp_notif: [0, 'u16'],
  seccomp_notif_resp: [2, 'u16'],
  seccomp_data: [4, 'u16'],
});

export const RLIMIT64 = layout('rlimit64', 16, { rlim_cur: [0, 'u64'], rlim_max: [8, 'u64'] });

export const OPEN_HOW = layout('open_how', 24, { flags: [0, 'u64'], mode: [8, 'u64'], resolve: [16, 'u64'] });

export const CLONE_ARGS = layout('clone_args', 88, {
  flags: [0, 'u64'],
  pidfd: [8, 'u64'],
  child_tid: [16, 'u64'],
  parent_tid: [24, 'u64'],
  exit_signal: [32, 'u64'],
  stack: [40, 'u64'],
  stack_size: [48, 'u64'],
  tls: [56, 'u64'],
  set_tid: [64, 'u64'],
  set_tid_size: [72, 'u64'],
  cgroup: [80, 'u64'],
});

/** Who owns a descriptor's signals (`F_SETOWN_EX`). */
export const F_OWNER_EX = layout('f_owner_ex', 8, { type: [0, 's32'], pid: [4, 's32'] });

export const IOVEC = layout('iovec', 16, { iov_base: [0, 'u64'], iov_len: [8, 'u64'] });

export const MSGHDR = layout('msghdr', 56, {
  msg_name: [0, 'u64'],
  msg_namelen: [8, 's32'],
  msg_iov: [16, 'u64'],
  msg_iovlen: [24, 'u64'],
  msg_control: [32, 'u64'],
  msg_controllen: [40, 'u64'],
  msg_flags: [48, 'u32'],
});
