/** Secrets of sinks, read from files of their own when something is sent. Owns reading; who may read them is the files'. */

import { readFileSync } from 'node:fs';
import { LandwardError } from '../../errors.ts';

/**
 * Reads a secret from its file, without the spaces around it.
 *
 * @throws LandwardError CONFIG_INVALID where it cannot be read
 */
export function readSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new LandwardError(
      'CONFIG_INVALID',
      `The secret ${path} cannot be read: ${(cause as Error).message}`,
      {
        part: path,
        cause,
      },
    );
  }
}

/** A key of an object store. */
export interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * Reads a key of an object store: two lines, its identifier and the key.
 *
 * @throws LandwardError CONFIG_INVALID where the file is something else
 */
export function readKeyPair(path: string): KeyPair {
  const lines = readSecret(path)
    .split('\n')
    .map((line) => line.trim());
  const [accessKeyId, secretAccessKey] = lines;
  if (!accessKeyId || !secretAccessKey || lines.length > 2)
    throw new LandwardError(
      'CONFIG_INVALID',
      `The file ${path} must hold two lines: a key's identifier and the key`,
      {
        part: path,
      },
    );
  return { accessKeyId, secretAccessKey };
}
