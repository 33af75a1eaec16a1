/*
 * The guard: a static executable that outlives the supervisor and ends the programs that it supervised. Without it they would
 * go on, with every supervised call refused.
 *
 *   guard PIDFD ORDERS     descriptors: the supervisor, and the reading end of a pipe of `struct order`
 *
 * Holds no other descriptor, belongs to no terminal, listens to no signal. Owns no decision about when a run is over:
 * the supervisor tells.
 */

#include "guard.h"

#include "freestanding.h"
#include "linux.h"

#define MARKS 4096
#define SUPERVISOR 3
#define ORDERS 4
#define MOVED_FROM 10
#define HIGHEST_FD 0xffffffffl
#define POLL_IN 1
#define EXIT_USAGE 125
#define ORDERS_AT_ONCE 64

struct watched {
  int32_t fd;
  int16_t events;
  int16_t happened;
};

static struct {
  uint64_t marks[MARKS];
  size_t count;
} held;

static void __attribute__((noreturn)) leave(int status) {
  sys(NR_exit_group, status, 0, 0, 0, 0, 0);
  __builtin_unreachable();
}

static void drop(uint64_t mark) {
  for (size_t i = 0; i < held.count; i++) {
    if (held.marks[i] != mark) continue;
    held.marks[i] = held.marks[--held.count];
    return;
  }
}

static void obey(const struct order *order) {
  switch (order->kind) {
    case ORDER_ADD:
      if (held.count < MARKS && order->mark != 0) held.marks[held.count++] = order->mark;
      break;
    case ORDER_DROP:
      drop(order->mark);
      break;
    case ORDER_KILL:
      if (order->mark != 0) end_marked(order->mark);
      break;
    case ORDER_QUIT:
      leave(0);
    default:
      break;
  }
}

/* Carries out what has been written. Returns whether more can come. */
static int take_orders(void) {
  struct order orders[ORDERS_AT_ONCE];
  long bytes = sys(NR_read, ORDERS, (long)orders, sizeof orders, 0, 0, 0);
  if (bytes == -E_INTR) return 1;
  for (long i = 0; i < bytes / (long)sizeof *orders; i++) obey(&orders[i]);
  return bytes > 0;
}

/* Whether there is something to read, or the other end is closed, of one descriptor. */
static int is_ready(int32_t fd) {
  const struct kernel_timespec at_once = {0};
  struct watched watched = {.fd = fd, .events = POLL_IN};
  return sys(NR_ppoll, (long)&watched, 1, (long)&at_once, 0, 0, 0) > 0;
}

static int32_t descriptor_of(const char *text) {
  int32_t value = 0;
  if (!*text) return -1;
  for (; *text; text++) {
    if (*text < '0' || *text > '9' || value > 100000000) return -1;
    value = value * 10 + (*text - '0');
  }
  return value;
}

/* Keeps the two descriptors, under their numbers, and nothing else. */
static int settle(int32_t supervisor, int32_t orders) {
  uint64_t all = ~UINT64_C(0);
  sys(NR_rt_sigprocmask, SIG_SETMASK_, (long)&all, 0, SIGSET_BYTES, 0, 0);
  sys(NR_setsid, 0, 0, 0, 0, 0, 0);
  sys(NR_chdir, (long)"/", 0, 0, 0, 0, 0);
  long first = sys(NR_fcntl, supervisor, FD_CLOEXEC_COPY, MOVED_FROM, 0, 0, 0);
  long second = sys(NR_fcntl, orders, FD_CLOEXEC_COPY, MOVED_FROM, 0, 0, 0);
  if (sys_failed(first) || sys_failed(second)) return 0;
  if (sys_failed(sys(NR_dup3, first, SUPERVISOR, OPEN_CLOEXEC, 0, 0, 0))) return 0;
  if (sys_failed(sys(NR_dup3, second, ORDERS, OPEN_CLOEXEC, 0, 0, 0))) return 0;
  sys(NR_close_range, 0, SUPERVISOR - 1, 0, 0, 0, 0);
  sys(NR_close_range, ORDERS + 1, HIGHEST_FD, 0, 0, 0, 0);
  return 1;
}

/* Called by the entry point. */
void __attribute__((noreturn, used)) guard(uintptr_t *stack);

void guard(uintptr_t *stack) {
  char **argv = (char **)(stack + 1);
  if (stack[0] != 3 || !settle(descriptor_of(argv[1]), descriptor_of(argv[2]))) leave(EXIT_USAGE);
  struct watched watched[] = {{.fd = SUPERVISOR, .events = POLL_IN}, {.fd = ORDERS, .events = POLL_IN}};
  for (int open = 1; open;) {
    long count = sys(NR_ppoll, (long)watched, 2, 0, 0, 0, 0);
    if (count <= 0) continue;
    /* What was ordered before the death is part of what has to be ended. */
    if (watched[1].happened) open = take_orders();
    if (watched[0].happened) {
      while (open && is_ready(ORDERS)) open = take_orders();
      break;
    }
  }
  if (held.count > 0) end_all_marked(held.marks, held.count);
  leave(0);
}

ENTRY_POINT(guard);
