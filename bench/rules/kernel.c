/*
 * The floor for a ruleset: `kernel FILE ROUNDS` makes one from the paths in FILE (one a line) with nothing but the
 * kernel's calls, and prints the nanoseconds of each round.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct __attribute__((packed)) path_rule {
	uint64_t access;
	int32_t fd;
};

static char *paths[100000];

int main(int argc, char **argv)
{
	FILE *file = argc > 2 ? fopen(argv[1], "r") : NULL;
	char *line = NULL;
	size_t size = 0;
	ssize_t length;
	int count = 0;

	if (file == NULL)
		return 1;
	while (count < 100000 && (length = getline(&line, &size, file)) > 0) {
		line[length - 1] = 0;
		paths[count++] = strdup(line);
	}
	for (int round = 0; round < atoi(argv[2]); round++) {
		uint64_t attr[3] = { 0x4, 0, 0 };
		struct timespec a, b;
		int ruleset;

		clock_gettime(CLOCK_MONOTONIC, &a);
		ruleset = (int)syscall(444, attr, sizeof(attr), 0);
		for (int i = 0; i < count; i++) {
			struct path_rule rule = { 0x4, open(paths[i], O_PATH | O_CLOEXEC) };

			if (syscall(445, ruleset, 1, &rule, 0) != 0)
				return 2;
			close(rule.fd);
		}
		clock_gettime(CLOCK_MONOTONIC, &b);
		close(ruleset);
		printf("%lld\n", (b.tv_sec - a.tv_sec) * 1000000000LL + (b.tv_nsec - a.tv_nsec));
	}
	return 0;
}
