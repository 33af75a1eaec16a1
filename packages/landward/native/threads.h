/*
 * Applying an image on every thread of this process, all or none: all threads are first stopped in a signal handler,
 * so that none can start another unseen, then the calling thread goes ahead, then the others follow.
 *
 * Uses the signal that libcs keep for their own calls on all threads, because nothing can block it; what is theirs
 * is handed on to them.
 */
#ifndef LANDWARD_THREADS_H
#define LANDWARD_THREADS_H

#include <stddef.h>
#include <stdint.h>

struct thread_result {
  int32_t tid;
  int32_t step;
  int32_t error;
};

/* Receives the results in one piece, after all threads run again. */
typedef void thread_results(void *context, const struct thread_result *results, uint32_t count);

/*
 * Errors per thread: 0 applied; ETIMEDOUT did not stop in time, and ECANCELED all others then, as when the image
 * failed on the calling thread; EBUSY another thread is at it. The calling thread is the first result.
 */
void threads_apply(const void *image, uint32_t timeout_ms, thread_results *receive, void *context);

#endif
