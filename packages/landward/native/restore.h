/* The way back from a signal handler, which whoever installs one with a raw call must give on x86-64. */
#ifndef LANDWARD_RESTORE_H
#define LANDWARD_RESTORE_H

#include "linux.h"

#if defined(__x86_64__)
extern void landward_restore(void) __attribute__((visibility("hidden")));
#define RESTORER landward_restore
#define RESTORER_FLAG SA_RESTORER_
#else
#define RESTORER 0
#define RESTORER_FLAG 0u
#endif

#endif
