/**
 * Paths as bytes: components, `.` and `..`, trailing slashes. Lexical only; paths of rules are text, see `model/paths.ts`.
 */

import { decodePath } from './look.ts';

const SLASH = 47;
const DOT = 46;

/** Whether a path starts at the root. */
export function isAbsolute(path: Uint8Array): boolean {
  return path[0] === SLASH;
}

/** Whether a path ends in a slash. */
export function endsInSlash(path: Uint8Array): boolean {
  return path.length > 0 && path[path.length - 1] === SLASH;
}

/** The components of a path, empty ones left out; views, not copies. */
export function split(path: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let start = 0; start <= path.length; ) {
    const slash = path.indexOf(SLASH, start);
    const end = slash === -1 ? path.length : slash;
    if (end > start) parts.push(path.subarray(start, end));
    start = end + 1;
  }
  return parts;
}

/** Whether a component is `.`. */
export function isDot(part: Uint8Array): boolean {
  return part.length === 1 && part[0] === DOT;
}

/** Whether a component is `..`. */
export function isDotDot(part: Uint8Array): boolean {
  return part.length === 2 && part[0] === DOT && part[1] === DOT;
}

/** Whether a path goes up anywhere. */
export function goesUp(path: Uint8Array): boolean {
  for (let at = path.indexOf(DOT); at >= 0; at = path.indexOf(DOT, at + 1)) {
    const before = at === 0 || path[at - 1] === SLASH;
    const after = at + 2 === path.length || path[at + 2] === SLASH;
    if (before && path[at + 1] === DOT && after) return true;
  }
  return false;
}

/** A path as the kernel would tell it, where it passes no link; undefined where it goes up or is not in normal form. */
export function plainPath(path: Uint8Array): string | undefined {
  const text = decodePath(path);
  if (text === '/') return text;
  return /\/\.{0,2}(?:\/|$)/.test(text) ? undefined : text;
}

/** A path cut before its last name. */
export interface Cut {
  /** The path of the directory, without the slash behind it; `null` where the path is the name alone. */
  readonly directory: Uint8Array | null;
  readonly name: Uint8Array;
  readonly slash: boolean;
}

/** Cuts a path before its last name; `null` where it ends in none (`/`, `.`, `..`). */
export function cutLast(path: Uint8Array): Cut | null {
  let end = path.length;
  while (end > 0 && path[end - 1] === SLASH) end--;
  if (end === 0) return null;
  const slash = path.lastIndexOf(SLASH, end - 1);
  const name = path.subarray(slash + 1, end);
  if (isDot(name) || isDotDot(name)) return null;
  return {
    directory: slash < 0 ? null : path.subarray(0, Math.max(slash, 1)),
    name,
    slash: end < path.length,
  };
}
