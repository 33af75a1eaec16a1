/*
 * What a deciding thread waits for, in the order in which it came: a ring of fixed entries with many writers and one
 * reader. Full, it lets writers wait; nothing is ever dropped. Knows nothing of what entries mean.
 */
#ifndef LANDWARD_RING_H
#define LANDWARD_RING_H

#include <stdint.h>

enum entry_kind { ENTRY_NOTIFICATION = 1, ENTRY_HUNGUP = 2, ENTRY_FAILED = 3, ENTRY_WAKE = 4, ENTRY_JOB = 5 };

#define NOTIFICATION_BYTES 80

/* How a job ended. */
struct outcome {
  int32_t step; /* the failed one, or -1 */
  int32_t error;
  int32_t pid; /* of a started process, else -1 */
  int32_t pidfd;
  int64_t result; /* of the last step */
};

struct entry {
  uint32_t kind;
  uint32_t key; /* of the listener, or the number of the job */
  union {
    uint64_t notification[NOTIFICATION_BYTES / 8]; /* as the kernel lays it out */
    struct outcome outcome;
    int32_t error;
  };
  uint64_t reserved;
};

_Static_assert(sizeof(struct entry) == 96, "entry");

struct ring {
  uint32_t lock;
  uint32_t head; /* counts what was written */
  uint32_t tail; /* futex: counts what was read */
  uint32_t mask;
  uint32_t news; /* futex: changes with every entry and every nudge */
  uint32_t reader_sleeps;
  uint32_t reader_polls; /* the reader sleeps on descriptors: what is written has to poke it */
  int32_t poke; /* the eventfd for that */
  uint32_t writers_wait;
  uint32_t closed;
  struct entry *entries;
};

/* `count` is a power of two. Returns 0 or -ENOMEM. */
long ring_open(struct ring *ring, uint32_t count, int32_t poke);

/* Lets everybody who waits go on; what is written from now on is lost. */
void ring_close(struct ring *ring);

/* Frees the memory. Nobody may use the ring any more. */
void ring_free(struct ring *ring);

/* Appends an entry; waits while there is no room. Returns whether the reader slept. */
int ring_write(struct ring *ring, const struct entry *entry);

/* Takes up to `most` entries. Returns how many. */
uint32_t ring_read(struct ring *ring, struct entry *to, uint32_t most);

/* Sleeps until an entry or a nudge has come since `news` was read, up to `timeout_ms` (for ever when negative). */
void ring_sleep(struct ring *ring, uint32_t news, int32_t timeout_ms);

/* Lets the reader look again at who receives. */
void ring_nudge(struct ring *ring);

/* Whether the reader sleeps on the ring. */
int ring_reader_sleeps(struct ring *ring);

/* Says that the reader is about to sleep on descriptors. Returns 0 when it need not: there are entries. */
int ring_before_poll(struct ring *ring);
void ring_after_poll(struct ring *ring);

#endif
