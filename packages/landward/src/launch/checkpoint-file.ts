/**
 * The file that keeps a run: for its owner alone, and bound to the registry that made it, so that nobody who cannot read a key
 * there can have written it.
 *
 * Owns the form and its trust. What is kept is the supervisor's; what a restore makes of it is `checkpoint.ts`.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ownDirectory } from '../audit/state-directory.ts';
import { LandwardError } from '../errors.ts';
import type { Saved } from '../model/saved-run.ts';
import type { Plan } from '../policy/plan.ts';
import { quote } from './escape.ts';

/** A run as it was kept. */
export interface Kept {
  readonly plan: Plan;
  readonly saved: Saved;
  /** Layers that were kept to the program, which nobody can change after a restore. */
  readonly sealed: readonly number[];
}

const HEAD = 'landward checkpoint 1';
const MAX_BYTES = 64 << 20;
const KEY_BYTES = 32;

/** Everything as one text; numbers of 64 bits and bytes keep their kind. */
export function packKept(kept: Kept): string {
  return JSON.stringify(kept, (_key, value: unknown) => {
    if (typeof value === 'bigint') return { $bigint: String(value) };
    return value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString('base64') } : value;
  });
}

function unpackKept(text: string): Kept {
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    if ('$bigint' in value) return BigInt(value.$bigint as string);
    return '$bytes' in value ? new Uint8Array(Buffer.from(value.$bytes as string, 'base64')) : value;
  }) as Kept;
}

/**
 * Writes a kept run into a new file.
 *
 * @param kept as `packKept` gives it
 * @param state landward's state directory, whose key binds the file
 * @throws the error of the file system, such as EEXIST
 */
export function writeCheckpoint(file: string, kept: string, state: string): void {
  const mac = macOf(kept, keyOf(state));
  writeFileSync(file, `${HEAD} ${mac}\n${kept}\n`, { mode: 0o600, flag: 'wx' });
}

/**
 * Reads a kept run.
 *
 * @throws LandwardError STORE for a file that is somebody else's, open to others, or not as landward has written it
 */
export function readCheckpoint(file: string, state: string): Kept {
  const fd = opened(file);
  try {
    const { uid, mode, size } = fstatSync(fd);
    const isFile = (mode & constants.S_IFMT) === constants.S_IFREG;
    if (!isFile || uid !== process.geteuid?.() || (mode & 0o077) !== 0)
      throw refused(file, 'it must be a file of this user that others can neither read nor write');
    if (size > MAX_BYTES) throw refused(file, 'it is too large');
    const text = readFileSync(fd, 'utf8');
    const end = text.indexOf('\n');
    const [head, mac] = [text.slice(0, HEAD.length), text.slice(HEAD.length + 1, end)];
    const kept = text.slice(end + 1).replace(/\n$/, '');
    const wanted = Buffer.from(macOf(kept, keyOf(state)));
    const given = Buffer.from(mac);
    if (head !== HEAD || given.length !== wanted.length || !timingSafeEqual(given, wanted))
      throw refused(file, 'it was changed, or another registry (XDG_STATE_HOME) has made it');
    return unpackKept(kept);
  } finally {
    closeSync(fd);
  }
}

function opened(file: string): number {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw refused(file, (error as Error).message);
  }
}

function macOf(text: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(`${HEAD}\n`).update(text).digest('hex');
}

/** The key of a registry, made when it is first needed: whole, whoever makes it at the same time. */
function keyOf(state: string): Uint8Array {
  const path = join(ownDirectory(state), 'checkpoint.key');
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  for (let round = 0; ; round++) {
    try {
      const key = readFileSync(path);
      if (key.length === KEY_BYTES) return key;
      throw refused(path, 'it is no key');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || round > 0) throw error;
    }
    writeFileSync(draft, randomBytes(KEY_BYTES), { mode: 0o600, flag: 'wx' });
    try {
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      unlinkSync(draft);
    }
  }
}

function refused(file: string, why: string): LandwardError {
  return new LandwardError('STORE', `The checkpoint ${quote(file)} cannot be used: ${why}`, { part: file });
}
