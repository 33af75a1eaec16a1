/**
 * From a handler's question to what programs are shown of it: the objects that are picked and what is done to each, or
 * the numbers of an address or a signal.
 *
 * Owns the table from questions to triggers, which docs publish. The words and bits are the model's.
 */

import { parseAddress } from '../../model/addresses.ts';
import { type FsTrigger, type HookContexts, triggersOf } from '../../model/programs/index.ts';
import { AF, IPPROTO } from '../../uapi/socket.ts';
import type { SyscallName } from '../../uapi/syscalls.ts';
import type { Question } from '../authority.ts';
import type { Place } from '../place.ts';

/** Something that is done to an object. */
export interface Pick {
  readonly at: Place;
  readonly triggers: readonly FsTrigger[];
  /** Whether later lookups may begin at the object from now on. */
  readonly gets?: boolean;
}

/** The numbers of `net` for what is done. */
export const NET_OPERATION = { BIND: 0, CONNECT: 1, SEND: 2, LISTEN: 3 } as const;

/** What a question does to objects of the file system; empty for one that is about none. */
export function picksOf(question: Question): readonly Pick[] {
  switch (question.kind) {
    case 'access':
      return [{ at: question.at, triggers: triggersOf(question.rights) }];
    case 'open': {
      const append = question.append === true ? (['append'] as const) : [];
      const triggers = ['open', ...triggersOf(question.rights), ...append] as const;
      return [{ at: question.at, triggers, gets: question.at.type === 'dir' }];
    }
    case 'opened':
      return [{ at: question.at, triggers: triggersOf([question.right]) }];
    case 'pick':
      return [{ at: question.at, triggers: question.triggers, gets: question.gets === true }];
    case 'find':
      return question.at === undefined ? [] : [{ at: question.at, triggers: ['getattr'] }];
    case 'make': {
      // What is not there yet is nothing that could be shown: its directory stands for it.
      const opened = question.open === undefined ? [] : (['open', ...triggersOf(question.open)] as const);
      return [{ at: question.entry.parent, triggers: ['create', ...opened] }];
    }
    case 'remove': {
      const { entry, right } = question;
      const removed = entry.object === null ? [] : [{ at: entry.object, triggers: triggersOf([right]) }];
      return [...removed, { at: entry.parent, triggers: ['write'] }];
    }
    case 'refer':
      return referred(question);
    case 'unix':
      return 'place' in question.at && question.operation === 'connect'
        ? [{ at: question.at.place, triggers: ['write'] }]
        : [];
    default:
      return [];
  }
}

function referred({ from, to, operation, whiteout }: Extract<Question, { kind: 'refer' }>): readonly Pick[] {
  const on = (at: Place | null, ...triggers: readonly FsTrigger[]): readonly Pick[] =>
    at === null ? [] : [{ at, triggers }];
  if (operation === 'link') return [...on(from.object, 'link'), ...on(to.parent, 'linkto')];
  if (operation === 'exchange')
    return [
      ...on(from.object, 'rename'),
      ...on(to.object, 'rename'),
      ...on(from.parent, 'write', 'renameto'),
      ...on(to.parent, 'write', 'renameto'),
    ];
  return [
    ...on(from.object, 'rename'),
    ...on(from.parent, ...(whiteout === true ? (['write', 'create'] as const) : (['write'] as const))),
    ...on(to.object, to.object?.type === 'dir' ? 'rmdir' : 'unlink'),
    ...on(to.parent, 'renameto'),
  ];
}

const SENDS: ReadonlySet<SyscallName> = new Set(['sendto', 'sendmsg', 'sendmmsg']);

/** The numbers of a question about an address; `null` for any other question. */
export function netOf(name: SyscallName, question: Question): HookContexts['net'] | null {
  if (question.kind === 'unix') {
    const operation = operationOf(name, question.operation === 'bind');
    return { operation, family: BigInt(AF.UNIX), protocol: 0n, port: 0n, high: 0n, low: 0n };
  }
  if (question.kind !== 'net') return null;
  const { right, address, port, protocol = right.endsWith('tcp') ? IPPROTO.TCP : IPPROTO.UDP } = question;
  const parsed = address === null ? null : parseAddress(address);
  const four = parsed?.family === 4;
  const bits = parsed === null ? 0n : four ? parsed.bits & 0xffff_ffffn : parsed.bits;
  return {
    operation: operationOf(name, right.startsWith('net.bind')),
    family: parsed === null ? 0n : BigInt(four ? AF.INET : AF.INET6),
    protocol: BigInt(protocol),
    port: BigInt(port),
    high: bits >> 64n,
    low: bits & 0xffff_ffff_ffff_ffffn,
  };
}

function operationOf(name: SyscallName, binds: boolean): bigint {
  if (name === 'listen') return BigInt(NET_OPERATION.LISTEN);
  if (binds) return BigInt(NET_OPERATION.BIND);
  return BigInt(SENDS.has(name) ? NET_OPERATION.SEND : NET_OPERATION.CONNECT);
}
