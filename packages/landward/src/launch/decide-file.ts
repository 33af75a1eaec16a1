/**
 * A function that decides, from a module that a command line names: found, checked for whose file it is, loaded into this
 * process, which believes it as it believes a policy.
 *
 * Owns the loading. The file itself is to be protected from the program like a policy file; what it imports is not.
 */

import { realpathSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { LandwardError } from '../errors.ts';
import type { AskFunction, DecideFunction, DecideOptions } from '../model/decide-request.ts';
import { askedOf } from './deciding.ts';
import { distrustOf } from './policy-file.ts';

/** A loaded module. */
export interface DecideFile {
  /** Its path after symbolic links. */
  readonly path: string;
  readonly decide: DecideOptions;
  /** What it is asked, as options of `compile`. */
  readonly asked: ReturnType<typeof askedOf>;
}

/**
 * Loads a module whose default export is a function that decides, or such a function with its options.
 *
 * @param file a path, from the working directory
 * @param onAsk the way to a person, where the module has none of its own
 * @throws {LandwardError} USAGE where there is no such file or function, or others may write to it
 */
export async function decideFile(file: string, onAsk?: AskFunction): Promise<DecideFile> {
  const path = trusted(file);
  const given = defaultOf(await load(file, path));
  const options: DecideOptions =
    typeof given === 'function' ? { decide: given as DecideFunction } : (given as DecideOptions);
  if (typeof given !== 'function' && (typeof given !== 'object' || given === null))
    throw new LandwardError('USAGE', `The default export of '${file}' is no function that decides`, {
      part: file,
      fix: 'Write export default (request) => ...',
    });
  const decide = {
    name: file,
    ...options,
    ...(onAsk === undefined ? {} : { onAsk: options.onAsk ?? onAsk }),
  };
  return { path, decide, asked: askedOf(decide) };
}

function trusted(file: string): string {
  let path: string;
  try {
    path = realpathSync.native(file);
  } catch (cause) {
    throw new LandwardError('USAGE', `There is no file '${file}' with a function that decides`, {
      part: file,
      cause,
    });
  }
  const distrust = distrustOf(statSync(path));
  if (distrust === undefined) return path;
  throw new LandwardError('USAGE', `The file '${file}' cannot decide: ${distrust}`, {
    part: file,
    fix: 'Correct owner and mode of the file',
  });
}

async function load(file: string, path: string): Promise<unknown> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LandwardError('USAGE', `The file '${file}' cannot be loaded: ${why}`, { part: file, cause });
  }
}

/** The default export, also of a CommonJS module that a compiler made of one. */
function defaultOf(module: unknown): unknown {
  const { default: given } = module as { readonly default?: unknown };
  return typeof given === 'object' && given !== null && 'default' in given ? given.default : given;
}
