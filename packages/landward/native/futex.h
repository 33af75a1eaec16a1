/*
 * Words that threads of this process share: reading, writing, sleeping on them, and a lock of one word. By raw calls only,
 * so that a signal handler and a thread that libc knows little of can use them.
 */
#ifndef LANDWARD_FUTEX_H
#define LANDWARD_FUTEX_H

#include <stdint.h>

#include "linux.h"

static inline uint32_t get(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
static inline void set(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }

static inline void wake(uint32_t *word) {
  sys(NR_futex, (long)word, FUTEX_WAKE_PRIVATE_, INT32_MAX, 0, 0, 0);
}

static inline void sleep_while(uint32_t *word, uint32_t value, const struct kernel_timespec *most) {
  sys(NR_futex, (long)word, FUTEX_WAIT_PRIVATE_, (long)value, (long)most, 0, 0);
}

/* A lock: 0 free, 1 taken, 2 taken and somebody sleeps. */
static inline void lock(uint32_t *word) {
  uint32_t expected = 0;
  if (__atomic_compare_exchange_n(word, &expected, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
  while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0) sleep_while(word, 2, 0);
}

static inline void unlock(uint32_t *word) {
  if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2) {
    sys(NR_futex, (long)word, FUTEX_WAKE_PRIVATE_, 1, 0, 0, 0);
  }
}

#endif
