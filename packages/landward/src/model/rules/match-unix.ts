/** Which rules cover a UNIX socket: by path as for files, or by abstract name, where a literal beats any glob. */

import { compileSegment, matchSegment, type Segment } from '../glob-segment.ts';
import type { Request, UnixRule } from '../rules.ts';
import { coverPath, indexPaths, type PathIndex } from './match-path.ts';
import type { Candidate } from './precedence.ts';

type UnixRequest = Extract<Request, { kind: 'unix' }>;

export interface UnixIndex {
  readonly paths: PathIndex<UnixRule>;
  readonly abstract: readonly { readonly rule: UnixRule; readonly name: Segment }[];
}

/** Indexes the rules about UNIX sockets. */
export function indexUnix(rules: readonly UnixRule[]): UnixIndex {
  const paths = [];
  const abstract = [];
  for (const rule of rules) {
    if (rule.target.kind === 'path') paths.push({ rule, pattern: rule.target.pattern });
    else abstract.push({ rule, name: compileSegment(rule.target.glob) });
  }
  return { paths: indexPaths(paths), abstract };
}

/** The rules that cover a request. A socket that has neither path nor name yet counts as the empty abstract name. */
export function coverUnix(index: UnixIndex, request: UnixRequest): Candidate<UnixRule>[] {
  const found: Candidate<UnixRule>[] = [];
  if (request.path !== undefined) {
    for (const candidate of coverPath(index.paths, request.path)) {
      if (candidate.rule.operation === request.operation) found.push(candidate);
    }
    return found;
  }
  const asked = request.abstract ?? '';
  for (const { rule, name } of index.abstract) {
    if (rule.operation !== request.operation || !matchSegment(name, asked)) continue;
    found.push({ rule, pins: name.literal === undefined ? name.pinned : Number.MAX_SAFE_INTEGER });
  }
  return found;
}
