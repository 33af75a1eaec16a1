/**
 * Absolute paths as text: normal form, components, and "is below". Lexical only.
 *
 * Refuses to know the file system: symbolic links, mounts and `..` through a link are settled before a path gets here.
 */

import { LandwardError } from '../errors.ts';

/** `NAME_MAX` and `PATH_MAX` are the kernel's business; this bound only keeps hostile text from costing memory. */
const MAX_PATH = 65_536;

/**
 * The normal form of an absolute path: no `.`, `..`, `//`, no trailing slash (except the root itself).
 *
 * @param path an absolute path
 * @returns the same path in normal form; `..` at the root stays at the root, as in the kernel
 * @throws LandwardError `POLICY_INVALID` for a relative path, a NUL character, or more than 65536 characters
 * @example normalise('/a//b/../c/') // '/a/c'
 */
export function normalise(path: string): string {
  if (!path.startsWith('/')) {
    throw new LandwardError('POLICY_INVALID', 'Path is not absolute', { part: path });
  }
  if (path.includes('\0')) {
    throw new LandwardError('POLICY_INVALID', 'Path contains a NUL character', { part: path });
  }
  if (path.length > MAX_PATH) {
    throw new LandwardError('POLICY_INVALID', `Path is longer than ${MAX_PATH} characters`, {
      part: path.slice(0, 80),
    });
  }
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  return `/${kept.join('/')}`;
}

/** Whether a path is absolute and in normal form. */
export function isNormal(path: string): boolean {
  return path === '/' || (/^(?:\/[^/]+)+$/.test(path) && !/\/\.{1,2}(?:\/|$)/.test(path));
}

/**
 * The components of a normal absolute path; the root has none.
 *
 * @example components('/a/b') // ['a', 'b']
 */
export function components(path: string): string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}

/** The path of the directory that holds the entry `path`; the root's is the root. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/**
 * Whether `path` is `root` or lies below it. Both in normal form.
 *
 * @example isBelow('/a/b', '/a') // true
 * @example isBelow('/ab', '/a') // false
 */
export function isBelow(path: string, root: string): boolean {
  return root === '/' || path === root || (path.startsWith(root) && path[root.length] === '/');
}

/** The path itself and all its ancestors, from the root down: index `k` holds the first `k` components. */
export function prefixes(path: string): string[] {
  const found = ['/'];
  if (path === '/') return found;
  for (let slash = path.indexOf('/', 1); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    found.push(path.slice(0, slash));
  }
  found.push(path);
  return found;
}
