/*
 * What the thread that applies an image everywhere and those that it stops share: one round at a time in a process, in
 * static memory, since a signal handler has no other way to it.
 */
#ifndef LANDWARD_ROUND_H
#define LANDWARD_ROUND_H

#include <stddef.h>
#include <stdint.h>

#include "apply.h"
#include "futex.h"
#include "linux.h"

enum phase { IDLE, GATHER, APPLY, RELEASE };
enum seat_state { CALLED, STOPPED, DONE, GONE };

/* A thread in the round. */
struct seat {
  int32_t tid;
  uint32_t state;
  uint32_t signalled;
  uint32_t listed; /* the scan that last saw the thread */
  struct applied applied;
};

struct round {
  uint32_t busy;
  uint32_t phase; /* futex: stopped threads sleep on it */
  uint32_t events; /* futex: the calling thread sleeps on it */
  uint32_t serial; /* tells the signals of this round from late ones */
  uint32_t installed; /* whether our handler is */
  uint32_t count;
  uint32_t capacity;
  struct seat *seats; /* the calling thread has the first */
  char *images; /* one copy a seat */
  uint64_t image_bytes;
};

extern struct round the_round;

/* Takes the signal over, and gives it back as it was. Returns 0 or -errno. */
long stop_install(void);
void stop_uninstall(void);

/* Tells the thread of a seat to stop. Leaves the seat unsignalled where the kernel's queue is full, for another try. */
void stop_call(struct seat *seat, int32_t pid);

/* Applies the image of a seat to the calling thread. */
void apply_at(uint32_t seat);

#endif
