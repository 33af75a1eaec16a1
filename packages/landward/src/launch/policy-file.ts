/**
 * Policy files on disk: opening one safely, judging whom it belongs to, finding the one of a project.
 *
 * Never blocks on a pipe, never reads more than a policy may have. Says nothing of what a policy means. Asks without the
 * thread pool, whose threads cost a start more than the answers.
 */

import { closeSync, constants, existsSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { LandwardError } from '../errors.ts';
import { MAX_BYTES } from '../policy/source.ts';

/** The names of a project's policy, one of which may exist. */
export const PROJECT_FILES = ['landward.toml', 'landward.jsonc', 'landward.json'] as const;

/** A policy file that was read. */
export interface PolicyFile {
  /** The path after symbolic links. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Why the file may not widen anything, if it may not. */
  readonly distrust: string | undefined;
}

/**
 * Reads a policy file.
 *
 * @param path the file; symbolic links are followed
 * @returns the file, or undefined where there is none
 * @throws LandwardError POLICY_SYNTAX for what is no regular file or is too long, POLICY_NOT_FOUND for what cannot be read
 */
export async function readPolicyFile(path: string): Promise<PolicyFile | undefined> {
  let real: string;
  try {
    real = realpathSync.native(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(path, error);
  }
  const fd = opened(path, real);
  try {
    const stat = fstatSync(fd);
    const at = { file: path, line: 1, column: 1 };
    if (!stat.isFile())
      throw new LandwardError('POLICY_SYNTAX', `A policy is a regular file, '${path}' is something else`, {
        at,
        part: path,
      });
    if (stat.size > MAX_BYTES) {
      throw new LandwardError(
        'POLICY_SYNTAX',
        `A policy text may have ${MAX_BYTES} bytes, '${path}' has ${stat.size}`,
        { at, part: path },
      );
    }
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (;;) {
      const bytesRead = readSync(fd, buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return { path: real, bytes: buffer.subarray(0, length), distrust: distrustOf(stat) };
  } finally {
    closeSync(fd);
  }
}

function opened(path: string, real: string): number {
  try {
    return openSync(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Why a file of this owner and mode may not widen anything. */
export function distrustOf(stat: { readonly uid: number; readonly mode: number }): string | undefined {
  const self = process.getuid?.() ?? 0;
  if (stat.uid !== self && stat.uid !== 0) return `it belongs to user ${stat.uid}`;
  if ((stat.mode & 0o002) !== 0) return 'everybody may write to it';
  return undefined;
}

/**
 * Finds the policy of the project around a directory: from there upward, to the root of its repository or the home
 * directory, whichever comes first.
 *
 * @param cwd an absolute path after symbolic links
 * @param home the same
 * @throws LandwardError USAGE when one directory has several
 */
export async function findProjectFile(cwd: string, home: string): Promise<string | undefined> {
  for (let directory = cwd; ; directory = directory.slice(0, directory.lastIndexOf('/')) || '/') {
    const prefix = directory === '/' ? '' : directory;
    const found: string[] = [];
    for (const name of PROJECT_FILES) if (existsSync(`${prefix}/${name}`)) found.push(name);
    if (found.length > 1) {
      throw new LandwardError(
        'USAGE',
        `A project has one policy, '${directory}' has ${found.join(' and ')}`,
        { fix: 'Keep one of them, or name one with -p' },
      );
    }
    if (found.length === 1) return `${prefix}/${found[0]}`;
    if (directory === '/' || directory === home || existsSync(`${prefix}/.git`)) return undefined;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function unreadable(path: string, cause: unknown): LandwardError {
  const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  return new LandwardError('POLICY_NOT_FOUND', `The policy '${path}' cannot be read: ${why}`, {
    part: path,
    cause,
  });
}
