/**
 * Scopes and UNIX sockets: what the kernel keeps inside the domain, and whether a program may make UNIX sockets at all.
 *
 * Owns the choice between the kernel and the filter for UNIX sockets. Paths of sockets are `compile-fs.ts`.
 */

import type { ScopeRule, UnixRule } from '../model/rules.ts';
import { type AbiRow, FS_RIGHTS, SCOPES } from '../uapi/landlock.ts';
import { scopeMask } from '../uapi/masks.ts';
import type { LocatedLayer } from './compile-facts.ts';
import type { FsResult } from './compile-fs.ts';
import type { GapList } from './compile-gaps.ts';

export interface ScopeResult {
  /** What the ruleset puts on. */
  readonly scoped: number;
  /** What the policy asks to be on, as far as any kernel can. */
  readonly wanted: number;
  /** Whether the policy restricts UNIX sockets. */
  readonly restricted: boolean;
  /** Whether the filter refuses UNIX sockets because this kernel cannot tell them apart. */
  readonly refuseUnix: boolean;
}

/** Compiles scopes and the rules about UNIX sockets. */
export function compileScopes(
  layers: readonly LocatedLayer[],
  row: AbiRow,
  seccomp: boolean,
  connect: FsResult['connect'],
  gaps: GapList,
): ScopeResult {
  const signal = isScoped(layers, 'scope.signal');
  const denied = deniedNames(layers);
  for (const rule of denied) {
    gaps.add('scope.abstract_unix_socket', {
      rule,
      lost: 'one abstract UNIX socket outside cannot be denied where all others are allowed',
      closes: 'the supervisor, or no rule that allows the others',
    });
  }
  const abstract =
    isScoped(layers, 'scope.abstract_unix_socket') ||
    (denied.length > 0 && !gaps.accepts('scope.abstract_unix_socket'));
  const restricted = layers.some((layer) => layer.categories.includes('unix')) || connect !== 'all';
  const named = abstract ? rulesFor(layers, 'abstract', 'connect') : [];
  const binds = layers.some((layer) =>
    layer.rules.some(
      ({ rule }) => rule.kind === 'unix' && rule.operation === 'bind' && rule.verdict === 'allow',
    ),
  );
  const wanted = connect === 'some' || binds || named.length > 0 || !abstract;
  const byKernel = row.abi >= FS_RIGHTS['fs.resolve_unix'].abi;
  const accepted = gaps.accepts(row.abi > 0 ? 'unix.connect' : 'landlock');
  const refuseUnix = connect !== 'all' && !byKernel && seccomp && !(wanted && accepted);
  if (connect !== 'all' && !byKernel && row.abi > 0 && (wanted || !seccomp)) gaps.add('unix.connect');
  for (const rule of named) {
    gaps.add('scope.abstract_unix_socket', {
      rule,
      lost: 'one abstract UNIX socket outside cannot be allowed without allowing all',
      closes: 'the supervisor',
    });
  }
  const open = named.length > 0 && gaps.accepts('scope.abstract_unix_socket');
  if (row.abi > 0 && row.abi < SCOPES['scope.signal'].abi) {
    if (signal) gaps.add('scope.signal');
    if (abstract && !refuseUnix) gaps.add('scope.abstract_unix_socket');
  }
  const wantedScopes =
    (signal ? scopeMask('scope.signal') : 0) |
    (abstract && !open ? scopeMask('scope.abstract_unix_socket') : 0);
  return { scoped: wantedScopes & row.scoped, wanted: wantedScopes, restricted, refuseUnix };
}

/** Whether some layer keeps a scope on: it lists the category, or says so, and does not leave it open. */
function isScoped(layers: readonly LocatedLayer[], scope: ScopeRule['scope']): boolean {
  const category = scope === 'scope.signal' ? 'process' : 'unix';
  return layers.some((layer) => {
    const rules = layer.rules.flatMap(({ rule }) =>
      rule.kind === 'scope' && rule.scope === scope ? [rule] : [],
    );
    if (rules.some((rule) => rule.verdict !== 'allow')) return true;
    return layer.categories.includes(category) && rules.length === 0;
  });
}

/** Denials of abstract sockets in layers that leave the others open. */
function deniedNames(layers: readonly LocatedLayer[]): UnixRule[] {
  if (isScoped(layers, 'scope.abstract_unix_socket')) return [];
  return layers.flatMap((layer) =>
    layer.rules.flatMap(({ rule }) =>
      rule.kind === 'unix' &&
      rule.verdict !== 'allow' &&
      rule.operation === 'connect' &&
      rule.target.kind === 'abstract'
        ? [rule]
        : [],
    ),
  );
}

function rulesFor(
  layers: readonly LocatedLayer[],
  kind: 'abstract' | 'path',
  operation: UnixRule['operation'],
): UnixRule[] {
  return layers.flatMap((layer) =>
    layer.rules.flatMap(({ rule }) =>
      rule.kind === 'unix' &&
      rule.verdict === 'allow' &&
      rule.operation === operation &&
      rule.target.kind === kind
        ? [rule]
        : [],
    ),
  );
}
