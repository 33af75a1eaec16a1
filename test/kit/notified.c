/*
 * A program whose getppid and mkdirat are notified, in the ways that are hard for a supervisor.
 *
 *   storm COUNT RESTART   makes COUNT directories while a signal comes all the time; RESTART 1: with SA_RESTART
 *   threads COUNT         COUNT threads ask at the same time; each must get the answer to its own question
 *   loop COUNT            asks COUNT times
 *
 * Prints what it saw as JSON.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void on_alarm(int number) { (void)number, signals++; }

static int storm(int count, int restart) {
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = restart ? SA_RESTART : 0};
  sigaction(SIGALRM, &action, 0);
  struct itimerval every = {.it_interval = {.tv_usec = 200}, .it_value = {.tv_usec = 200}};
  setitimer(ITIMER_REAL, &every, 0);
  int made = 0, interrupted = 0, other = 0;
  for (int i = 0; i < count; i++) {
    char name[32];
    snprintf(name, sizeof name, "d%d", i);
    if (syscall(SYS_mkdirat, AT_FDCWD, name, 0700) == 0) made++;
    else if (errno == EINTR) interrupted++;
    else other++;
  }
  memset(&every, 0, sizeof every);
  setitimer(ITIMER_REAL, &every, 0);
  return printf("{\"made\":%d,\"interrupted\":%d,\"other\":%d,\"signals\":%d}\n", made, interrupted, other, (int)signals) < 0;
}

static int wrong;

static void *ask(void *unused) {
  (void)unused;
  /* The supervisor answers with the id of the thread that asks. */
  if (syscall(SYS_getppid) != syscall(SYS_gettid)) __atomic_add_fetch(&wrong, 1, __ATOMIC_SEQ_CST);
  return 0;
}

static int threads(int count) {
  pthread_t *all = calloc((size_t)count, sizeof *all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  for (int i = 0; i < count; i++) {
    if (pthread_create(&all[i], &attributes, ask, 0) != 0) return 2;
  }
  for (int i = 0; i < count; i++) pthread_join(all[i], 0);
  return printf("{\"wrong\":%d}\n", wrong) < 0;
}

static int loop(long count) {
  long tid = syscall(SYS_gettid), bad = 0;
  for (long i = 0; i < count; i++) bad += syscall(SYS_getppid) != tid;
  return printf("{\"wrong\":%ld}\n", bad) < 0;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  if (strcmp(argv[1], "storm") == 0) return storm(atoi(argv[2]), argc > 3 && atoi(argv[3]));
  if (strcmp(argv[1], "threads") == 0) return threads(atoi(argv[2]));
  if (strcmp(argv[1], "loop") == 0) return loop(atol(argv[2]));
  return 2;
}
