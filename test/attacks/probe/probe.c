/*
 * The probe's command line: `probe ACTION ARGUMENTS…`. Two actions in one process come with "then" between them.
 */
#include "probe.h"

static const struct action *find(const char *name)
{
	const struct action *const tables[] = { file_actions, process_actions, socket_actions };

	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const struct action *a = tables[t]; a->name != NULL; a++)
			if (strcmp(a->name, name) == 0)
				return a;
	return NULL;
}

int main(int argc, char **argv)
{
	int next = 1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (next < argc) {
		const struct action *a = find(argv[next]);

		if (a == NULL || argc - next - 1 < a->args) {
			fprintf(stderr, "probe: no such action, or too few arguments: %s\n", argv[next]);
			return 99;
		}
		a->run(argv + next + 1);
		next += 1 + a->args;
		if (next < argc && strcmp(argv[next], "then") == 0)
			next++;
		else
			break;
	}
	return 0;
}
