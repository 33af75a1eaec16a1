/* Applying an image on every thread. See threads.h. */

#include "threads.h"

#include "apply.h"
#include "linux.h"
#include "task.h"

/* Exists in glibc and nowhere else: tells which signal the libc keeps for itself. */
extern const char *gnu_get_libc_version(void) __attribute__((weak));

#define GLIBC_SIGSETXID 33
#define MUSL_SIGSYNCCALL 34
#define MARK UINT64_C(0x4c445754) /* tells our signals from those of libc, in the upper half of the value */
#define NAP_NS 2000000

enum phase { IDLE, GATHER, APPLY, RELEASE };
enum seat_state { CALLED, STOPPED, DONE, GONE };

struct seat {
  int32_t tid;
  uint32_t state;
  uint32_t signalled;
  uint32_t listed; /* the scan that last saw the thread */
  struct applied applied;
};

/* One at a time in a process: a handler has no other way to find it. */
static struct {
  uint32_t busy;
  uint32_t phase; /* futex: stopped threads sleep on it */
  uint32_t events; /* futex: the calling thread sleeps on it */
  uint32_t serial;
  uint32_t installed;
  uint32_t count;
  uint32_t capacity;
  struct seat *seats;
  char *images; /* one copy a seat */
  uint64_t image_bytes;
  struct kernel_sigaction previous;
} all;

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

static uint32_t get(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
static void set(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }

static void wake(uint32_t *word) { sys(NR_futex, (long)word, FUTEX_WAKE_PRIVATE_, INT32_MAX, 0, 0, 0); }

static void sleep_while(uint32_t *word, uint32_t value, const struct kernel_timespec *most) {
  sys(NR_futex, (long)word, FUTEX_WAIT_PRIVATE_, (long)value, (long)most, 0, 0);
}

static uint64_t now_ms(void) {
  struct kernel_timespec now = {0};
  sys(NR_clock_gettime, CLOCK_MONOTONIC_, (long)&now, 0, 0, 0, 0);
  return (uint64_t)now.seconds * 1000 + (uint64_t)now.nanoseconds / 1000000;
}

static void tell_caller(void) {
  __atomic_add_fetch(&all.events, 1, __ATOMIC_SEQ_CST);
  wake(&all.events);
}

static void apply_at(uint32_t index) {
  all.seats[index].applied = image_apply(all.images + index * all.image_bytes);
}

/* Stops this thread until the others have stopped too, then follows the calling thread. */
static void stop_here(void) {
  int32_t tid = (int32_t)sys(NR_gettid, 0, 0, 0, 0, 0, 0);
  uint32_t count = get(&all.count);
  for (uint32_t i = 0; i < count; i++) {
    struct seat *seat = &all.seats[i];
    if (seat->tid != tid || get(&seat->state) != CALLED) continue;
    set(&seat->state, STOPPED);
    tell_caller();
    while (get(&all.phase) == GATHER) sleep_while(&all.phase, GATHER, 0);
    if (get(&all.phase) == APPLY) apply_at(i);
    set(&seat->state, DONE);
    tell_caller();
    return;
  }
}

static void on_signal(int number, void *info, void *frame) {
  const struct signal_info *signal = info;
  if (signal->code == SI_QUEUE_ && signal->value >> 32 == MARK) {
    /* A thread that comes too late finds another serial or phase, and has nothing to do. */
    if ((uint32_t)signal->value == get(&all.serial) && get(&all.phase) == GATHER) stop_here();
    return;
  }
  if ((uintptr_t)all.previous.handler > 1) all.previous.handler(number, info, frame);
}

#if defined(__x86_64__)
/* x86-64 has no other way back from a handler than what the installer gives. */
__asm__(".text\n.type landward_restore, @function\nlandward_restore:\n mov $15, %eax\n syscall\n");
extern void landward_restore(void) __attribute__((visibility("hidden")));
#define RESTORER landward_restore
#define RESTORER_FLAG SA_RESTORER_
#else
#define RESTORER 0
#define RESTORER_FLAG 0u
#endif

static long signal_number(void) { return gnu_get_libc_version ? GLIBC_SIGSETXID : MUSL_SIGSYNCCALL; }

static long install(void) {
  struct kernel_sigaction action = {
      .handler = on_signal,
      .flags = SA_SIGINFO_ | SA_RESTART_ | SA_ONSTACK_ | RESTORER_FLAG,
      .restorer = RESTORER,
      .mask = ~UINT64_C(0),
  };
  return sys(NR_rt_sigaction, signal_number(), (long)&action, (long)&all.previous, SIGSET_BYTES, 0, 0);
}

static void uninstall(void) {
  sys(NR_rt_sigaction, signal_number(), (long)&all.previous, 0, SIGSET_BYTES, 0, 0);
}

/* Tells a thread to stop. Leaves the seat unsignalled where the kernel's queue is full, for the next scan. */
static void call(struct seat *seat, int32_t pid) {
  struct signal_info info = {
      .signo = (int32_t)signal_number(),
      .code = SI_QUEUE_,
      .pid = pid,
      .value = MARK << 32 | all.serial,
  };
  long result = sys(NR_rt_tgsigqueueinfo, pid, seat->tid, info.signo, (long)&info, 0, 0);
  if (result == 0) seat->signalled = 1;
}

static struct seat *seat_of(int32_t tid) {
  for (uint32_t i = 0; i < all.count; i++) {
    if (all.seats[i].tid == tid && all.seats[i].state != GONE) return &all.seats[i];
  }
  return 0;
}

struct scan {
  uint32_t number;
  uint32_t listed;
  int32_t pid;
  int full;
};

static void see(void *context, int32_t tid) {
  struct scan *scan = context;
  scan->listed++;
  struct seat *seat = seat_of(tid);
  if (!seat) {
    if (all.count == all.capacity) {
      scan->full = 1;
      return;
    }
    seat = &all.seats[all.count];
    *seat = (struct seat){.tid = tid, .state = CALLED, .applied = {.step = -1, .error = E_CANCELED}};
    set(&all.count, all.count + 1);
  }
  seat->listed = scan->number;
  if (!seat->signalled && get(&seat->state) == CALLED) call(seat, scan->pid);
}

/* Marks seats whose thread has ended. A zombie is listed but never runs again. Returns how many have not stopped. */
static uint32_t settle(uint32_t scan) {
  uint32_t running = 0;
  for (uint32_t i = 1; i < all.count; i++) {
    struct seat *seat = &all.seats[i];
    if (get(&seat->state) != CALLED) continue;
    if ((seat->listed != scan && !task_exists(seat->tid)) || task_is_zombie(seat->tid)) {
      set(&seat->state, GONE);
    } else {
      running++;
    }
  }
  return running;
}

/* Stops all threads. Returns 0, or the errno that makes it impossible. */
static int32_t gather(int32_t pid, uint64_t deadline) {
  const struct kernel_timespec nap = {.seconds = 0, .nanoseconds = NAP_NS};
  for (struct scan scan = {.number = 1, .pid = pid};; scan.number++) {
    uint32_t events = get(&all.events);
    uint32_t before = all.count;
    scan.listed = 0;
    int32_t error = tasks_list(see, &scan);
    if (error == 0 && scan.full) error = E_AGAIN;
    if (error != 0) return error;
    /*
     * A listing can miss threads while others end. It is whole when every thread in it has stopped, so that none of
     * them can start or hide another, and the kernel counts as many threads as were listed.
     */
    uint32_t running = settle(scan.number);
    if (running == 0 && all.count == before && tasks_count() == scan.listed) return 0;
    if (now_ms() >= deadline) return E_TIMEDOUT;
    if (running != 0) sleep_while(&all.events, events, &nap);
  }
}

/* Waits until every stopped thread has left. Returns how many called threads may still come. */
static uint32_t drain(uint64_t deadline) {
  const struct kernel_timespec nap = {.seconds = 0, .nanoseconds = NAP_NS};
  for (;;) {
    uint32_t events = get(&all.events);
    uint32_t late = 0;
    uint32_t leaving = 0;
    for (uint32_t i = 1; i < all.count; i++) {
      struct seat *seat = &all.seats[i];
      uint32_t state = get(&seat->state);
      if (state == CALLED && seat->signalled) late++;
      if (state == STOPPED && task_exists(seat->tid)) leaving++;
    }
    if (leaving == 0) return late;
    if (now_ms() >= deadline) return late + leaving;
    sleep_while(&all.events, events, &nap);
  }
}

static uint64_t round_up(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

static long map(uint64_t bytes) {
  return sys(NR_mmap, 0, (long)bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
}

/* A copy of the image for every seat. Made while the threads stand, when their number is known. */
static int32_t copy_images(const void *image) {
  all.image_bytes = round_up(((const struct image *)image)->size, 64);
  long memory = map(all.image_bytes * all.count);
  if (sys_failed(memory)) return (int32_t)-memory;
  all.images = (char *)memory;
  for (uint32_t i = 0; i < all.count; i++) {
    char *to = all.images + i * all.image_bytes;
    for (uint32_t at = 0; at < ((const struct image *)image)->size; at++) to[at] = ((const char *)image)[at];
  }
  return 0;
}

/* Gathers, applies, lets go. Returns how many threads may still enter the handler. */
static uint32_t run(const void *image, int32_t pid, uint32_t timeout_ms) {
  uint64_t deadline = now_ms() + timeout_ms;
  set(&all.phase, GATHER);
  int32_t error = gather(pid, deadline);
  if (error == 0) error = copy_images(image);
  if (error == 0) {
    apply_at(0);
    error = all.seats[0].applied.error;
  } else if (error != E_TIMEDOUT) {
    all.seats[0].applied.error = error;
  }
  set(&all.phase, error == 0 ? APPLY : RELEASE);
  wake(&all.phase);
  uint32_t late = drain(now_ms() + timeout_ms);
  set(&all.phase, IDLE);
  return late;
}

static struct thread_result failed(int32_t tid, int32_t error) {
  return (struct thread_result){.tid = tid, .step = -1, .error = error};
}

/* Turns seats into results. A thread that ended meanwhile has nothing to tell. */
static uint32_t results_of(struct thread_result *results) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < all.count; i++) {
    struct seat seat = all.seats[i];
    if (seat.state == GONE) continue;
    if (i != 0 && seat.state != DONE) seat.applied.error = E_TIMEDOUT;
    results[count++] = (struct thread_result){seat.tid, seat.applied.step, seat.applied.error};
  }
  return count;
}

void threads_apply(const void *image, uint32_t timeout_ms, thread_results *receive, void *context) {
  int32_t tid = (int32_t)sys(NR_gettid, 0, 0, 0, 0, 0, 0);
  int32_t pid = (int32_t)sys(NR_getpid, 0, 0, 0, 0, 0, 0);
  struct thread_result problem = failed(tid, 0);
  if (__atomic_exchange_n(&all.busy, 1, __ATOMIC_SEQ_CST) != 0) {
    problem.error = E_BUSY;
    receive(context, &problem, 1);
    return;
  }

  uint32_t capacity = tasks_count() * 4 + 256;
  uint64_t bytes = (uint64_t)capacity * (sizeof(struct seat) + sizeof(struct thread_result));
  long memory = map(bytes);
  if (!sys_failed(memory) && !all.installed) {
    long installed = install();
    if (sys_failed(installed)) {
      sys(NR_munmap, memory, (long)bytes, 0, 0, 0, 0);
      memory = installed;
    }
  }
  if (sys_failed(memory)) {
    set(&all.busy, 0);
    problem.error = (int32_t)-memory;
    receive(context, &problem, 1);
    return;
  }

  all.installed = 1;
  all.images = 0;
  all.capacity = capacity;
  all.seats = (struct seat *)memory;
  all.seats[0] = (struct seat){.tid = tid, .state = DONE, .applied = {.step = -1, .error = E_CANCELED}};
  set(&all.count, 1);
  set(&all.serial, all.serial + 1);
  uint32_t late = run(image, pid, timeout_ms);

  struct thread_result *results = (struct thread_result *)(memory + (long)(capacity * sizeof(struct seat)));
  uint32_t count = results_of(results);
  uint64_t images_bytes = all.image_bytes * all.count;
  char *images = all.images;
  if (late == 0) {
    /* Nobody can be in the handler any more. Otherwise it stays, handing on what is not ours, and so does the memory. */
    uninstall();
    all.installed = 0;
    set(&all.count, 0);
    if (images) sys(NR_munmap, (long)images, (long)images_bytes, 0, 0, 0, 0);
  }
  set(&all.busy, 0);
  receive(context, results, count);
  if (late == 0) sys(NR_munmap, memory, (long)bytes, 0, 0, 0, 0);
}
