/* The table of jobs and the queue of those that wait. See jobs.h. */

#include "jobs.h"

#include <stdlib.h>

#include "apply.h"
#include "futex.h"
#include "job.h"
#include "thread.h"

static struct job **place_of(struct jobs *jobs, uint32_t number) {
  struct job **at = &jobs->buckets[number % JOB_BUCKETS];
  while (*at && (*at)->number != number) at = &(*at)->beside;
  return at;
}

/* With the lock held. A start is a thread that no signal reaches: its process is killed. */
static void interrupt(const struct job *job) {
  if (job->pidfd >= 0) sys(NR_pidfd_send_signal, job->pidfd, SIG_KILL, 0, 0, 0, 0);
  else if (!(job->flags & JOB_SPAWN)) thread_interrupt(job->tid);
}

void jobs_close(struct jobs *jobs) {
  lock(&jobs->lock);
  jobs->closed = 1;
  jobs->first = jobs->end = 0;
  for (uint32_t i = 0; i < JOB_BUCKETS; i++) {
    for (struct job *job = jobs->buckets[i]; job; job = job->beside) {
      if (job->state != RUNNING || job->cancelled) continue;
      job->cancelled = 1;
      jobs->cancelled++;
    }
  }
  set(&jobs->calls, jobs->calls + 1);
  unlock(&jobs->lock);
  wake(&jobs->calls);
}

void jobs_free(struct jobs *jobs) {
  for (uint32_t i = 0; i < JOB_BUCKETS; i++) {
    for (struct job *job = jobs->buckets[i]; job;) {
      struct job *beside = job->beside;
      free(job);
      job = beside;
    }
    jobs->buckets[i] = 0;
  }
}

long jobs_submit(struct jobs *jobs, const void *image, size_t bytes, uint32_t flags) {
  struct job *job = calloc(1, sizeof *job + (bytes + 7) / 8 * 8);
  if (!job) return -E_NOMEM;
  for (size_t i = 0; i < bytes; i++) ((char *)job->image)[i] = ((const char *)image)[i];
  /* What is checked is the copy: nobody can change it between. */
  if (!image_is_sound(job->image, bytes) || (flags & JOB_SPAWN && !image_ends_in_exec(job->image))) {
    free(job);
    return -E_INVAL;
  }
  job->bytes = bytes;
  job->pidfd = -1;
  job->flags = flags;
  lock(&jobs->lock);
  if (jobs->closed) {
    unlock(&jobs->lock);
    free(job);
    return -E_CANCELED;
  }
  do jobs->last = (jobs->last + 1) & INT32_MAX;
  while (jobs->last == 0 || *place_of(jobs, jobs->last));
  job->number = jobs->last;
  long number = job->number;
  *place_of(jobs, job->number) = job;
  if (jobs->end) jobs->end->next = job;
  else jobs->first = job;
  jobs->end = job;
  set(&jobs->calls, jobs->calls + 1);
  unlock(&jobs->lock);
  sys(NR_futex, (long)&jobs->calls, FUTEX_WAKE_PRIVATE_, 1, 0, 0, 0);
  return number;
}

long jobs_peek(struct jobs *jobs, uint32_t number, void *to, size_t bytes) {
  lock(&jobs->lock);
  struct job *job = *place_of(jobs, number);
  for (size_t i = 0; job && i < bytes && i < job->bytes; i++) ((char *)to)[i] = ((const char *)job->image)[i];
  unlock(&jobs->lock);
  return job ? 0 : -E_NOENT;
}

long jobs_forget(struct jobs *jobs, uint32_t number) {
  lock(&jobs->lock);
  struct job **at = place_of(jobs, number);
  struct job *job = *at;
  int ended = job && job->state == ENDED;
  if (ended) *at = job->beside;
  unlock(&jobs->lock);
  if (ended) free(job);
  return ended ? 0 : job ? -E_BUSY : -E_NOENT;
}

long jobs_cancel(struct jobs *jobs, uint32_t number) {
  lock(&jobs->lock);
  struct job *job = *place_of(jobs, number);
  if (job && job->state != ENDED && !job->cancelled) {
    job->cancelled = 1;
    if (job->state == RUNNING) {
      jobs->cancelled++;
      interrupt(job);
    }
  }
  unlock(&jobs->lock);
  return job ? 0 : -E_NOENT;
}

void jobs_interrupt(struct jobs *jobs) {
  lock(&jobs->lock);
  for (uint32_t i = 0; jobs->cancelled > 0 && i < JOB_BUCKETS; i++) {
    for (struct job *job = jobs->buckets[i]; job; job = job->beside) {
      if (job->state == RUNNING && job->cancelled) interrupt(job);
    }
  }
  unlock(&jobs->lock);
}
