/*
 * Starting a process without copying this one: the cost does not grow with the memory of the parent, as that of
 * fork does. Owns the time between clone and execve, and nothing of what is applied in it.
 */
#ifndef LANDWARD_SPAWN_H
#define LANDWARD_SPAWN_H

#include <stdint.h>

struct spawned {
  int32_t pid; /* -1 when nothing was started */
  int32_t pidfd; /* close-on-exec, owned by the caller; -1 when nothing was started */
  int32_t step; /* the step of the image that failed, -1 for none or for clone itself */
  int32_t error;
};

/*
 * Applies a sound image that ends in execve in a new child. A child whose image failed is already reaped. The child
 * shares the memory of this process until execve, so an image must not contain calls that change the memory as a whole
 * (PR_SET_DUMPABLE, PR_SET_MM).
 */
struct spawned spawn_image(void *image);

/*
 * The same with the descriptor of the process in the caller's word, where it is before the process runs; left open there
 * also when the start failed, so that another thread can kill what is being started.
 */
struct spawned spawn_image_at(void *image, volatile int32_t *pidfd);

#endif
