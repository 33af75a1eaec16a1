/**
 * Asks the programs of a domain about a handler's question, through the model's hooks.
 *
 * Owns nothing but the way there: which objects it is about is `events.ts`, who denies is the model's.
 */

import {
  deniedBy,
  getFile,
  type Lookup,
  type Program,
  type ProgramDomain,
  type ProgramTask,
  pickFile,
  startLookup,
  triggerBits,
  walkFile,
} from '../../model/programs/index.ts';
import type { Question } from '../authority.ts';
import type { Call } from '../call.ts';
import type { Place } from '../place.ts';
import { netOf, picksOf } from './events.ts';
import { inodeKey, type RunTags } from './inodes.ts';

/** Who is asked, and what is known of tasks and objects. */
export interface Asked {
  readonly domain: ProgramDomain | null;
  readonly tags: RunTags;
  /** A thread of this system as programs may hold it. */
  task(tid: number): ProgramTask;
}

/** A denial: the program, and a program that looks at files says no to a change of the mount tree without being asked. */
export type Denier = Pick<Program, 'name'>;

const UNASKED: Denier = { name: 'a program that looks at files: changes of the mount tree are refused' };

/** Asks. @returns the program that denies, or `null` */
export function judgeByPrograms(call: Call, question: Question, asked: Asked): Denier | null {
  const { domain, task } = asked;
  switch (question.kind) {
    case 'walk':
      return walk(question, asked);
    case 'signal': {
      const context = {
        signal: BigInt(question.signal),
        sender: task(call.target.tid),
        receiver: task(question.tid),
      };
      return deniedBy(domain, 'signal', () => context);
    }
    case 'ptrace': {
      const [self, other] = [task(call.target.tid), task(question.tid)];
      const [tracer, tracee] = question.traceme === true ? [other, self] : [self, other];
      return deniedBy(tracer.domain, 'ptrace', () => ({ tracer, tracee }));
    }
    case 'topology':
      return looksAtFiles(domain) ? UNASKED : null;
    default: {
      const net = netOf(call.name, question);
      const denier = net === null ? null : deniedBy(domain, 'net', () => net);
      return denier ?? files(question, asked);
    }
  }
}

/** Whether any program looks at files. */
export function looksAtFiles(domain: ProgramDomain | null): boolean {
  const lists = domain?.lists;
  return lists?.fs_walk !== undefined || lists?.fs_pick !== undefined || lists?.fs_get !== undefined;
}

function walk(
  { at, lookup, trail }: Extract<Question, { kind: 'walk' }>,
  { domain, tags }: Asked,
): Denier | null {
  tags.at = { key: inodeKey(at), fd: at.fd };
  if (lookup === 'start') {
    trail.kept = startLookup(domain, inodeKey(at), tags);
    return null;
  }
  return walkFile(domain, keptOf(at, domain, tags, trail.kept), inodeKey(at), WORDS[lookup]);
}

const WORDS = { name: 'NAME', dot: 'DOT', dotdot: 'DOTDOT' } as const;

/** The lookup that has found a place; one that begins there, where it was not looked up by a path. */
function keptOf(at: Place, domain: ProgramDomain | null, tags: RunTags, kept: unknown): Lookup {
  return (kept as Lookup | undefined) ?? startLookup(domain, inodeKey(at), tags);
}

function files(question: Question, { domain, tags }: Asked): Denier | null {
  if (!looksAtFiles(domain)) return null;
  let denier: Denier | null = null;
  for (const { at, triggers, gets } of picksOf(question)) {
    tags.at = { key: inodeKey(at), fd: at.fd };
    const found = keptOf(at, domain, tags, at.trail?.kept);
    // Each object of a call is the end of a way of its own.
    const lookup = { cookies: new Map(found.cookies) };
    if (triggers.length > 0) denier ??= pickFile(domain, lookup, inodeKey(at), triggerBits(...triggers));
    if (denier === null && gets === true) denier = getFile(domain, lookup, inodeKey(at), tags);
    if (denier !== null) return denier;
  }
  return denier;
}
