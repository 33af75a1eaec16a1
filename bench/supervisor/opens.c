/*
 * What one call costs from inside: opens and closes a file, or asks for the process id, a number of times, and prints the
 * nanoseconds of each, as the least and the middle of ten rounds.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 10

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static void once(const char *what, const char *path) {
  if (strcmp(what, "open") == 0) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      perror(path);
      exit(1);
    }
    close(fd);
  } else if (strcmp(what, "stat") == 0) {
    struct stat facts;
    if (stat(path, &facts) != 0) exit(1);
  } else {
    syscall(SYS_getppid);
  }
}

static int compare(const void *left, const void *right) {
  double difference = *(const double *)left - *(const double *)right;
  return difference < 0 ? -1 : difference > 0;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  long count = atol(argv[3]);
  double first = now();
  once(argv[1], argv[2]);
  first = now() - first;
  double rounds[ROUNDS];
  for (int round = 0; round < ROUNDS; round++) {
    double begin = now();
    for (long i = 0; i < count; i++) once(argv[1], argv[2]);
    rounds[round] = (now() - begin) / (double)count;
  }
  qsort(rounds, ROUNDS, sizeof rounds[0], compare);
  printf("%.0f %.0f %.0f\n", first, rounds[0], rounds[ROUNDS / 2]);
  return 0;
}
