/* Which variables the program of a compiled launcher sees. */
#ifndef LANDWARD_ENVIRONMENT_H
#define LANDWARD_ENVIRONMENT_H

#include <stddef.h>

#include "launch.h"

/* The number of texts before the null pointer. */
size_t count_texts(char *const *texts);

/* The next of texts that lie one behind the other. */
const char *next_text(const char *text);

/* The value of a variable, or 0. */
const char *variable(char *const *environment, const char *name);

/*
 * Writes the variables that the program sees, and a null pointer, to `to`, which has room for all of `environment` and
 * all that is set. A variable without '=' never passes: no rule could name it.
 */
void filter_environment(const struct launch *launch, char *const *environment, const char **to);

#endif
