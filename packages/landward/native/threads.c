/* Applying an image on every thread. See threads.h. */

#include "threads.h"

#include "round.h"
#include "task.h"

#define NAP_NS 2000000

static uint64_t now_ms(void) {
  struct kernel_timespec now = {0};
  sys(NR_clock_gettime, CLOCK_MONOTONIC_, (long)&now, 0, 0, 0, 0);
  return (uint64_t)now.seconds * 1000 + (uint64_t)now.nanoseconds / 1000000;
}

static struct seat *seat_of(int32_t tid) {
  for (uint32_t i = 0; i < the_round.count; i++) {
    if (the_round.seats[i].tid == tid && the_round.seats[i].state != GONE) return &the_round.seats[i];
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
    if (the_round.count == the_round.capacity) {
      scan->full = 1;
      return;
    }
    seat = &the_round.seats[the_round.count];
    *seat = (struct seat){.tid = tid, .state = CALLED, .applied = {.step = -1, .error = E_CANCELED}};
    set(&the_round.count, the_round.count + 1);
  }
  seat->listed = scan->number;
  if (!seat->signalled && get(&seat->state) == CALLED) stop_call(seat, scan->pid);
}

/* Marks seats whose thread has ended. A zombie is listed but never runs again. Returns how many have not stopped. */
static uint32_t settle(uint32_t scan) {
  uint32_t running = 0;
  for (uint32_t i = 1; i < the_round.count; i++) {
    struct seat *seat = &the_round.seats[i];
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
    uint32_t events = get(&the_round.events);
    uint32_t before = the_round.count;
    scan.listed = 0;
    int32_t error = tasks_list(see, &scan);
    if (error == 0 && scan.full) error = E_AGAIN;
    if (error != 0) return error;
    /*
     * A listing can miss threads while others end. It is whole when every thread in it has stopped, so that none of
     * them can start or hide another, and the kernel counts as many threads as were listed.
     */
    uint32_t running = settle(scan.number);
    if (running == 0 && the_round.count == before && tasks_count() == scan.listed) return 0;
    if (now_ms() >= deadline) return E_TIMEDOUT;
    if (running != 0 || the_round.count == before) sleep_while(&the_round.events, events, &nap);
  }
}

/* Waits until every stopped thread has left. Returns how many called threads may still come. */
static uint32_t drain(uint64_t deadline) {
  const struct kernel_timespec nap = {.seconds = 0, .nanoseconds = NAP_NS};
  for (;;) {
    uint32_t events = get(&the_round.events);
    uint32_t late = 0;
    uint32_t leaving = 0;
    for (uint32_t i = 1; i < the_round.count; i++) {
      struct seat *seat = &the_round.seats[i];
      uint32_t state = get(&seat->state);
      if (state == CALLED && seat->signalled) late++;
      if (state == STOPPED && task_exists(seat->tid)) leaving++;
    }
    if (leaving == 0) return late;
    if (now_ms() >= deadline) return late + leaving;
    sleep_while(&the_round.events, events, &nap);
  }
}

static uint64_t round_up(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

static long map(uint64_t bytes) {
  return sys(NR_mmap, 0, (long)bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
}

/* A copy of the image for every seat. Made while the threads stand, when their number is known. */
static int32_t copy_images(const void *image) {
  the_round.image_bytes = round_up(((const struct image *)image)->size, 64);
  long memory = map(the_round.image_bytes * the_round.count);
  if (sys_failed(memory)) return (int32_t)-memory;
  the_round.images = (char *)memory;
  for (uint32_t i = 0; i < the_round.count; i++) {
    char *to = the_round.images + i * the_round.image_bytes;
    for (uint32_t at = 0; at < ((const struct image *)image)->size; at++) to[at] = ((const char *)image)[at];
  }
  return 0;
}

/* Gathers, applies, lets go. Returns how many threads may still enter the handler. */
static uint32_t run(const void *image, int32_t pid, uint32_t timeout_ms) {
  uint64_t deadline = now_ms() + timeout_ms;
  set(&the_round.phase, GATHER);
  int32_t error = gather(pid, deadline);
  if (error == 0) error = copy_images(image);
  if (error == 0) {
    apply_at(0);
    error = the_round.seats[0].applied.error;
  } else if (error != E_TIMEDOUT) {
    the_round.seats[0].applied.error = error;
  }
  set(&the_round.phase, error == 0 ? APPLY : RELEASE);
  wake(&the_round.phase);
  uint32_t late = drain(now_ms() + timeout_ms);
  set(&the_round.phase, IDLE);
  return late;
}

static struct thread_result failed(int32_t tid, int32_t error) {
  return (struct thread_result){.tid = tid, .step = -1, .error = error};
}

/* Turns seats into results. A thread that ended meanwhile has nothing to tell. */
static uint32_t results_of(struct thread_result *results) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < the_round.count; i++) {
    struct seat seat = the_round.seats[i];
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
  if (__atomic_exchange_n(&the_round.busy, 1, __ATOMIC_SEQ_CST) != 0) {
    problem.error = E_BUSY;
    receive(context, &problem, 1);
    return;
  }

  uint32_t capacity = tasks_count() * 4 + 256;
  uint64_t bytes = (uint64_t)capacity * (sizeof(struct seat) + sizeof(struct thread_result));
  long memory = map(bytes);
  if (!sys_failed(memory) && !the_round.installed) {
    long installed = stop_install();
    if (sys_failed(installed)) {
      sys(NR_munmap, memory, (long)bytes, 0, 0, 0, 0);
      memory = installed;
    }
  }
  if (sys_failed(memory)) {
    set(&the_round.busy, 0);
    problem.error = (int32_t)-memory;
    receive(context, &problem, 1);
    return;
  }

  the_round.installed = 1;
  the_round.images = 0;
  the_round.capacity = capacity;
  the_round.seats = (struct seat *)memory;
  the_round.seats[0] = (struct seat){.tid = tid, .state = DONE, .applied = {.step = -1, .error = E_CANCELED}};
  set(&the_round.count, 1);
  set(&the_round.serial, the_round.serial + 1);
  uint32_t late = run(image, pid, timeout_ms);

  struct thread_result *results = (struct thread_result *)(memory + (long)(capacity * sizeof(struct seat)));
  uint32_t count = results_of(results);
  uint64_t images_bytes = the_round.image_bytes * the_round.count;
  char *images = the_round.images;
  if (late == 0) {
    /* Nobody can be in the handler any more. Otherwise it stays, handing on what is not ours, and so does the memory. */
    stop_uninstall();
    the_round.installed = 0;
    set(&the_round.count, 0);
    if (images) sys(NR_munmap, (long)images, (long)images_bytes, 0, 0, 0, 0);
  }
  set(&the_round.busy, 0);
  receive(context, results, count);
  if (late == 0) sys(NR_munmap, memory, (long)bytes, 0, 0, 0, 0);
}
