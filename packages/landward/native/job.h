/* A job as the table of jobs and the threads that apply images share it. */
#ifndef LANDWARD_JOB_H
#define LANDWARD_JOB_H

#include "jobs.h"

enum job_state { QUEUED, RUNNING, ENDED };

struct job {
  struct job *next; /* in the queue */
  struct job *beside; /* in the bucket */
  uint32_t number;
  uint32_t flags;
  uint32_t state;
  uint32_t cancelled;
  int32_t tid;
  volatile int32_t pidfd; /* of a process that is being started */
  size_t bytes;
  uint64_t image[];
};

#endif
