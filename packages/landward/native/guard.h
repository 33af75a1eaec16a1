/*
 * What the guard is told by the supervisor, and finding the processes of a run: those whose limit on file locks, which Linux
 * ignores, bears the run's mark.
 */
#ifndef LANDWARD_GUARD_H
#define LANDWARD_GUARD_H

#include <stddef.h>
#include <stdint.h>

/* ADD and DROP change which marks are ended with the supervisor; KILL ends one now; QUIT ends the guard alone. */
enum order_kind { ORDER_ADD = 1, ORDER_DROP = 2, ORDER_KILL = 3, ORDER_QUIT = 4 };

struct order {
  uint64_t kind;
  uint64_t mark;
};

/*
 * Kills every process that bears a mark, however fast they start others. Gives up after about a second: those that are left
 * wait for a device, and are dead when it answers.
 */
void end_marked(uint64_t mark);

/* Kills every process that bears one of the marks, until none is left, also of those that procfs hides. */
void end_all_marked(const uint64_t *marks, size_t count);

#endif
