/*
 * The memory of another process. Every function returns a count or -errno. What is read may have changed a moment later, and
 * the number may mean another process: who asks makes sure of both.
 */
#ifndef LANDWARD_MEMORY_H
#define LANDWARD_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Copies up to the first page that cannot be read. Returns the bytes copied, -EFAULT when there are none. */
long memory_read(int32_t pid, uint64_t address, void *to, size_t bytes);

/* Copies up to a NUL, which is not counted. -EFAULT: a hole comes first; -ENAMETOOLONG: none within `bytes`. */
long memory_read_string(int32_t pid, uint64_t address, void *to, size_t bytes);

/* Copies up to the first page that the process itself could not write. */
long memory_write(int32_t pid, uint64_t address, const void *from, size_t bytes);

#endif
