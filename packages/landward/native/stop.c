/* The signal that stops a thread, and what it does in there. See round.h. */

#include "restore.h"
#include "round.h"

/* Exists in glibc and nowhere else: tells which signal the libc keeps for itself. */
extern const char *gnu_get_libc_version(void) __attribute__((weak));

#define GLIBC_SIGSETXID 33
#define MUSL_SIGSYNCCALL 34
#define MARK UINT64_C(0x4c445754) /* tells our signals from those of libc, in the upper half of the value */

struct round the_round;

/* What the signal did before us. */
static struct kernel_sigaction previous;

/* The part of siginfo that is the same on 64-bit Linux everywhere. */
struct signal_info {
  int32_t signo;
  int32_t error;
  int32_t code;
  int32_t padding;
  int32_t pid;
  uint32_t uid;
  uint64_t value;
  uint64_t rest[12];
};

_Static_assert(sizeof(struct signal_info) == 128, "siginfo");

static void tell_caller(void) {
  __atomic_add_fetch(&the_round.events, 1, __ATOMIC_SEQ_CST);
  wake(&the_round.events);
}

void apply_at(uint32_t seat) {
  the_round.seats[seat].applied = image_apply(the_round.images + seat * the_round.image_bytes);
}

/* Stops this thread until the others have stopped too, then follows the calling thread. */
static void stop_here(void) {
  int32_t tid = (int32_t)sys(NR_gettid, 0, 0, 0, 0, 0, 0);
  uint32_t count = get(&the_round.count);
  for (uint32_t i = 0; i < count; i++) {
    struct seat *seat = &the_round.seats[i];
    if (seat->tid != tid || get(&seat->state) != CALLED) continue;
    set(&seat->state, STOPPED);
    tell_caller();
    while (get(&the_round.phase) == GATHER) sleep_while(&the_round.phase, GATHER, 0);
    if (get(&the_round.phase) == APPLY) apply_at(i);
    set(&seat->state, DONE);
    tell_caller();
    return;
  }
}

static void on_signal(int number, void *info, void *frame) {
  const struct signal_info *signal = info;
  if (signal->code == SI_QUEUE_ && signal->value >> 32 == MARK) {
    /* A thread that comes too late finds another serial or phase, and has nothing to do. */
    if ((uint32_t)signal->value == get(&the_round.serial) && get(&the_round.phase) == GATHER) stop_here();
    return;
  }
  if ((uintptr_t)previous.handler > 1) previous.handler(number, info, frame);
}

#if defined(__x86_64__)
__asm__(".text\n.globl landward_restore\n.hidden landward_restore\n.type landward_restore, @function\nlandward_restore:\n mov $15, %eax\n syscall\n");
#endif

static long signal_number(void) { return gnu_get_libc_version ? GLIBC_SIGSETXID : MUSL_SIGSYNCCALL; }

long stop_install(void) {
  struct kernel_sigaction action = {
      .handler = on_signal,
      .flags = SA_SIGINFO_ | SA_RESTART_ | SA_ONSTACK_ | RESTORER_FLAG,
      .restorer = RESTORER,
      .mask = ~UINT64_C(0),
  };
  return sys(NR_rt_sigaction, signal_number(), (long)&action, (long)&previous, SIGSET_BYTES, 0, 0);
}

void stop_uninstall(void) {
  sys(NR_rt_sigaction, signal_number(), (long)&previous, 0, SIGSET_BYTES, 0, 0);
}

void stop_call(struct seat *seat, int32_t pid) {
  struct signal_info info = {
      .signo = (int32_t)signal_number(),
      .code = SI_QUEUE_,
      .pid = pid,
      .value = MARK << 32 | the_round.serial,
  };
  long result = sys(NR_rt_tgsigqueueinfo, pid, seat->tid, info.signo, (long)&info, 0, 0);
  if (result == 0) seat->signalled = 1;
}

