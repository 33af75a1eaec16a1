/*
 * What a deciding thread is asked and told: notifications of any number of listeners, wake-ups from other threads, the ends of
 * jobs. The reader takes notifications itself while it waits for them; while it is away for long, a second thread takes them as
 * soon as they come and puts them into the ring, because a target can only be interrupted before. Decides nothing.
 */
#ifndef LANDWARD_INBOX_H
#define LANDWARD_INBOX_H

#include <stdint.h>

#include "jobs.h"
#include "ring.h"

#define EVENT_IN 1u
#define WAKE_KEY UINT64_MAX
#define POKE_KEY (UINT64_MAX - 1)

/* As the kernel has it. */
struct event {
  uint32_t events;
  uint64_t data;
}
#if defined(__x86_64__)
__attribute__((packed))
#endif
;

struct inbox {
  struct ring ring;
  struct jobs jobs;
  int32_t epoll;
  int32_t wake; /* a duplicate of our own */
  int32_t poke; /* ends a wait on descriptors */
  uint32_t closed; /* futex */
  uint32_t duty; /* who waits on the descriptors: one thread at a time, since receiving blocks when another was faster */
  uint32_t left; /* futex: counts how often the reader went away with something */
  uint32_t deep; /* the receiver sleeps until that changes */
  uint32_t users; /* threads that may touch this, and the owner */
};

/*
 * Makes the threads from the calling one. `entries` is a power of two; `wake` is an eventfd, whose every change becomes an
 * entry. Returns 0 or -errno.
 */
long inbox_open(struct inbox **to, uint32_t entries, uint32_t threads, int32_t wake);

/*
 * Begins to receive from a listener, whose descriptor stays the caller's. It must stay open until an entry tells that no task
 * is left or that receiving has failed; from then on it is not touched.
 */
long inbox_add(struct inbox *inbox, int32_t listener, uint32_t key);

/*
 * Takes up to `most` entries, after waiting for the first up to `timeout_ms` (for ever when negative). Returns how many, which
 * can be 0 before the time is over.
 */
uint32_t inbox_next(struct inbox *inbox, struct entry *to, uint32_t most, int32_t timeout_ms);

/* What the receiver thread does until the inbox is closed. */
void inbox_receive(struct inbox *inbox);

/* Wakes the receiver, where it sleeps deeply. */
void inbox_attend(struct inbox *inbox);

/* See jobs_cancel; keeps interrupting until the job ends. */
long inbox_cancel(struct inbox *inbox, uint32_t job);

/* Ends the threads, without waiting for them. The memory goes with the last. */
void inbox_close(struct inbox *inbox);

#endif
