/*
 * Asks the running kernel about seccomp programs, for the tests of filter/.
 *
 *   filter-probe programs FILE   for each record of FILE: installs the program in a child, makes one call, prints
 *                                "refused", "killed", or the errno that the call met
 *   filter-probe call FILE HOW   installs the one program of FILE ("-" for none) and makes a call the HOW way
 *                                (native, x32, i386); prints its result
 *
 * A record: u32 count, u32 0, six u64 arguments, count packed instructions.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int install(struct sock_filter *program, unsigned short count)
{
	struct sock_fprog header = { .len = count, .filter = program };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &header);
}

static int probe_programs(FILE *file)
{
	volatile long *answer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct rlimit no_core = { 0, 0 };
	uint32_t head[2];
	uint64_t args[6];

	setrlimit(RLIMIT_CORE, &no_core);
	while (fread(head, sizeof(head), 1, file) == 1) {
		struct sock_filter *program = calloc(head[0] + 1, sizeof(*program));

		if (fread(args, sizeof(args), 1, file) != 1 || fread(program, sizeof(*program), head[0], file) != head[0])
			return 2;
		*answer = -1;
		fflush(stdout);
		pid_t child = fork();
		if (child == 0) {
			if (install(program, (unsigned short)head[0]) != 0) {
				*answer = errno == EINVAL ? -2 : -3;
			} else {
				long result = syscall(SYS_getppid, args[0], args[1], args[2], args[3], args[4], args[5]);
				*answer = result == -1 ? errno : result;
			}
			/* No call may be left that ends a process. */
			__builtin_trap();
		}
		int status;
		if (child < 0 || waitpid(child, &status, 0) != child)
			return 3;
		if (*answer == -1)
			puts("killed");
		else if (*answer == -2)
			puts("refused");
		else
			printf("%ld\n", *answer);
		free(program);
	}
	return 0;
}

static long make_call(const char *how)
{
	if (strcmp(how, "native") == 0)
		return syscall(SYS_getpid) == getpid() ? 1 : -1;
#ifdef __x86_64__
	long result;
	if (strcmp(how, "x32") == 0) {
		__asm__ volatile("syscall" : "=a"(result) : "a"(0x40000000L | SYS_getpid) : "rcx", "r11", "memory");
		return result;
	}
	if (strcmp(how, "i386") == 0) {
		__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
		return (int)result;
	}
#endif
	fprintf(stderr, "no way to make a call: %s\n", how);
	exit(4);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 1;
	FILE *file = strcmp(argv[2], "-") == 0 ? NULL : fopen(argv[2], "rb");
	if (strcmp(argv[1], "programs") == 0)
		return file == NULL ? 1 : probe_programs(file);
	if (file != NULL) {
		static struct sock_filter program[4096];
		size_t count = fread(program, sizeof(*program), 4096, file);
		if (install(program, (unsigned short)count) != 0) {
			perror("install");
			return 2;
		}
	}
	printf("%ld\n", make_call(argv[3]));
	return 0;
}
