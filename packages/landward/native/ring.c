/* A ring with many writers and one reader. See ring.h. */

#include "ring.h"

#include <stdlib.h>

#include "futex.h"

long ring_open(struct ring *ring, uint32_t count) {
  *ring = (struct ring){.mask = count - 1};
  ring->entries = calloc(count, sizeof *ring->entries);
  return ring->entries ? 0 : -E_NOMEM;
}

void ring_close(struct ring *ring) {
  lock(&ring->lock);
  ring->closed = 1;
  unlock(&ring->lock);
  /* Whoever sleeps compares a counter: it has to change, or the wake could come just before the sleep. */
  __atomic_add_fetch(&ring->head, 0x80000000u, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&ring->tail, 0x80000000u, __ATOMIC_SEQ_CST);
  wake(&ring->head);
  wake(&ring->tail);
}

void ring_free(struct ring *ring) {
  free(ring->entries);
  ring->entries = 0;
}

void ring_write(struct ring *ring, const struct entry *entry) {
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
    return;
  }
  ring->entries[ring->head & ring->mask] = *entry;
  set(&ring->head, ring->head + 1);
  uint32_t sleeps = ring->reader_sleeps;
  ring->reader_sleeps = 0;
  unlock(&ring->lock);
  if (sleeps) wake(&ring->head);
}

static void wait_for_entry(struct ring *ring, int32_t timeout_ms) {
  uint32_t head = get(&ring->head);
  ring->reader_sleeps = 1;
  unlock(&ring->lock);
  const struct kernel_timespec most = {.seconds = timeout_ms / 1000, .nanoseconds = timeout_ms % 1000 * 1000000L};
  sleep_while(&ring->head, head, timeout_ms < 0 ? 0 : &most);
  lock(&ring->lock);
  ring->reader_sleeps = 0;
}

uint32_t ring_read(struct ring *ring, struct entry *to, uint32_t most, int32_t timeout_ms) {
  lock(&ring->lock);
  if (!ring->closed && ring->head == ring->tail && timeout_ms != 0) wait_for_entry(ring, timeout_ms);
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
