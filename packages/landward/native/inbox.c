/* Receiving notifications. See inbox.h. */

#include "inbox.h"

#include <stdlib.h>

#include "futex.h"
#include "thread.h"

#define NOTIF_SET_FLAGS 0x40082104l
#define SYNC_WAKE_UP 1
#define EPOLL_CLOEXEC_ 0x80000
#define EVENTFD_FLAGS (04000 | 02000000) /* EFD_NONBLOCK | EFD_CLOEXEC */
#define EPOLL_ADD 1

static void undo(struct inbox *inbox) {
  if (inbox->epoll >= 0) sys(NR_close, inbox->epoll, 0, 0, 0, 0, 0);
  if (inbox->wake >= 0) sys(NR_close, inbox->wake, 0, 0, 0, 0, 0);
  if (inbox->poke >= 0) sys(NR_close, inbox->poke, 0, 0, 0, 0, 0);
  ring_free(&inbox->ring);
  free(inbox);
}

static void release(void *owner) {
  struct inbox *inbox = owner;
  if (__atomic_sub_fetch(&inbox->users, 1, __ATOMIC_SEQ_CST) != 0) return;
  jobs_free(&inbox->jobs);
  undo(inbox);
}

static void *receiver(void *context) {
  struct inbox *inbox = context;
  inbox_receive(inbox);
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
  inbox->poke = (int32_t)sys(NR_eventfd2, 0, EVENTFD_FLAGS, 0, 0, 0, 0);
  if (inbox->epoll < 0) return inbox->epoll;
  if (inbox->wake < 0) return inbox->wake;
  if (inbox->poke < 0) return inbox->poke;
  int32_t signal = thread_interrupt_signal();
  if (signal < 0) return signal;
  long error = watch(inbox, inbox->wake, WAKE_KEY);
  if (error == 0) error = watch(inbox, inbox->poke, POKE_KEY);
  return error < 0 ? error : ring_open(&inbox->ring, entries, inbox->poke);
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
  inbox_attend(inbox);
  return error;
}

void inbox_close(struct inbox *inbox) {
  uint64_t one = 1;
  set(&inbox->closed, 1);
  jobs_close(&inbox->jobs);
  ring_close(&inbox->ring);
  sys(NR_write, inbox->poke, (long)&one, sizeof one, 0, 0, 0);
  wake(&inbox->closed);
  inbox_attend(inbox);
  release(inbox);
}
