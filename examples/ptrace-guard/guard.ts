/**
 * The guard of a hierarchy, as an object file: a task may look into its own domain and what is nested in it, and nothing
 * else.
 *
 *     node guard.ts guard.bpf.o
 *     landward run --landlock=user -- python3 plugin.py guard.bpf.o
 */

import { writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { assemble, writeObject } from 'landward/programs';

/** What clang makes of `guard.c` would do as well. */
const GUARD = `
  r2 = *(u64 *)(r1 + 8)      ; tracee
  r1 = *(u64 *)(r1 + 0)      ; tracer
  call 1000                  ; ptrace_ancestor: how are their lists of programs related
  if r0 == 0 goto allow      ; they have the same
  if r0 == 1 goto allow      ; the tracee's grew out of the tracer's
  r0 = 1
  exit
allow:
  r0 = 0
  exit`;

const programs = [{ name: 'guard', hook: 'ptrace', code: assemble(GUARD) }] as const;
writeFileSync(argv[2] ?? 'guard.bpf.o', writeObject({ programs }));
