/**
 * The functions that a program may call: their numbers, and what each takes and returns.
 *
 * Owns the table for the verifier, the interpreter and the compiler; `run/machine.ts` does the work. A new one needs an
 * argument in docs/programs.md why it tells nothing about the subject.
 */

import type { OpaqueKind } from './contexts.ts';

/** What an argument must be. A key or value is memory of the map's sizes, initialised and wholly inside its object. */
export type Argument =
  | { readonly is: 'map'; readonly kinds: readonly ('array' | 'hash' | 'inode')[] }
  | { readonly is: 'key' }
  | { readonly is: 'value' }
  | { readonly is: 'number' }
  | { readonly is: 'object'; readonly kind: OpaqueKind };

/** A helper. */
export interface Helper {
  readonly number: number;
  readonly arguments: readonly Argument[];
  /** A pointer to a value that must be compared with 0 before its use, or a signed 32-bit number (0 or a negative errno). */
  readonly returns: 'value or null' | 'number';
}

const map = (...kinds: readonly ('array' | 'hash' | 'inode')[]): Argument => ({ is: 'map', kinds });

/** Numbers below 1000 are those of Linux; landward's own start at 1000, because Linux gave theirs to other functions. */
export const HELPERS = {
  map_lookup: { number: 1, arguments: [map('array', 'hash'), { is: 'key' }], returns: 'value or null' },
  map_update: {
    number: 2,
    arguments: [map('array', 'hash'), { is: 'key' }, { is: 'value' }, { is: 'number' }],
    returns: 'number',
  },
  map_delete: { number: 3, arguments: [map('array', 'hash'), { is: 'key' }], returns: 'number' },
  ptrace_ancestor: {
    number: 1000,
    arguments: [
      { is: 'object', kind: 'task' },
      { is: 'object', kind: 'task' },
    ],
    returns: 'number',
  },
  inode_lookup: {
    number: 1001,
    arguments: [map('inode'), { is: 'object', kind: 'inode' }],
    returns: 'value or null',
  },
  signal_ancestor: {
    number: 1002,
    arguments: [
      { is: 'object', kind: 'task' },
      { is: 'object', kind: 'task' },
    ],
    returns: 'number',
  },
} as const satisfies Record<string, Helper>;

export type HelperName = keyof typeof HELPERS;

/** The helper of a number. */
export function helperOf(number: number): { readonly name: HelperName; readonly helper: Helper } | undefined {
  for (const name of Object.keys(HELPERS) as HelperName[])
    if (HELPERS[name].number === number) return { name, helper: HELPERS[name] };
  return undefined;
}
