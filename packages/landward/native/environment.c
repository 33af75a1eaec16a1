/* Which variables the program of a compiled launcher sees. See environment.h. */

#include "environment.h"

size_t count_texts(char *const *texts) {
  size_t count = 0;
  while (texts[count]) count++;
  return count;
}

const char *next_text(const char *text) {
  while (*text) text++;
  return text + 1;
}

/* Whether the name at `text`, which ends at '=', matches a pattern. Backtracks to the last star only: linear enough. */
static int matches(const char *pattern, const char *text) {
  const char *star = 0;
  const char *retry = 0;
  while (*text != '=') {
    if (*pattern == '*') {
      star = pattern++;
      retry = text;
    } else if (*pattern == *text) {
      pattern++;
      text++;
    } else if (star) {
      pattern = star + 1;
      text = ++retry;
    } else {
      return 0;
    }
  }
  while (*pattern == '*') pattern++;
  return *pattern == 0;
}

static int matches_any(const struct launch *launch, struct texts patterns, const char *text) {
  const char *pattern = (const char *)launch + patterns.offset;
  for (uint32_t i = 0; i < patterns.count; i++, pattern = next_text(pattern)) {
    if (matches(pattern, text)) return 1;
  }
  return 0;
}

static int same_name(const char *left, const char *right) {
  for (; *left == *right; left++, right++) {
    if (*left == '=') return 1;
  }
  return 0;
}

static int is_set(const struct launch *launch, const char *text) {
  const char *own = (const char *)launch + launch->set.offset;
  for (uint32_t i = 0; i < launch->set.count; i++, own = next_text(own)) {
    if (same_name(own, text)) return 1;
  }
  return 0;
}

static int has_name(const char *text) {
  if (*text == '=') return 0;
  while (*text && *text != '=') text++;
  return *text == '=';
}

void filter_environment(const struct launch *launch, char *const *environment, const char **to) {
  for (; *environment; environment++) {
    const char *text = *environment;
    if (!has_name(text) || is_set(launch, text) || matches_any(launch, launch->scrub, text)) continue;
    if (launch->pass_all || matches_any(launch, launch->pass, text)) *to++ = text;
  }
  const char *own = (const char *)launch + launch->set.offset;
  for (uint32_t i = 0; i < launch->set.count; i++, own = next_text(own)) *to++ = own;
  *to = 0;
}

const char *variable(char *const *environment, const char *name) {
  for (; *environment; environment++) {
    const char *text = *environment;
    const char *wanted = name;
    while (*wanted && *text == *wanted) text++, wanted++;
    if (*wanted == 0 && *text == '=') return text + 1;
  }
  return 0;
}
