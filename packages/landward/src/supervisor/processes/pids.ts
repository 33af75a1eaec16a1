/**
 * Process and thread numbers as the target writes them, in this process's numbering. A target in a PID namespace of its own
 * counts anew.
 *
 * Owns the translation. A number may come to mean another process a moment later, for the kernel as for us.
 */

import { readdirSync } from 'node:fs';

import type { Call } from '../call.ts';
import { readProcLink } from '../target/proc.ts';
import { readStatus } from '../target/status.ts';

/** Whether the target's numbers are ours. */
export function sharesPids(call: Call): boolean {
  return call.target.status().namespacedTids.length === 1;
}

/** A thread by the target's number, in our numbering; `null` where the target sees no such thread. */
export function ownTid(call: Call, number: number): number | null {
  return find(call, number, ({ namespacedTids }) => namespacedTids);
}

/** A process by the target's number, in our numbering. */
export function ownPid(call: Call, number: number): number | null {
  return find(call, number, ({ namespacedPids }) => namespacedPids);
}

type Status = ReturnType<typeof readStatus>;

function find(call: Call, number: number, numbers: (status: Status) => readonly number[]): number | null {
  if (number <= 0) return null;
  if (sharesPids(call)) return number;
  const own = call.target.status().namespacedTids.length - 1;
  const namespace = readProcLink(`/proc/${call.target.tid}/ns/pid`);
  for (const tid of allThreads()) {
    const status = statusOf(tid);
    // As deep as the target's namespace or deeper, and seen from there by this number.
    if (status === null || numbers(status)[own] !== number) continue;
    if (isWithin(tid, status.namespacedTids.length - 1 - own, namespace)) return tid;
  }
  return null;
}

/** Whether a thread is in a PID namespace or one below it. Deeper ones are trusted by their depth. */
function isWithin(tid: number, below: number, namespace: string | null): boolean {
  return below > 0 || readProcLink(`/proc/${tid}/ns/pid`) === namespace;
}

function* allThreads(): Iterable<number> {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    let tasks: readonly string[] = [];
    try {
      tasks = readdirSync(`/proc/${name}/task`);
    } catch {
      continue;
    }
    for (const task of tasks) yield Number(task);
  }
}

function statusOf(tid: number): Status | null {
  try {
    return readStatus(tid);
  } catch {
    return null;
  }
}
