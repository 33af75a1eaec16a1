/**
 * What eBPF can say of it: three TCP connections, ever. A program sees no clock, since time would tell it who else runs, so
 * that it can count, and cannot forget.
 *
 *     node quota.mts quota.bpf.o
 *     landward run --connect tcp:443 --program quota.bpf.o -- node crawler.js
 */

import { writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { assemble, writeObject } from 'landward/programs';

const PROGRAM = `
  r2 = *(u64 *)(r1 + 0)      ; operation
  if r2 != 1 goto allow      ; connect
  r2 = *(u64 *)(r1 + 16)     ; protocol
  if r2 != 6 goto allow      ; TCP
  *(u32 *)(r10 - 4) = 0
  r1 = map[used] ll
  r2 = r10
  r2 += -4
  call 1                     ; map_lookup
  if r0 == 0 goto deny
  r1 = *(u64 *)(r0 + 0)
  if r1 > 2 goto deny
  r1 += 1
  *(u64 *)(r0 + 0) = r1
allow:
  r0 = 0
  exit
deny:
  r0 = 1
  exit`;

const maps = [{ name: 'used', kind: 'array', keyBytes: 4, valueBytes: 8, entries: 1 }] as const;
const programs = [{ name: 'quota', hook: 'net', code: assemble(PROGRAM, ['used']) }] as const;
writeFileSync(argv[2] ?? 'quota.bpf.o', writeObject({ maps, programs }));
