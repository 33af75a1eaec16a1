/* The threads of this process. See task.h. */

#include "task.h"

#include "linux.h"

#define TASKS "/proc/self/task"
#define LISTING_BYTES 8192
#define STATX_NLINK 4
#define STATX_BYTES 256
#define STATX_NLINK_AT 16

struct directory_entry {
  uint64_t inode;
  int64_t offset;
  uint16_t bytes;
  uint8_t type;
  char name[];
};

/* Reads a decimal number; -1 where there is something else. */
static int32_t number_of(const char *text) {
  int32_t value = 0;
  if (*text == 0) return -1;
  for (; *text != 0; text++) {
    if (*text < '0' || *text > '9' || value > 100000000) return -1;
    value = value * 10 + (*text - '0');
  }
  return value;
}

/* Writes a decimal number without a terminator; returns the place behind it. */
static char *write_number(char *to, int32_t value) {
  char digits[12];
  unsigned int count = 0;
  do digits[count++] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  while (count > 0) *to++ = digits[--count];
  return to;
}

/* Whether /proc belongs to the pid namespace of this process, so that its numbers are ours. */
static int proc_is_ours(void) {
  char link[16];
  long length = sys(NR_readlinkat, AT_CWD, (long)"/proc/self", (long)link, sizeof link - 1, 0, 0);
  if (sys_failed(length)) return 0;
  link[length] = 0;
  return number_of(link) == (int32_t)sys(NR_getpid, 0, 0, 0, 0, 0, 0);
}

int32_t tasks_list(void (*see)(void *context, int32_t tid), void *context) {
  if (!proc_is_ours()) return E_NOENT;
  long fd = sys(NR_openat, AT_CWD, (long)TASKS, OPEN_CLOEXEC, 0, 0, 0);
  if (sys_failed(fd)) return (int32_t)-fd;
  char entries[LISTING_BYTES] __attribute__((aligned(8)));
  long length;
  while ((length = sys(NR_getdents64, fd, (long)entries, LISTING_BYTES, 0, 0, 0)) > 0) {
    for (long at = 0; at < length;) {
      const struct directory_entry *entry = (const struct directory_entry *)(entries + at);
      int32_t tid = number_of(entry->name);
      if (tid > 0) see(context, tid);
      at += entry->bytes;
    }
  }
  sys(NR_close, fd, 0, 0, 0, 0, 0);
  return (int32_t)-length;
}

uint32_t tasks_count(void) {
  char facts[STATX_BYTES] __attribute__((aligned(8)));
  long result = sys(NR_statx, AT_CWD, (long)TASKS, 0, STATX_NLINK, (long)facts, 0);
  uint32_t links = result == 0 ? *(const uint32_t *)(const void *)(facts + STATX_NLINK_AT) : 0;
  /* A directory has two links of its own, and this one has one for each thread. */
  return links > 2 ? links - 2 : 0;
}

int task_exists(int32_t tid) {
  long pid = sys(NR_getpid, 0, 0, 0, 0, 0, 0);
  return sys(NR_tgkill, pid, tid, 0, 0, 0, 0) != -E_SRCH;
}

int task_is_zombie(int32_t tid) {
  char text[128] = TASKS "/";
  char *end = write_number(text + sizeof TASKS, tid);
  for (const char *from = "/stat"; (*end = *from) != 0; end++, from++) continue;
  long fd = sys(NR_openat, AT_CWD, (long)text, OPEN_CLOEXEC, 0, 0, 0);
  if (sys_failed(fd)) return 0;
  long length = sys(NR_read, fd, (long)text, sizeof text - 1, 0, 0, 0);
  sys(NR_close, fd, 0, 0, 0, 0, 0);
  /* The state follows the name in parentheses, which may itself contain any character. */
  for (long at = length - 3; at > 0; at--) {
    if (text[at] == ')') return text[at + 2] == 'Z' || text[at + 2] == 'X';
  }
  return 0;
}
