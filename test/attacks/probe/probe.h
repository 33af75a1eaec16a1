/*
 * What the attack probes share: their headers and the two ways in which an action ends.
 */
#ifndef PROBE_H
#define PROBE_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct action {
	const char *name;
	int args;
	void (*run)(char **args);
};

extern const struct action file_actions[];
extern const struct action process_actions[];
extern const struct action socket_actions[];

/* Ends with "ERRNO n step". The status stays 0: a refusal is a result. */
static inline __attribute__((noreturn, unused)) void fail(const char *step)
{
	printf("ERRNO %d %s\n", errno, step);
	exit(0);
}

static inline __attribute__((unused)) void done(const char *what)
{
	printf("DONE %s\n", what);
}

#endif
