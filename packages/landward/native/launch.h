/*
 * What the compiled launcher carries, as src/kernel/launch-file.ts writes it: an image, and how the program is started after
 * it. Lies in memory at LAUNCH_ADDRESS, which the writer makes so by a program header.
 */
#ifndef LANDWARD_LAUNCH_H
#define LANDWARD_LAUNCH_H

#include <stdint.h>

#define LAUNCH_ADDRESS 0x10000000ul
#define LAUNCH_MAGIC 0x4c57444cu
#define LAUNCH_VERSION 2u

/* Texts that lie one behind the other, each with its terminator. */
struct texts {
  uint32_t count;
  uint32_t offset;
};

/* Of the checksum: odd, so that no change of one word can keep the sum. */
#define LAUNCH_SEED UINT64_C(0xcbf29ce484222325)
#define LAUNCH_FACTOR UINT64_C(0x9e3779b97f4a7c15)

/* Offsets count from the address of this header. */
struct launch {
  uint32_t magic;
  uint32_t version;
  uint32_t size; /* a multiple of 8; the last 8 bytes are the checksum of all before them */
  uint32_t image;
  uint32_t program; /* path of the program, or 0: the first argument names it, searched in PATH */
  uint32_t pass_all; /* 1: all variables pass but those of `scrub`; 0: only those of `pass`, and not those of `scrub` */
  struct texts arguments; /* argv[0] and those that precede the caller's */
  struct texts pass; /* names, with `*` for any run of characters */
  struct texts scrub;
  struct texts set; /* NAME=value, instead of what the caller has */
  struct texts steps; /* what each step of the image is for */
};

_Static_assert(sizeof(struct launch) == 64, "launch header");

#endif
