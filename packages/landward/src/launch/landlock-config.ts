/** Landlock configurations from files and directories, composed: what the official tools do with several of them. */

import { readdir } from 'node:fs/promises';
import { LandwardError } from '../errors.ts';
import { composeConfigs, type LandlockConfig } from '../policy/landlock-config/config.ts';
import { readLandlockConfig } from '../policy/landlock-config/read.ts';
import type { Format } from '../policy/read.ts';
import { readPolicyFile } from './policy-file.ts';

/**
 * Reads configurations and composes them: what one of them allows is allowed, what all of them handle is handled.
 *
 * @param paths files
 * @param format of all of them; by each file's name when not given
 * @throws LandwardError POLICY_NOT_FOUND for a file that does not exist or no file at all, or what reading finds wrong
 */
export async function loadLandlockConfigs(
  paths: readonly string[],
  format?: Format,
): Promise<LandlockConfig> {
  const configs = await Promise.all(
    paths.map(async (path) => {
      const file = await readPolicyFile(path);
      if (file === undefined)
        throw new LandwardError('POLICY_NOT_FOUND', `There is no configuration '${path}'`, { part: path });
      return readLandlockConfig(path, file.bytes, format);
    }),
  );
  const [first, ...rest] = configs;
  if (first === undefined)
    throw new LandwardError('POLICY_NOT_FOUND', 'There is no configuration to read', {
      fix: 'Name at least one file',
    });
  return composeConfigs([first, ...rest]);
}

/**
 * Reads every configuration of a directory: all files with the extension of the format that are not hidden.
 *
 * @throws LandwardError POLICY_NOT_FOUND for a directory without any
 */
export async function loadLandlockDirectory(directory: string, format: Format): Promise<LandlockConfig> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (cause) {
    throw new LandwardError('POLICY_NOT_FOUND', `The directory '${directory}' cannot be listed`, {
      part: directory,
      cause,
    });
  }
  const chosen = names.filter((name) => name.endsWith(`.${format}`) && !name.startsWith('.')).sort();
  if (chosen.length === 0)
    throw new LandwardError('POLICY_NOT_FOUND', `There is no .${format} file in '${directory}'`, {
      part: directory,
    });
  return loadLandlockConfigs(
    chosen.map((name) => `${directory}/${name}`),
    format,
  );
}
