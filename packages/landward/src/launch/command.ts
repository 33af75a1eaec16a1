/**
 * Which file a command name means: the search along PATH, with the meaning of 126 and 127 that shells gave it.
 *
 * Decides nothing about permission by a policy: that is the kernel's answer at `execve`, told by `refusedCommand`.
 */

import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { LandwardError } from '../errors.ts';

/** The search path where the environment names none, as in the C library. */
const DEFAULT_PATH = '/bin:/usr/bin';

/**
 * The file that a command name means.
 *
 * @param command a name without slash (searched in `path`), or a path relative to `cwd`
 * @param path the value of PATH, of the caller and not of the program; an empty entry means `cwd`
 * @param cwd the directory that the program starts in
 * @returns an absolute path that exists, is a file and has an execute bit for this user
 * @throws LandwardError COMMAND_NOT_FOUND (127) or COMMAND_NOT_EXECUTABLE (126)
 */
export function findCommand(command: string, path: string | undefined, cwd: string): string {
  if (command.includes('\0'))
    throw new LandwardError('USAGE', 'A command name cannot hold a NUL byte', { part: command });
  if (command.includes('/')) {
    const file = resolve(cwd, command);
    const state = judge(file);
    if (state === 'executable') return file;
    throw state === 'absent' ? notFound(command) : notExecutable(command, state);
  }
  let found: { readonly file: string; readonly state: State } | undefined;
  if (command !== '') {
    for (const directory of (path ?? DEFAULT_PATH).split(':')) {
      const file = resolve(cwd, directory === '' ? '.' : directory, command);
      const state = judge(file);
      if (state === 'executable') return file;
      if (state !== 'absent') found ??= { file, state };
    }
  }
  throw found === undefined ? notFound(command) : notExecutable(found.file, found.state);
}

type State =
  | 'executable'
  | 'absent'
  | 'a directory'
  | 'not a regular file'
  | 'without execute permission'
  | 'not reachable';

function judge(file: string): State {
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) return 'a directory';
    if (!stat.isFile()) return 'not a regular file';
    accessSync(file, constants.X_OK);
    return 'executable';
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return 'absent';
    return code === 'EACCES' && syscall === 'access' ? 'without execute permission' : 'not reachable';
  }
}

function notFound(command: string): LandwardError {
  return new LandwardError('COMMAND_NOT_FOUND', `Cannot run ${JSON.stringify(command)}: no such command`, {
    part: command,
  });
}

function notExecutable(command: string, state: State): LandwardError {
  return new LandwardError(
    'COMMAND_NOT_EXECUTABLE',
    `Cannot run ${JSON.stringify(command)}: it is ${state}`,
    { part: command },
  );
}

/**
 * The error for a command that the kernel refused at `execve`, inside the domain.
 *
 * @param file the file that was found before the start
 * @param errno what `execve` returned
 * @param errname its name, such as `EACCES`
 */
export function refusedCommand(file: string, errno: number, errname: string): LandwardError {
  const name = JSON.stringify(file);
  if (errno === ENOENT)
    return new LandwardError('COMMAND_NOT_FOUND', `Cannot run ${name}: execve failed with ${errname}`, {
      part: file,
      fix: 'Check that the interpreter or loader that the file names exists',
    });
  const fix = FIXES[errno];
  return new LandwardError('COMMAND_NOT_EXECUTABLE', `Cannot run ${name}: execve failed with ${errname}`, {
    part: file,
    fix,
  });
}

const ENOENT = 2;
/** What to do about an errno of `execve`. */
const FIXES: Readonly<Record<number, string>> = {
  7: 'Make the arguments and variables shorter: together they are more than the kernel takes, or one of them is',
  8: 'Check that the file is a program for this architecture, or a script',
  13: 'Grant fs.execute and fs.read_file on the file, its interpreter and its loader (exec = [...] in [fs], or --exec PATH)',
};
