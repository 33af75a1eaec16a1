/* Receiving notifications. See inbox.h. */

#include "inbox.h"

#include <stdlib.h>

#include "futex.h"
#include "thread.h"

#define NOTIF_RECV 0xc0502100l
#define NOTIF_SET_FLAGS 0x40082104l
#define SYNC_WAKE_UP 1
#define EPOLL_CLOEXEC_ 0x80000
#define EPOLL_ADD 1
#define EPOLL_DEL 2
#define EVENT_IN 1u
#define EVENTS_MOST 64
#define WAKE_KEY UINT64_MAX
#define TICK_MS 5
#define TICKS_AT_CLOSE 400
/* More than the kernel writes now: a newer one may write more. */
#define RECEIVE_WORDS 64

/* As the kernel has it. */
struct event {
  uint32_t events;
  uint64_t data;
}
#if defined(__x86_64__)
__attribute__((packed))
#endif
;

static void undo(struct inbox *inbox) {
  if (inbox->epoll >= 0) sys(NR_close, inbox->epoll, 0, 0, 0, 0, 0);
  if (inbox->wake >= 0) sys(NR_close, inbox->wake, 0, 0, 0, 0, 0);
  ring_free(&inbox->ring);
  free(inbox);
}

static void release(void *owner) {
  struct inbox *inbox = owner;
  if (__atomic_sub_fetch(&inbox->users, 1, __ATOMIC_SEQ_CST) != 0) return;
  jobs_free(&inbox->jobs);
  undo(inbox);
}

static void drop(struct inbox *inbox, int32_t listener, uint32_t key, uint32_t kind, int32_t error) {
  struct event event = {0};
  sys(NR_epoll_ctl, inbox->epoll, EPOLL_DEL, listener, (long)&event, 0, 0);
  struct entry entry = {.kind = kind, .key = key, .error = error};
  ring_write(&inbox->ring, &entry);
}

/* One notification. ENOENT: the target died, or was interrupted, between being announced and being received. */
static void receive(struct inbox *inbox, int32_t listener, uint32_t key) {
  uint64_t buffer[RECEIVE_WORDS] = {0};
  long error = sys(NR_ioctl, listener, NOTIF_RECV, (long)buffer, 0, 0, 0);
  if (error == -E_INTR || error == -E_NOENT) return;
  if (error < 0) {
    drop(inbox, listener, key, ENTRY_FAILED, (int32_t)-error);
    return;
  }
  struct entry entry = {.kind = ENTRY_NOTIFICATION, .key = key};
  for (unsigned int i = 0; i < NOTIFICATION_BYTES / 8; i++) entry.notification[i] = buffer[i];
  ring_write(&inbox->ring, &entry);
}

static void on_event(struct inbox *inbox, const struct event *event) {
  if (event->data == WAKE_KEY) {
    uint64_t count;
    struct entry entry = {.kind = ENTRY_WAKE};
    if (sys(NR_read, inbox->wake, (long)&count, sizeof count, 0, 0, 0) > 0) ring_write(&inbox->ring, &entry);
    return;
  }
  int32_t listener = (int32_t)(event->data & 0xffffffff);
  uint32_t key = (uint32_t)(event->data >> 32);
  if (event->events & EVENT_IN) receive(inbox, listener, key);
  else drop(inbox, listener, key, ENTRY_HUNGUP, 0);
}

/* Lets the receiver look again at what it waits for. */
static void poke(const struct inbox *inbox) {
  uint64_t one = 1;
  sys(NR_write, inbox->wake, (long)&one, sizeof one, 0, 0, 0);
}

/* Whether the receiver still has something to do. At the end it stays until the jobs have let go, for a while. */
static int goes_on(struct inbox *inbox, uint32_t *ticks) {
  if (!get(&inbox->closed)) return 1;
  return get(&inbox->jobs.running) > 0 && (*ticks)++ < TICKS_AT_CLOSE;
}

static void *receiver(void *context) {
  struct inbox *inbox = context;
  struct event events[EVENTS_MOST];
  for (uint32_t ticks = 0; goes_on(inbox, &ticks);) {
    int cancelling = get(&inbox->jobs.cancelled) > 0;
    if (cancelling) jobs_interrupt(&inbox->jobs);
    int closed = (int)get(&inbox->closed);
    long timeout = cancelling || closed ? TICK_MS : -1;
    long count = sys(NR_epoll_pwait, inbox->epoll, (long)events, EVENTS_MOST, timeout, 0, SIGSET_BYTES);
    for (long i = 0; i < count && !get(&inbox->closed); i++) on_event(inbox, &events[i]);
    if (closed) {
      const struct kernel_timespec tick = {.seconds = 0, .nanoseconds = TICK_MS * 1000000L};
      uint32_t never = 0;
      sleep_while(&never, 0, &tick);
    }
  }
  release(inbox);
  return 0;
}

static long watch(struct inbox *inbox, int32_t fd, uint64_t data) {
  struct event event = {.events = EVENT_IN, .data = data};
  return sys(NR_epoll_ctl, inbox->epoll, EPOLL_ADD, fd, (long)&event, 0, 0);
}

/* What the kernel gives: descriptors, memory. Leaves for `inbox_open` to undo what was made. */
static long prepare(struct inbox *inbox, uint32_t entries, int32_t wake) {
  inbox->epoll = (int32_t)sys(NR_epoll_create1, EPOLL_CLOEXEC_, 0, 0, 0, 0, 0);
  inbox->wake = (int32_t)sys(NR_fcntl, wake, FD_CLOEXEC_COPY, 0, 0, 0, 0);
  if (inbox->epoll < 0) return inbox->epoll;
  if (inbox->wake < 0) return inbox->wake;
  int32_t signal = thread_interrupt_signal();
  if (signal < 0) return signal;
  long error = watch(inbox, inbox->wake, WAKE_KEY);
  return error < 0 ? error : ring_open(&inbox->ring, entries);
}

long inbox_open(struct inbox **to, uint32_t entries, uint32_t threads, int32_t wake) {
  struct inbox *inbox = calloc(1, sizeof *inbox);
  if (!inbox) return -E_NOMEM;
  inbox->users = 2;
  inbox->jobs = (struct jobs){
      .ring = &inbox->ring, .most = threads, .users = &inbox->users, .gone = release, .owner = inbox};
  long error = prepare(inbox, entries, wake);
  if (error == 0) error = thread_start(receiver, inbox);
  if (error != 0) {
    undo(inbox);
    return error;
  }
  error = jobs_open(&inbox->jobs);
  if (error != 0) {
    inbox_close(inbox);
    return error;
  }
  *to = inbox;
  return 0;
}

long inbox_add(struct inbox *inbox, int32_t listener, uint32_t key) {
  uint64_t flags = SYNC_WAKE_UP;
  /* Older kernels do not know it, and lose nothing but time. */
  sys(NR_ioctl, listener, NOTIF_SET_FLAGS, (long)flags, 0, 0, 0);
  return watch(inbox, listener, (uint64_t)key << 32 | (uint32_t)listener);
}

long inbox_cancel(struct inbox *inbox, uint32_t job) {
  long error = jobs_cancel(&inbox->jobs, job);
  poke(inbox);
  return error;
}

void inbox_close(struct inbox *inbox) {
  set(&inbox->closed, 1);
  jobs_close(&inbox->jobs);
  ring_close(&inbox->ring);
  poke(inbox);
  release(inbox);
}
