/* A ring with many writers and one reader. See ring.h. */

#include "ring.h"

#include <stdlib.h>

#include "futex.h"

long ring_open(struct ring *ring, uint32_t count, int32_t poke) {
  *ring = (struct ring){.mask = count - 1, .poke = poke};
  ring->entries = calloc(count, sizeof *ring->entries);
  return ring->entries ? 0 : -E_NOMEM;
}

/* With the lock held, which it gives up. Returns whether the reader slept on the ring. */
static int tell_reader(struct ring *ring) {
  set(&ring->news, ring->news + 1);
  uint32_t sleeps = ring->reader_sleeps;
  uint32_t polls = ring->reader_polls;
  ring->reader_sleeps = 0;
  ring->reader_polls = 0;
  unlock(&ring->lock);
  uint64_t one = 1;
  if (sleeps) wake(&ring->news);
  if (polls) sys(NR_write, ring->poke, (long)&one, sizeof one, 0, 0, 0);
  return sleeps != 0;
}

void ring_close(struct ring *ring) {
  lock(&ring->lock);
  ring->closed = 1;
  /* Writers compare this word: it has to change, or the wake could come just before the sleep. */
  set(&ring->tail, ring->tail + 0x80000000u);
  tell_reader(ring);
  wake(&ring->tail);
}

void ring_free(struct ring *ring) {
  free(ring->entries);
  ring->entries = 0;
}

int ring_write(struct ring *ring, const struct entry *entry) {
  lock(&ring->lock);
  while (!ring->closed && ring->head - ring->tail > ring->mask) {
    uint32_t tail = get(&ring->tail);
    ring->writers_wait = 1;
    unlock(&ring->lock);
    sleep_while(&ring->tail, tail, 0);
    lock(&ring->lock);
  }
  if (ring->closed) {
    unlock(&ring->lock);
    return 0;
  }
  ring->entries[ring->head & ring->mask] = *entry;
  ring->head++;
  return tell_reader(ring);
}

uint32_t ring_read(struct ring *ring, struct entry *to, uint32_t most) {
  lock(&ring->lock);
  uint32_t count = ring->closed ? 0 : ring->head - ring->tail;
  if (count > most) count = most;
  for (uint32_t i = 0; i < count; i++) to[i] = ring->entries[(ring->tail + i) & ring->mask];
  if (count > 0) set(&ring->tail, ring->tail + count);
  uint32_t waiting = count > 0 && ring->writers_wait;
  if (waiting) ring->writers_wait = 0;
  unlock(&ring->lock);
  if (waiting) wake(&ring->tail);
  return count;
}

void ring_sleep(struct ring *ring, uint32_t news, int32_t timeout_ms) {
  lock(&ring->lock);
  int over = ring->closed || ring->news != news || ring->head != ring->tail;
  if (!over) ring->reader_sleeps = 1;
  unlock(&ring->lock);
  if (over) return;
  const struct kernel_timespec most = {.seconds = timeout_ms / 1000, .nanoseconds = timeout_ms % 1000 * 1000000L};
  sleep_while(&ring->news, news, timeout_ms < 0 ? 0 : &most);
  lock(&ring->lock);
  ring->reader_sleeps = 0;
  unlock(&ring->lock);
}

void ring_nudge(struct ring *ring) {
  lock(&ring->lock);
  tell_reader(ring);
}

int ring_reader_sleeps(struct ring *ring) {
  lock(&ring->lock);
  int sleeps = ring->reader_sleeps != 0;
  unlock(&ring->lock);
  return sleeps;
}

int ring_before_poll(struct ring *ring) {
  lock(&ring->lock);
  int empty = !ring->closed && ring->head == ring->tail;
  if (empty) ring->reader_polls = 1;
  unlock(&ring->lock);
  return empty;
}

void ring_after_poll(struct ring *ring) {
  lock(&ring->lock);
  ring->reader_polls = 0;
  unlock(&ring->lock);
}
