/** Random parts of steps that need nothing of the world: flags of opens, network calls. */

import type { Behaviour } from '../../packages/landward/src/model/index.ts';
import type { Random } from './random.ts';
import { type RareStep, REOPENED } from './rare-steps.ts';
import { type At, OPEN, type Step } from './steps.ts';

/** Names, devices, and the slots in which tasks keep rulesets, open files and the disconnected directory. */
export const NAMES = ['a', 'b', 'c', 'd'];
export const DEVICES = [0, 0x103, 0x103, 0xf000];
export const REAL_RULESETS = [9, 10, 11];
export const OPENED = 4;
export const DISCONNECTED = 0;

/** Flags of an open of something that may exist. */
export function openFlags(random: Random): number {
  let flags = random.pick([OPEN.READ, OPEN.READ, OPEN.WRITE, OPEN.READ | OPEN.WRITE, 0]);
  if (random.chance(20)) flags |= OPEN.TRUNCATE;
  if (random.chance(6)) flags |= OPEN.DIRECTORY;
  if (random.chance(8)) flags |= OPEN.NOFOLLOW;
  return random.chance(4) ? OPEN.PLACE : flags;
}

/** A step that makes a directory, a symbolic link to `target`, or what `mknod` makes. */
export function makeStep(random: Random, task: number, at: At, target: string): Step {
  const op = random.weighted({ mkdir: 30, symlink: 20, mknod: 50 });
  if (op === 'mkdir') return { task, op, at };
  if (op === 'symlink') return { task, op, at, target };
  const mode = random.pick([0, 0o010000, 0o020000, 0o020000, 0o060000, 0o100000, 0o140000]);
  const device = mode === 0o020000 || mode === 0o060000;
  return { task, op, at, mode, rdev: device ? random.pick(DEVICES) : 0 };
}

/** A bind, connect or send, with addresses that are sometimes malformed. */
export function inetStep(random: Random, task: number): Step {
  const address = random.pick([0, 2, 2, 2, 10, 10, 1]);
  return {
    task,
    op: 'inet',
    call: random.pick(['bind', 'connect', 'connect', 'send', 'fastopen']),
    family: random.chance(60) ? 4 : 6,
    type: random.pick(['tcp', 'tcp', 'tcp', 'udp', 'mptcp']),
    address,
    port: random.pick([0, 80, 443, 5000]),
    length: random.chance(85) ? (address === 10 ? 28 : 16) : random.pick([1, 2, 8, 15, 16, 23, 24]),
    any: random.chance(50),
  };
}

/** Flags that cannot change more than the calling thread's case: the rest is tested by the cases of their own. */
export function safe(flags: number, behaviour: Behaviour): number {
  return behaviour.abi >= 8 ? flags & ~0x18 : flags;
}

/** Renames, links and removals of `.` fail before Landlock is asked. */
export function notDot(at: At): At {
  return at.path === '.' ? { ...at, path: 'e' } : at;
}

/** A step that few programs take; see `rare-steps.ts`. */
export function rareStep(random: Random, task: number, at: At, to: At): RareStep {
  switch (random.pick(['pivot', 'graft', 'queue', 'queue', 'reopen'] as const)) {
    case 'pivot':
      return { task, op: 'pivot', at };
    case 'graft':
      return { task, op: 'graft', at, to: to.path === '/tmp' ? at : to };
    case 'queue': {
      const mode = random.pick([OPEN.READ, OPEN.WRITE, OPEN.READ | OPEN.WRITE]);
      const create = random.pick([0, OPEN.CREATE, OPEN.CREATE | OPEN.EXCLUSIVE]);
      return { task, op: 'queue', flags: mode | create, slot: -1 };
    }
    case 'reopen':
      return { task, op: 'reopen', what: random.pick(REOPENED), slot: 12 };
  }
}
