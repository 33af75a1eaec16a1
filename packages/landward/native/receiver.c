/* Who receives notifications, and when. See inbox.h. */

#include "futex.h"
#include "inbox.h"

#define NOTIF_RECV 0xc0502100l
#define EPOLL_DEL 2
#define EVENTS_MOST 64
#define TICK_NS 1000000
#define QUIET_TICKS 8
#define AWAY_MS 100
#define CANCEL_MS 5
#define CLOSING_TICKS 2000
/* More than the kernel writes now: a newer one may write more. */
#define RECEIVE_WORDS 64

enum duty { NOBODY, READER, RECEIVER };

static int take_duty(struct inbox *inbox, uint32_t who) {
  uint32_t expected = NOBODY;
  return __atomic_compare_exchange_n(&inbox->duty, &expected, who, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* No event of this listener comes any more. */
static void drop(struct inbox *inbox, int32_t listener, struct entry *entry, uint32_t kind, int32_t error) {
  struct event event = {0};
  sys(NR_epoll_ctl, inbox->epoll, EPOLL_DEL, listener, (long)&event, 0, 0);
  entry->kind = kind;
  entry->error = error;
}

/* One notification. ENOENT: the target died, or was interrupted, between being announced and being received. */
static int receive(struct inbox *inbox, int32_t listener, struct entry *entry) {
  uint64_t buffer[RECEIVE_WORDS] = {0};
  long error = sys(NR_ioctl, listener, NOTIF_RECV, (long)buffer, 0, 0, 0);
  if (error == -E_INTR || error == -E_NOENT) return 0;
  if (error < 0) {
    drop(inbox, listener, entry, ENTRY_FAILED, (int32_t)-error);
    return 1;
  }
  entry->kind = ENTRY_NOTIFICATION;
  for (unsigned int i = 0; i < NOTIFICATION_BYTES / 8; i++) entry->notification[i] = buffer[i];
  return 1;
}

/* Returns whether the event has become an entry. */
static int collect(struct inbox *inbox, const struct event *event, struct entry *entry) {
  uint64_t count;
  *entry = (struct entry){.key = (uint32_t)(event->data >> 32)};
  if (event->data == POKE_KEY) {
    sys(NR_read, inbox->ring.poke, (long)&count, sizeof count, 0, 0, 0);
    return 0;
  }
  if (event->data == WAKE_KEY) {
    entry->kind = ENTRY_WAKE;
    entry->key = 0;
    return sys(NR_read, inbox->wake, (long)&count, sizeof count, 0, 0, 0) > 0;
  }
  int32_t listener = (int32_t)(event->data & 0xffffffff);
  if (event->events & EVENT_IN) return receive(inbox, listener, entry);
  drop(inbox, listener, entry, ENTRY_HUNGUP, 0);
  return 1;
}

static long wait_for(const struct inbox *inbox, struct event *events, uint32_t most, int32_t timeout_ms) {
  long limit = most < EVENTS_MOST ? (long)most : EVENTS_MOST;
  return sys(NR_epoll_pwait, inbox->epoll, (long)events, limit, timeout_ms, 0, SIGSET_BYTES);
}

/* Lets the receiver watch over the reader, which is on its way with something to handle. */
void inbox_attend(struct inbox *inbox) {
  __atomic_add_fetch(&inbox->left, 1, __ATOMIC_SEQ_CST);
  if (!get(&inbox->deep)) return;
  set(&inbox->deep, 0);
  wake(&inbox->left);
}

/* The reader receives itself: without a second thread in between, which would cost more than the call. */
static uint32_t receive_here(struct inbox *inbox, struct entry *to, uint32_t most, int32_t timeout_ms) {
  struct event events[EVENTS_MOST];
  uint32_t count = 0;
  if (ring_before_poll(&inbox->ring)) {
    long ready = wait_for(inbox, events, most, timeout_ms);
    ring_after_poll(&inbox->ring);
    for (long i = 0; i < ready; i++) count += (uint32_t)collect(inbox, &events[i], &to[count]);
  }
  set(&inbox->duty, NOBODY);
  if (count > 0) inbox_attend(inbox);
  return count;
}

uint32_t inbox_next(struct inbox *inbox, struct entry *to, uint32_t most, int32_t timeout_ms) {
  uint32_t news = get(&inbox->ring.news);
  uint32_t count = ring_read(&inbox->ring, to, most);
  if (count > 0 || most == 0) return count;
  if (take_duty(inbox, READER)) count = receive_here(inbox, to, most, timeout_ms);
  else if (timeout_ms != 0) ring_sleep(&inbox->ring, news, timeout_ms);
  return count + ring_read(&inbox->ring, to + count, most - count);
}

/* Receives in the reader's place until it is back. */
static void stand_in(struct inbox *inbox) {
  struct event events[EVENTS_MOST];
  int back = 0;
  while (!back && !get(&inbox->closed)) {
    int cancelling = get(&inbox->jobs.cancelled) > 0;
    if (cancelling) jobs_interrupt(&inbox->jobs);
    long ready = wait_for(inbox, events, EVENTS_MOST, cancelling ? CANCEL_MS : AWAY_MS);
    if (ready <= 0) back = ring_reader_sleeps(&inbox->ring);
    for (long i = 0; i < ready; i++) {
      struct entry entry;
      if (collect(inbox, &events[i], &entry) && ring_write(&inbox->ring, &entry)) back = 1;
    }
  }
  /* In this order: the reader looks at the duty after it has looked at the news. */
  set(&inbox->duty, NOBODY);
  ring_nudge(&inbox->ring);
}

/* While the reader comes and goes. Takes over where it has been away for a whole tick, so that targets are not kept waiting. */
static void watch_over(struct inbox *inbox) {
  const struct kernel_timespec tick = {.seconds = 0, .nanoseconds = TICK_NS};
  for (int quiet = 0; quiet < QUIET_TICKS && !get(&inbox->closed);) {
    uint32_t left = get(&inbox->left);
    sleep_while(&inbox->closed, 0, &tick);
    int cancelling = get(&inbox->jobs.cancelled) > 0;
    if (cancelling) jobs_interrupt(&inbox->jobs);
    if (cancelling || get(&inbox->left) != left) quiet = 0;
    else if (get(&inbox->duty) == READER) quiet++;
    else if (take_duty(inbox, RECEIVER)) stand_in(inbox), quiet = 0;
  }
}

void inbox_receive(struct inbox *inbox) {
  while (!get(&inbox->closed)) {
    uint32_t left = get(&inbox->left);
    set(&inbox->deep, 1);
    if (!get(&inbox->closed)) sleep_while(&inbox->left, left, 0);
    set(&inbox->deep, 0);
    watch_over(inbox);
  }
  const struct kernel_timespec tick = {.seconds = 0, .nanoseconds = TICK_NS};
  uint32_t never = 0;
  for (int i = 0; i < CLOSING_TICKS && get(&inbox->jobs.running) > 0; i++) {
    jobs_interrupt(&inbox->jobs);
    sleep_while(&never, 0, &tick);
  }
}
