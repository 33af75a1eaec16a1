/**
 * A handler's question as requests to the rules of the policy: which paths and rights are asked together.
 *
 * Owns the translation only. The verdict is the model's (`decideIndexed`).
 */

import { isNormal } from '../model/paths.ts';
import type { MetaRight, Request } from '../model/rules.ts';
import type { FsRight } from '../uapi/landlock.ts';
import type { Question } from './authority.ts';
import type { Entry, Place } from './place.ts';

/** What a question asks of the rules. */
export type Asked =
  | { readonly kind: 'nothing' }
  /** A place that cannot be named from here, such as one outside of this root: no rule can grant it. */
  | { readonly kind: 'unnamed' }
  /** All must be allowed. `lookups` are allowed or not one by one, and never refuse the call. */
  | { readonly kind: 'all'; readonly requests: readonly Request[]; readonly lookups: readonly Request[] }
  /** An address and the names that mean it: one of them has to be allowed, and none denied by a rule. */
  | { readonly kind: 'any'; readonly requests: readonly Request[] }
  | { readonly kind: 'find'; readonly request: Request };

type PathQuestion = Exclude<
  Question,
  { kind: 'signal' | 'ptrace' | 'topology' | 'socket' | 'socket-create' | 'call' | 'walk' | 'pick' }
>;

const NOTHING: Asked = { kind: 'nothing' };
const UNNAMED: Asked = { kind: 'unnamed' };

/** The requests that a question about a file, a socket or an address stands for. */
export function requestsOf(question: PathQuestion): Asked {
  switch (question.kind) {
    case 'access':
      return onPlace(question.at, question.rights, []);
    case 'open':
      return onPlace(question.at, question.rights, question.optional);
    case 'opened':
      // Where it was opened, as far as that is known still: the file may have lost its name since.
      return typeof question.file === 'string'
        ? onPath(question.file, [question.right], [])
        : onPlace(question.at, [question.right], []);
    case 'find': {
      if (question.at?.exempt) return NOTHING;
      const path = absolute(question.path);
      return path === null
        ? UNNAMED
        : { kind: 'find', request: { kind: 'path', path, rights: ['meta.stat'] } };
    }
    case 'make':
      return onPath(question.entry.path, [question.right, ...(question.open ?? [])], question.optional ?? []);
    case 'remove':
      return onPath(question.entry.path, [question.right], []);
    case 'refer':
      return refer(question.from, question.to, question.operation, question.whiteout === true);
    case 'net': {
      const { right, port, address, names } = question;
      const base = { kind: 'net', right, port, ...(address === null ? {} : { address }) } as const;
      return { kind: 'any', requests: [base, ...names.map((name) => ({ ...base, name }))] };
    }
    case 'unix': {
      const { operation, at } = question;
      if (!('place' in at)) return all([{ kind: 'unix', operation, abstract: at.abstract }]);
      const path = absolute(at.place.path);
      return path === null ? UNNAMED : all([{ kind: 'unix', operation, path }]);
    }
  }
}

function all(requests: readonly Request[], lookups: readonly Request[] = []): Asked {
  return { kind: 'all', requests, lookups };
}

function onPlace(
  place: Place,
  rights: readonly (FsRight | MetaRight)[],
  optional: readonly FsRight[],
): Asked {
  return place.exempt ? NOTHING : onPath(place.path, rights, optional);
}

function onPath(text: string, rights: readonly (FsRight | MetaRight)[], optional: readonly FsRight[]): Asked {
  const path = absolute(text);
  if (path === null) return UNNAMED;
  return all(
    rights.length === 0 ? [] : [{ kind: 'path', path, rights }],
    optional.map((right) => ({ kind: 'path', path, rights: [right] })),
  );
}

function refer(from: Entry, to: Entry, operation: 'rename' | 'link' | 'exchange', whiteout: boolean): Asked {
  const source = absolute(from.path);
  const target = absolute(to.path);
  if (source === null || target === null) return UNNAMED;
  const moved = from.object === null ? undefined : typed(from.object);
  const there = to.object === null ? undefined : typed(to.object);
  const requests: Request[] = [
    {
      kind: 'refer',
      from: source,
      to: target,
      operation,
      replaces: there !== undefined,
      ...moved,
      ...(there === undefined ? {} : { there }),
    },
  ];
  if (whiteout) requests.push({ kind: 'path', path: source, rights: ['fs.make_char'] });
  return all(requests);
}

/** What the rules need to know of an object's type. */
function typed({ type }: Place): { readonly directory: boolean; readonly make: FsRight } {
  return { directory: type === 'dir', make: MAKE[type] };
}

const MAKE = {
  reg: 'fs.make_reg',
  dir: 'fs.make_dir',
  char: 'fs.make_char',
  block: 'fs.make_block',
  fifo: 'fs.make_fifo',
  sock: 'fs.make_sock',
  lnk: 'fs.make_sym',
} as const satisfies Record<Place['type'], FsRight>;

/** A path in normal form, or `null` where it is not one from the root of this process. */
function absolute(path: string): string | null {
  return isNormal(path) ? path : null;
}
