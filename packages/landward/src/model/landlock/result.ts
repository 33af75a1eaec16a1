/** What a system call of Landlock returns in the model: a value, or an errno. Owns the shape only. */

import { ERRNO } from '../../uapi/errno.ts';

export type Errname = keyof typeof ERRNO;

/** A value or an errno (a positive number). */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errno: number };

/** Success. */
export function done<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** Refusal. */
export function refused(name: Errname): { readonly ok: false; readonly errno: number } {
  return { ok: false, errno: ERRNO[name] };
}
