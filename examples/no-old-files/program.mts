/**
 * The same in eBPF. A program sees no times, so whoever starts the sandbox says which objects are old, by paths:
 *
 *     node program.mts no-old-files.bpf.o
 *     landward run --write . --program "no-old-files.bpf.o$(printf ',old=%s' *)" -- make
 */

import { writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { assemble, writeObject } from 'landward/programs';

/** The bits of the triggers append, link, rename, rmdir, setattr, unlink, write. */
const CHANGES = [0, 8, 17, 19, 20, 22, 23].reduce((bits, bit) => bits | (1 << bit), 0);

const PROGRAM = `
  r2 = *(u64 *)(r1 + 16)     ; triggers
  r2 &= ${CHANGES}
  if r2 == 0 goto allow
  r2 = *(u64 *)(r1 + 8)      ; inode
  r1 = map[old] ll
  call 1001                  ; inode_lookup
  if r0 == 0 goto allow
  r0 = 1
  exit
allow:
  r0 = 0
  exit`;

const maps = [{ name: 'old', kind: 'inode', keyBytes: 4, valueBytes: 8, entries: 65_536 }] as const;
const programs = [{ name: 'no_old_files', hook: 'fs_pick', code: assemble(PROGRAM, ['old']) }] as const;
writeFileSync(argv[2] ?? 'no-old-files.bpf.o', writeObject({ maps, programs }));
