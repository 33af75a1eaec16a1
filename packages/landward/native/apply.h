/*
 * The image: a flat buffer of system calls, made by src/kernel/image.ts, and the one routine that applies it.
 *
 * Wherever landward changes what a process may do (this thread, every thread, a new process, the compiled launcher),
 * it is this routine that does it. It owns no policy, parses nothing, and calls nothing but the kernel, so that it is
 * safe in a signal handler, between clone and execve, and without a libc.
 */
#ifndef LANDWARD_APPLY_H
#define LANDWARD_APPLY_H

#include <stddef.h>
#include <stdint.h>

#define IMAGE_MAGIC 0x3157444cu
#define IMAGE_VERSION 1u

/* Kinds of step arguments, 4 bits each in `kinds`, the first argument in the lowest bits. */
enum { ARG_NUMBER = 0, ARG_ADDRESS = 1, ARG_SLOT = 2 };

/* `ok_errno` of a step that may fail with anything. */
#define ANY_ERRNO 0xffffffffu

struct image {
  uint32_t magic;
  uint32_t version;
  uint32_t size; /* bytes of the whole image */
  uint32_t steps; /* offset of the steps */
  uint32_t step_count;
  uint32_t relocs; /* offset of the relocations: offsets of 64-bit words that hold addresses */
  uint32_t reloc_count;
  uint32_t reserved; /* zero */
  uint64_t base; /* the address that relocated words are relative to now */
};

struct step {
  uint32_t nr;
  uint32_t kinds;
  uint32_t store; /* offset + 1 of the 32-bit word that takes the result (or -errno when accepted), 0 for none */
  uint32_t ok_errno; /* an errno that does not end the application, 0 for none */
  uint64_t args[6]; /* ARG_ADDRESS: an offset; ARG_SLOT: the offset of a 32-bit word, passed sign-extended */
};

_Static_assert(sizeof(struct image) == 40, "image header");
_Static_assert(sizeof(struct step) == 64, "image step");

/* `step`: the failed one, or -1; `error`: its errno, or 0; `result`: what the last step returned when all ran. */
struct applied {
  int32_t step;
  int32_t error;
  int64_t result;
};

/*
 * Whether every offset in the image lies inside it, and whether everything that is written lies behind the header,
 * the steps and the relocations, so that what was checked stays true. The image must be 8-byte aligned.
 */
int image_is_sound(const void *image, size_t length);

/* Whether the last step of a sound image replaces the program. */
int image_ends_in_exec(const void *image);

/* Runs the steps of a sound image in order; ends at the first that fails. Does not return from a successful execve. */
struct applied image_apply(void *image);

#endif
