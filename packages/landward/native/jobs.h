/*
 * Images that may block, applied by threads that inherit from the one that opened the pool. There is always one thread more
 * than blocked ones, which has applied nothing yet: it makes the next, so that no thread is ever made by one that a
 * step has changed. Owns the copies of the images; tells the end of each by an entry in the ring.
 */
#ifndef LANDWARD_JOBS_H
#define LANDWARD_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include "ring.h"

enum job_flag {
  JOB_SPAWN = 1, /* the image ends in execve and is applied in a new process */
  JOB_KEEP = 2, /* with JOB_SPAWN: the thread lives until the process has ended, for PR_SET_PDEATHSIG */
  JOB_ONCE = 4, /* the image changes the thread: it ends with the job */
};

#define JOB_BUCKETS 64u

struct job;

struct jobs {
  uint32_t lock;
  uint32_t calls; /* futex: idle threads sleep on it */
  uint32_t closed;
  uint32_t last; /* the number given last */
  uint32_t threads;
  uint32_t idle;
  uint32_t most; /* threads at once */
  uint32_t running;
  uint32_t cancelled; /* of those that run */
  uint32_t kept; /* threads that only wait for their process */
  struct job *first; /* the queue */
  struct job *end;
  struct job *buckets[JOB_BUCKETS];
  struct ring *ring;
  uint32_t *users; /* counts our threads in, each before it exists */
  void (*gone)(void *owner); /* a thread has left and touches nothing any more: counts it out */
  void *owner;
};

/* Makes the first thread, in a structure that has `ring`, `most`, `users`, `gone` and `owner`. Returns 0 or -errno. */
long jobs_open(struct jobs *jobs);

/* Takes no more jobs, drops those that wait, cancels those that run. */
void jobs_close(struct jobs *jobs);

/* Frees all jobs. No thread may be left. */
void jobs_free(struct jobs *jobs);

/* Queues a copy of a sound image. Returns its number, or -errno. */
long jobs_submit(struct jobs *jobs, const void *image, size_t bytes, uint32_t flags);

/* Copies what the image is now, at most `bytes`. Returns 0, or -ENOENT. */
long jobs_peek(struct jobs *jobs, uint32_t number, void *to, size_t bytes);

/* Frees a job that has ended. Returns 0, -ENOENT, or -EBUSY while it runs. */
long jobs_forget(struct jobs *jobs, uint32_t number);

/* Lets the blocking call of a job fail with EINTR; one that waits in the queue ends with ECANCELED. */
long jobs_cancel(struct jobs *jobs, uint32_t number);

/* Interrupts what is cancelled and still runs: to be repeated, because a signal can come just before the call blocks. */
void jobs_interrupt(struct jobs *jobs);

#endif
