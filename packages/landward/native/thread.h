/*
 * Threads of our own in a process that runs Node: made from the calling thread, so that they have its credentials and its
 * Landlock domain, and deaf to all signals but those that must reach every thread.
 */
#ifndef LANDWARD_THREAD_H
#define LANDWARD_THREAD_H

#include <stdint.h>

/* Runs a function in a new thread that nobody waits for. Returns 0 or -errno. */
long thread_start(void *(*run)(void *), void *context);

/*
 * The signal that ends a blocking call of such a thread with EINTR: one that nobody in this process uses. Installed at
 * the first call. Returns its number, or -errno.
 */
int32_t thread_interrupt_signal(void);

/* Sends it. */
void thread_interrupt(int32_t tid);

#endif
