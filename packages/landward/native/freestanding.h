/* What the compiler may call in an executable without libc. */
#ifndef LANDWARD_FREESTANDING_H
#define LANDWARD_FREESTANDING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);

/*
 * The entry point: gives `main` the stack as the kernel has laid it out: argc, argv, a null pointer, envp. `main` does not
 * return.
 */
#if defined(__x86_64__)
#define ENTRY_POINT(main) \
  __asm__(".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call " #main "\n hlt\n")
#else
#define ENTRY_POINT(main) \
  __asm__(".globl _start\n_start:\n mov x29, #0\n mov x30, #0\n mov x0, sp\n and sp, x0, #-16\n bl " #main "\n brk #0\n")
#endif

#endif
