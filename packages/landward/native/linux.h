/*
 * The numbers of Linux that the native part needs itself, and the raw system call.
 *
 * Vendored, because the headers of supported distributions are older than the kernels. What steps of an image
 * contain is not known here: those numbers come from the TypeScript side.
 */
#ifndef LANDWARD_LINUX_H
#define LANDWARD_LINUX_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#define NR_mmap 9
#define NR_munmap 11
#define NR_rt_sigaction 13
#define NR_rt_sigprocmask 14
#define NR_rt_sigreturn 15
#define NR_readlinkat 267
#define NR_getpid 39
#define NR_execve 59
#define NR_fcntl 72
#define NR_wait4 61
#define NR_gettid 186
#define NR_futex 202
#define NR_getdents64 217
#define NR_clock_gettime 228
#define NR_exit_group 231
#define NR_tgkill 234
#define NR_openat 257
#define NR_rt_tgsigqueueinfo 297
#define NR_execveat 322
#define NR_statx 332
#define NR_read 0
#define NR_write 1
#define NR_close 3
#define NR_ioctl 16
#define NR_chdir 80
#define NR_setsid 112
#define NR_epoll_ctl 233
#define NR_waitid 247
#define NR_ppoll 271
#define NR_unshare 272
#define NR_epoll_pwait 281
#define NR_eventfd2 290
#define NR_epoll_create1 291
#define NR_dup3 292
#define NR_prlimit64 302
#define NR_process_vm_readv 310
#define NR_process_vm_writev 311
#elif defined(__aarch64__)
#define NR_fcntl 25
#define NR_close 57
#define NR_openat 56
#define NR_getdents64 61
#define NR_read 63
#define NR_write 64
#define NR_readlinkat 78
#define NR_exit_group 94
#define NR_futex 98
#define NR_clock_gettime 113
#define NR_tgkill 131
#define NR_rt_sigaction 134
#define NR_rt_sigprocmask 135
#define NR_rt_sigreturn 139
#define NR_getpid 172
#define NR_gettid 178
#define NR_munmap 215
#define NR_execve 221
#define NR_mmap 222
#define NR_rt_tgsigqueueinfo 240
#define NR_wait4 260
#define NR_execveat 281
#define NR_statx 291
#define NR_eventfd2 19
#define NR_epoll_create1 20
#define NR_epoll_ctl 21
#define NR_epoll_pwait 22
#define NR_dup3 24
#define NR_ioctl 29
#define NR_chdir 49
#define NR_ppoll 73
#define NR_waitid 95
#define NR_unshare 97
#define NR_setsid 157
#define NR_prlimit64 261
#define NR_process_vm_readv 270
#define NR_process_vm_writev 271
#else
#error "landward supports x86-64 and arm64"
#endif

/* The same everywhere. */
#define NR_pidfd_send_signal 424
#define NR_pidfd_open 434
#define NR_close_range 436

#define E_PERM 1
#define E_NOENT 2
#define E_SRCH 3
#define E_INTR 4
#define E_NOEXEC 8
#define E_BADF 9
#define E_AGAIN 11
#define E_NOMEM 12
#define E_ACCES 13
#define E_FAULT 14
#define E_BUSY 16
#define E_NOTDIR 20
#define E_INVAL 22
#define E_NAMETOOLONG 36
#define E_TIMEDOUT 110
#define E_CANCELED 125
#define ERRNO_LAST 4095

#define AT_CWD (-100)
#define OPEN_CLOEXEC 0x80000
#define OPEN_READ_WRITE 2
#define GET_FD_FLAGS 1

#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22
#define MAP_STACK_PRIVATE_ANONYMOUS 0x20022

#define SIG_SETMASK_ 2
#define SIG_LAST 64
#define SIG_KILL 9
#define SIG_CHLD 17
#define SIG_STOP 19
#define SIGSET_BYTES 8
#define SA_SIGINFO_ 4u
#define SA_RESTORER_ 0x04000000u
#define SA_ONSTACK_ 0x08000000u
#define SA_RESTART_ 0x10000000u
#define SI_QUEUE_ (-1)

#define CLONE_VM_ 0x100
#define CLONE_PIDFD_ 0x1000
#define CLONE_VFORK_ 0x4000
#define WAIT_ALL 0x40000000

#define FUTEX_WAIT_PRIVATE_ 128
#define FUTEX_WAKE_PRIVATE_ 129
#define CLOCK_MONOTONIC_ 1

#define CLONE_FS_ 0x200
#define FD_CLOEXEC_COPY 1030
#define PAGE_BYTES 4096u

/* What the kernel takes for rt_sigaction, which is not what libc declares. */
struct kernel_sigaction {
  void (*handler)(int, void *, void *);
  unsigned long flags;
  void (*restorer)(void);
  uint64_t mask;
};

struct kernel_timespec {
  int64_t seconds;
  int64_t nanoseconds;
};

/* One system call. Returns what the kernel returns: a result, or -errno. Touches neither errno nor any lock. */
static inline long sys(long nr, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#else
  register long x8 __asm__("x8") = nr;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory", "cc");
  return x0;
#endif
}

static inline int sys_failed(long result) { return result < 0 && result >= -ERRNO_LAST; }

#endif
