/* Finding and ending the processes of a run. See guard.h. */

#include "guard.h"

#include "linux.h"

#define RLIMIT_LOCKS_ 10
#define LAST_PID 4194304
#define LISTING_BYTES 16384
#define TEXT_BYTES 4096
#define POLL_IN 1
#define CLEAN_SCANS 2
#define NAP_NS 2000000
#define ROUNDS 250

struct directory_entry {
  uint64_t inode;
  int64_t offset;
  uint16_t bytes;
  uint8_t type;
  char name[];
};

struct limit {
  uint64_t soft;
  uint64_t hard;
};

struct watched {
  int32_t fd;
  int16_t events;
  int16_t happened;
};

/* Reads a decimal number that ends at `end`; -1 for anything else. */
static int64_t number_of(const char **text, char end) {
  int64_t value = 0;
  const char *at = *text;
  for (; *at >= '0' && *at <= '9' && value < INT64_MAX / 10 - 9; at++) value = value * 10 + (*at - '0');
  int whole = at != *text && *at == end;
  *text = at;
  return whole ? value : -1;
}

/* Appends a text and returns the place behind it. */
static char *append(char *to, const char *text) {
  while (*text) *to++ = *text++;
  *to = 0;
  return to;
}

static char *append_number(char *to, int32_t value) {
  char digits[12];
  size_t at = sizeof digits - 1;
  digits[at] = 0;
  do digits[--at] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  return append(to, digits + at);
}

static int starts_with(const char *text, const char *start) {
  while (*start && *text == *start) text++, start++;
  return *start == 0;
}

/* The mark as procfs tells it of processes of other users; 0 where it does not. */
static uint64_t mark_in_text(int32_t pid) {
  char path[32];
  append(append_number(append(path, "/proc/"), pid), "/limits");
  long fd = sys(NR_openat, AT_CWD, (long)path, OPEN_CLOEXEC, 0, 0, 0);
  if (sys_failed(fd)) return 0;
  char text[TEXT_BYTES];
  long length = sys(NR_read, fd, (long)text, sizeof text - 1, 0, 0, 0);
  sys(NR_close, fd, 0, 0, 0, 0, 0);
  text[length > 0 ? length : 0] = 0;
  const char *at = text;
  while (*at && !starts_with(at, "Max file locks")) {
    while (*at && *at != '\n') at++;
    if (*at) at++;
  }
  if (!*at) return 0;
  at += sizeof "Max file locks" - 1;
  while (*at == ' ') at++;
  while (*at && *at != ' ' && *at != '\n') at++; /* the soft limit */
  while (*at == ' ') at++;
  int64_t mark = number_of(&at, ' ');
  return mark > 0 ? (uint64_t)mark : 0;
}

static uint64_t mark_of(int32_t pid) {
  struct limit limit;
  long error = sys(NR_prlimit64, pid, RLIMIT_LOCKS_, 0, (long)&limit, 0, 0);
  if (error == 0) return limit.hard;
  return error == -E_PERM ? mark_in_text(pid) : 0;
}

static int is_one_of(uint64_t mark, const uint64_t *marks, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (marks[i] == mark) return 1;
  }
  return 0;
}

/*
 * Kills a process that bears a mark. The number may come to mean another process at any time: what is killed is what a
 * descriptor means that was opened before the mark was read. Returns whether there was something left to kill.
 */
static int end_if_marked(int32_t pid, const uint64_t *marks, size_t count) {
  if (!is_one_of(mark_of(pid), marks, count)) return 0;
  long pidfd = sys(NR_pidfd_open, pid, 0, 0, 0, 0, 0);
  /* Gone, or the number of a thread, whose process has another one; but what lacks memory only is still there. */
  if (sys_failed(pidfd)) return pidfd == -E_NOMEM;
  int found = 0;
  if (is_one_of(mark_of(pid), marks, count)) {
    /* Readable: all its threads have ended, and it only waits for its parent. */
    const struct kernel_timespec at_once = {0};
    struct watched watched = {.fd = (int32_t)pidfd, .events = POLL_IN};
    int over = sys(NR_ppoll, (long)&watched, 1, (long)&at_once, 0, 0, 0) == 1 && watched.happened & POLL_IN;
    found = !over && sys(NR_pidfd_send_signal, pidfd, SIG_KILL, 0, 0, 0, 0) == 0;
  }
  sys(NR_close, pidfd, 0, 0, 0, 0, 0);
  return found;
}

/* Returns how many processes were found, or -1 where there is no /proc. */
static long scan_listed(const uint64_t *marks, size_t count) {
  long proc = sys(NR_openat, AT_CWD, (long)"/proc", OPEN_CLOEXEC, 0, 0, 0);
  if (sys_failed(proc)) return -1;
  char listing[LISTING_BYTES] __attribute__((aligned(8)));
  long found = 0;
  long bytes;
  while ((bytes = sys(NR_getdents64, proc, (long)listing, sizeof listing, 0, 0, 0)) > 0) {
    for (long at = 0; at < bytes;) {
      const struct directory_entry *entry = (const struct directory_entry *)(listing + at);
      at += entry->bytes;
      const char *name = entry->name;
      int64_t pid = number_of(&name, 0);
      if (pid > 0 && pid <= LAST_PID) found += end_if_marked((int32_t)pid, marks, count);
    }
  }
  sys(NR_close, proc, 0, 0, 0, 0, 0);
  return found;
}

/* Every number that a process can have: procfs may be mounted so that it hides some. */
static long scan_all(const uint64_t *marks, size_t count) {
  long found = 0;
  for (int32_t pid = 1; pid <= LAST_PID; pid++) found += end_if_marked(pid, marks, count);
  return found;
}

/* Until two scans find nothing, at most `rounds`. Returns whether that was so. */
static int end_listed(const uint64_t *marks, size_t count, uint32_t rounds) {
  /* What was killed needs a moment to go; a scan at once would only find it again. */
  const struct kernel_timespec nap = {.seconds = 0, .nanoseconds = NAP_NS};
  int clean = 0;
  for (uint32_t round = 0; clean < CLEAN_SCANS && round < rounds; round++) {
    /* Numbers are given upwards, and listed so: what is started during a scan is met by it. */
    clean = scan_listed(marks, count) > 0 ? 0 : clean + 1;
    sys(NR_ppoll, 0, 0, (long)&nap, 0, 0, 0);
  }
  return clean == CLEAN_SCANS;
}

void end_marked(uint64_t mark) { end_listed(&mark, 1, ROUNDS); }

void end_all_marked(const uint64_t *marks, size_t count) {
  while (!end_listed(marks, count, UINT32_MAX) || scan_all(marks, count) > 0) {
  }
}
