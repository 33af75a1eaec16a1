/*
 * The threads of this process as /proc shows them, by raw calls only: used while other threads stand still and may hold
 * any lock of libc.
 */
#ifndef LANDWARD_TASK_H
#define LANDWARD_TASK_H

#include <stdint.h>

/* Calls back for every thread that is listed. Returns 0 or an errno. One listing can miss threads while others end. */
int32_t tasks_list(void (*see)(void *context, int32_t tid), void *context);

/* How many threads the kernel counts, those that are just ending included; 0 when unknown. */
uint32_t tasks_count(void);

int task_exists(int32_t tid);

/* Whether a thread has ended but is still listed, as the first thread of a process can be. */
int task_is_zombie(int32_t tid);

#endif
