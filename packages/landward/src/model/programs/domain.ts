/**
 * Domains of programs: for each hook a list of programs that only ever grows at its head, shared by forks and compared
 * by identity. Immutable: prepending copies the domain and shares the tails.
 *
 * Owns the lists and their hierarchy. What a program is and how lists run is `run.ts`.
 */

import { done, type Result, refused } from '../landlock/result.ts';

/** The hooks that programs attach to. Each stands for a set of checks on one kind of object. */
export type Hook = 'ptrace' | 'fs_walk' | 'fs_pick' | 'fs_get' | 'net' | 'signal';

/**
 * The objects that a hook shows to a program: opaque ones are to be compared and handed to helpers only, the others are
 * numbers. Nothing here says who the subject is. Only what has no `readonly` is a program's to write.
 */
export interface HookContexts {
  readonly ptrace: { readonly tracer: ProgramTask; readonly tracee: ProgramTask };
  /** A directory in which a lookup is about to look for a name, `.` or `..` (`FS_LOOKUP`). */
  readonly fs_walk: { cookie: bigint; readonly inode: ProgramInode; readonly lookup: bigint };
  /** The object that a lookup has found, and what is done to it (`FS_TRIGGERS`). */
  readonly fs_pick: { cookie: bigint; readonly inode: ProgramInode; readonly triggers: bigint };
  /** The same object once it may be used, to be tagged: lookups that start at it begin with the tag as their cookie. */
  readonly fs_get: { readonly cookie: bigint; readonly inode: ProgramInode; tag: bigint };
  /** Addresses as numbers: IPv4 in `low` (`::ffff:a.b.c.d` is IPv4), IPv6 in both, 0 where there is none. */
  readonly net: {
    readonly operation: bigint;
    readonly family: bigint;
    readonly protocol: bigint;
    readonly port: bigint;
    readonly high: bigint;
    readonly low: bigint;
  };
  readonly signal: { readonly signal: bigint; readonly sender: ProgramTask; readonly receiver: ProgramTask };
}

/** A task as a program may hold it. */
export interface ProgramTask {
  readonly domain: ProgramDomain | null;
}

/** An inode as a program may hold it: any value that is the same for the same object, and for no other. */
export type ProgramInode = unknown;

/** What a program may call. Nothing tells it who the subject is. */
export interface Helpers {
  /** See `ptraceAncestor`. */
  ptraceAncestor(parent: ProgramTask | null, child: ProgramTask | null): number;
  /** The same comparison of lists of `signal`. */
  signalAncestor(parent: ProgramTask | null, child: ProgramTask | null): number;
}

/** A program that its loader accepted for one hook. */
export interface Program<H extends Hook = Hook> {
  readonly hook: H;
  /** What a denial calls it by; foreign text. */
  readonly name?: string;
  /** Programs of one chain see one cookie and one tag: those of one object file. A chain of its own where absent. */
  readonly chain?: object;
  /** Of `fs_pick`: asked only where any of these triggers is among those of the call; where absent, always. */
  readonly triggers?: bigint;
  /** 0 allows, bit 0 denies; other bits are reserved. */
  run(context: HookContexts[H], helpers: Helpers): number;
}

/** One entry of a list. */
export interface ProgramNode {
  readonly program: Program;
  readonly previous: ProgramNode | null;
}

/** The lists of a domain, newest program first. */
export interface ProgramDomain {
  readonly lists: Readonly<Partial<Record<Hook, ProgramNode>>>;
}

/** Programs that one hook of a domain may hold. */
export const MAX_PROGRAMS = 64;

/**
 * The domain with one more program, which runs before all others of its hook.
 *
 * @returns a new domain, or EEXIST where the list holds the program already, E2BIG where the list is full
 */
export function prepend(domain: ProgramDomain | null, program: Program): Result<ProgramDomain> {
  const list = domain?.lists[program.hook] ?? null;
  let length = 0;
  for (let node = list; node !== null; node = node.previous) {
    if (node.program === program) return refused('EEXIST');
    length++;
  }
  if (length >= MAX_PROGRAMS) return refused('E2BIG');
  return done({ lists: { ...domain?.lists, [program.hook]: { program, previous: list } } });
}

/** Whether a domain can have come out of an older one by prepending: each list of it is one of them, or grew out of one. */
export function growsFrom(domain: ProgramDomain | null, older: ProgramDomain | null): boolean {
  return (Object.keys(older?.lists ?? {}) as Hook[]).every((hook) => {
    const first = older!.lists[hook]!;
    for (let node = domain?.lists[hook] ?? null; node !== null; node = node.previous)
      if (node === first) return true;
    return false;
  });
}

const EFAULT = 14;
const EINVAL = 22;
const ENOENT = 2;

/**
 * The helper that compares two tasks by their programs of a hook: whose list grew out of whose.
 *
 * @returns 0 for the same list, 1 where the parent's list is an older state of the child's, -ENOENT where it is not,
 *   -EINVAL where either task has no program at the hook, -EFAULT for no task
 */
function ancestor(hook: Hook, parent: ProgramTask | null, child: ProgramTask | null): number {
  if (parent === null || child === null) return -EFAULT;
  const older = parent.domain?.lists[hook];
  const list = child.domain?.lists[hook];
  if (older === undefined || list === undefined) return -EINVAL;
  if (older === list) return 0;
  for (let node = list.previous; node !== null; node = node.previous) if (node === older) return 1;
  return -ENOENT;
}

/** The helper of `ptrace`: see `ancestor`. */
export const ptraceAncestor: Helpers['ptraceAncestor'] = (parent, child) => ancestor('ptrace', parent, child);

/** The helper of `signal`: see `ancestor`. */
export const signalAncestor: Helpers['signalAncestor'] = (parent, child) => ancestor('signal', parent, child);
