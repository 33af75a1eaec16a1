/* Threads of our own. See thread.h. */

#include "thread.h"

#include <pthread.h>

#include "futex.h"
#include "restore.h"

/* Virtual: only what is touched costs memory. */
#if defined(__SANITIZE_ADDRESS__)
#define STACK_BYTES (2048L * 1024)
#else
#define STACK_BYTES (256L * 1024)
#endif

#define FIRST_TRIED 62
#define LAST_TRIED 35
#define LIBC_SIGNALS (UINT64_C(7) << 31) /* 32 to 34 */

static uint32_t install_lock;
static int32_t interrupt_signal;

static void on_interrupt(int number, void *info, void *frame) { (void)number, (void)info, (void)frame; }

/* Whether nobody has given the signal a meaning. */
static int is_free(long number) {
  struct kernel_sigaction now = {0};
  return sys(NR_rt_sigaction, number, 0, (long)&now, SIGSET_BYTES, 0, 0) == 0 && now.handler == 0;
}

int32_t thread_interrupt_signal(void) {
  lock(&install_lock);
  for (int32_t number = FIRST_TRIED; interrupt_signal == 0 && number >= LAST_TRIED; number--) {
    if (!is_free(number)) continue;
    /* Without SA_RESTART: interrupting is what it is for. */
    struct kernel_sigaction action = {
        .handler = on_interrupt, .flags = SA_SIGINFO_ | SA_ONSTACK_ | RESTORER_FLAG, .restorer = RESTORER};
    if (sys(NR_rt_sigaction, number, (long)&action, 0, SIGSET_BYTES, 0, 0) == 0) interrupt_signal = number;
  }
  int32_t result = interrupt_signal == 0 ? -E_BUSY : interrupt_signal;
  unlock(&install_lock);
  return result;
}

void thread_interrupt(int32_t tid) {
  long pid = sys(NR_getpid, 0, 0, 0, 0, 0, 0);
  if (interrupt_signal != 0) sys(NR_tgkill, pid, tid, interrupt_signal, 0, 0, 0);
}

/* Deaf to what is meant for the process; libc and landward reach every thread by signals of libc's own. */
static uint64_t own_mask(void) {
  int32_t number = interrupt_signal;
  uint64_t heard = LIBC_SIGNALS | (number == 0 ? 0 : UINT64_C(1) << (number - 1));
  return ~heard;
}

long thread_start(void *(*function)(void *), void *context) {
  /* Large enough for any libc's idea of it. */
  union {
    pthread_attr_t attributes;
    uint64_t room[16];
  } of = {.room = {0}};
  pthread_t thread;
  if (pthread_attr_init(&of.attributes) != 0) return -E_NOMEM;
  pthread_attr_setdetachstate(&of.attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&of.attributes, STACK_BYTES);
  uint64_t mask = own_mask();
  uint64_t before = 0;
  /* A thread starts with the mask of its maker: so no signal of the process ever runs in it. */
  sys(NR_rt_sigprocmask, SIG_SETMASK_, (long)&mask, (long)&before, SIGSET_BYTES, 0, 0);
  int error = pthread_create(&thread, &of.attributes, function, context);
  sys(NR_rt_sigprocmask, SIG_SETMASK_, (long)&before, 0, SIGSET_BYTES, 0, 0);
  pthread_attr_destroy(&of.attributes);
  return -error;
}
