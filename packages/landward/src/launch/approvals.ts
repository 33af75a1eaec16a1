/**
 * Which project policies a person has approved, by digest and place: lines `sha256 path` in landward's state directory.
 *
 * An approval holds for these bytes at this path. Any change, and any copy elsewhere, needs a new one.
 */

import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { LandwardError } from '../errors.ts';
import { distrustOf } from './policy-file.ts';
import { sha256 } from './sha256.ts';
import { type Environment, stateDirectory } from './variables.ts';

/** A text that takes part in a project's policy. */
export interface ApprovedText {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The digest of a project's policy: of the file and every file that it extends, with their paths. */
export function approvalDigest(texts: readonly ApprovedText[]): string {
  return sha256(...texts.map(({ path, bytes }) => `${JSON.stringify(path)} ${sha256(bytes)}\n`));
}

/** Whether a digest is approved for a path. A store that somebody else could have written approves nothing. */
export async function isApproved(
  path: string,
  digest: string,
  env: Environment = process.env,
): Promise<boolean> {
  return (await readStore(env)).includes(lineOf(path, digest));
}

/**
 * Approves a digest for a path, in place of an earlier one.
 *
 * @throws LandwardError USAGE when the store could have been written by somebody else
 */
export async function writeApproval(
  path: string,
  digest: string,
  env: Environment = process.env,
): Promise<void> {
  const directory = stateDirectory(env);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const distrust = await storeDistrust(env);
  if (distrust !== undefined)
    throw new LandwardError('USAGE', `The approvals in '${directory}' cannot be trusted: ${distrust}`, {
      fix: 'Correct owner and mode of the directory',
    });
  const suffix = lineOf(path, '').trimStart();
  const kept = (await readStore(env)).filter((line) => line.slice(line.indexOf(' ') + 1) !== suffix);
  const file = `${directory}/approved`;
  const temporary = `${file}.${process.pid}`;
  const fd = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(fd, `${[...kept, lineOf(path, digest)].join('\n')}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, file);
}

/** Paths are quoted, so that a line break in one cannot make a second line. */
function lineOf(path: string, digest: string): string {
  return `${digest} ${JSON.stringify(path)}`;
}

async function readStore(env: Environment): Promise<string[]> {
  if ((await storeDistrust(env)) !== undefined) return [];
  try {
    const text = readFileSync(`${stateDirectory(env)}/approved`, 'utf8');
    return text.split('\n').filter((line) => /^[0-9a-f]{64} "/.test(line));
  } catch {
    return [];
  }
}

async function storeDistrust(env: Environment): Promise<string | undefined> {
  const directory = stateDirectory(env);
  for (const path of [directory, `${directory}/approved`]) {
    try {
      const stat = lstatSync(path);
      if (stat.isSymbolicLink()) return `'${path}' is a symbolic link`;
      const distrust =
        distrustOf(stat) ?? ((stat.mode & 0o020) !== 0 ? 'a group may write to it' : undefined);
      if (distrust !== undefined) return distrust;
    } catch {
      return undefined;
    }
  }
  return undefined;
}
