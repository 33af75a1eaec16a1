/* The memory of another process. See memory.h. */

#include "memory.h"

#include "linux.h"

#define VECTORS 64
#define FIRST_BYTES 512

struct vector {
  uint64_t base;
  uint64_t bytes;
};

/* In pieces that no page border cuts: the kernel copies a piece whole or not at all. */
static long transfer(long call, int32_t pid, uint64_t address, void *memory, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    struct vector remote[VECTORS];
    unsigned long count = 0;
    size_t asked = 0;
    while (count < VECTORS && done + asked < bytes) {
      uint64_t at = address + done + asked;
      uint64_t piece = PAGE_BYTES - at % PAGE_BYTES;
      if (piece > bytes - done - asked) piece = bytes - done - asked;
      remote[count++] = (struct vector){.base = at, .bytes = piece};
      asked += piece;
    }
    struct vector local = {.base = (uint64_t)(uintptr_t)memory + done, .bytes = asked};
    long copied = sys(call, pid, (long)&local, 1, (long)remote, (long)count, 0);
    if (copied <= 0) return done > 0 ? (long)done : copied < 0 ? copied : -E_FAULT;
    done += (size_t)copied;
    if ((size_t)copied < asked) break;
  }
  return (long)done;
}

long memory_read(int32_t pid, uint64_t address, void *to, size_t bytes) {
  return transfer(NR_process_vm_readv, pid, address, to, bytes);
}

long memory_write(int32_t pid, uint64_t address, const void *from, size_t bytes) {
  return transfer(NR_process_vm_writev, pid, address, (void *)(uintptr_t)from, bytes);
}

/* Most paths are short: the first piece is enough for them. */
long memory_read_string(int32_t pid, uint64_t address, void *to, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    size_t wanted = done == 0 && bytes > FIRST_BYTES ? FIRST_BYTES : bytes - done;
    long copied = memory_read(pid, address + done, (char *)to + done, wanted);
    if (copied < 0) return done > 0 ? -E_FAULT : copied;
    for (long i = 0; i < copied; i++) {
      if (((const char *)to)[done + (size_t)i] == 0) return (long)done + i;
    }
    done += (size_t)copied;
    if ((size_t)copied < wanted) return -E_FAULT;
  }
  return -E_NAMETOOLONG;
}
