/* The guard of guard.ts in C: clang -O2 -target bpf -I DIRECTORY_OF_THE_HEADER -c guard.c -o guard.bpf.o */
#include "landlock-programs.h"

SEC("landlock/ptrace") int guard(struct ptrace_context *context)
{
	int relation = ptrace_ancestor(context->tracer, context->tracee);

	return relation == 0 || relation == 1 ? ALLOW : DENY;
}
