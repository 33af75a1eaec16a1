/* Starting a process. See spawn.h. */

#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>

#include "apply.h"
#include "linux.h"
#include "spawn.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define __asan_unpoison_memory_region(address, bytes) ((void)0)
#endif

#define STACK_BYTES (64L * 1024)
#define FAILED_START 127

struct start {
  void *image;
  volatile int32_t failed;
  volatile int32_t step;
  volatile int32_t error;
};

/*
 * Runs in the child, on its own stack but in the memory of the parent, whose calling thread sleeps until execve or
 * exit. No libc function may be called: the thread-local state belongs to the parent.
 */
static int child(void *argument) {
  struct start *start = argument;
  /* Handlers first, mask second: a handler of the parent must never run in here. Ignored signals would survive execve. */
  struct kernel_sigaction standard = {0};
  for (long number = 1; number <= SIG_LAST; number++) {
    if (number == SIG_KILL || number == SIG_STOP) continue;
    sys(NR_rt_sigaction, number, (long)&standard, 0, SIGSET_BYTES, 0, 0);
  }
  uint64_t none = 0;
  sys(NR_rt_sigprocmask, SIG_SETMASK_, (long)&none, 0, SIGSET_BYTES, 0, 0);

  struct applied applied = image_apply(start->image);
  start->step = applied.step;
  start->error = applied.error;
  start->failed = 1;
  sys(NR_exit_group, FAILED_START, 0, 0, 0, 0, 0);
  __builtin_unreachable();
}

struct spawned spawn_image(void *image) {
  volatile int32_t pidfd = -1;
  struct spawned result = spawn_image_at(image, &pidfd);
  if (result.pid < 0 && pidfd >= 0) sys(NR_close, pidfd, 0, 0, 0, 0, 0);
  return result;
}

struct spawned spawn_image_at(void *image, volatile int32_t *pidfd) {
  struct spawned result = {.pid = -1, .pidfd = -1, .step = -1, .error = 0};
  long stack = sys(NR_mmap, 0, STACK_BYTES, PROT_READ_WRITE, MAP_STACK_PRIVATE_ANONYMOUS, -1, 0);
  if (sys_failed(stack)) {
    result.error = (int32_t)-stack;
    return result;
  }

  struct start start = {.image = image, .failed = 0, .step = -1, .error = 0};
  uint64_t all = ~UINT64_C(0);
  uint64_t before = 0;
  sys(NR_rt_sigprocmask, SIG_SETMASK_, (long)&all, (long)&before, SIGSET_BYTES, 0, 0);
  int flags = CLONE_VM_ | CLONE_VFORK_ | CLONE_PIDFD_ | SIG_CHLD;
  int pid = clone(child, (char *)stack + STACK_BYTES, flags, &start, pidfd);
  int clone_error = errno;
  if (pid >= 0 && start.failed != 0) {
    /* Until this wait the id belongs to nobody else; where SIGCHLD is ignored there is nothing left to wait for. */
    sys(NR_wait4, pid, 0, WAIT_ALL, 0, 0, 0);
  }
  sys(NR_rt_sigprocmask, SIG_SETMASK_, (long)&before, 0, SIGSET_BYTES, 0, 0);
  /* The child has not returned from its frames: what the sanitizer has marked in them would outlive the stack. */
  __asan_unpoison_memory_region((void *)stack, STACK_BYTES);
  sys(NR_munmap, stack, STACK_BYTES, 0, 0, 0, 0);

  if (pid < 0) {
    result.error = clone_error;
  } else if (start.failed != 0) {
    result.step = start.step;
    result.error = start.error;
  } else {
    result.pid = pid;
    result.pidfd = *pidfd;
  }
  return result;
}
