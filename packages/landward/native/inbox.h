/*
 * What a deciding thread is asked and told: a receiver thread takes notifications off any number of listeners as soon as
 * they come and puts them into one ring, with wake-ups from other threads and the ends of jobs. Decides nothing, answers nothing.
 */
#ifndef LANDWARD_INBOX_H
#define LANDWARD_INBOX_H

#include <stdint.h>

#include "jobs.h"
#include "ring.h"

struct inbox {
  struct ring ring;
  struct jobs jobs;
  int32_t epoll;
  int32_t wake; /* a duplicate: the receiver's own */
  uint32_t closed;
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

/* See jobs_cancel; keeps interrupting until the job ends. Is a wake-up, too. */
long inbox_cancel(struct inbox *inbox, uint32_t job);

/* Ends the threads, without waiting for them. The memory goes with the last. */
void inbox_close(struct inbox *inbox);

#endif
