/**
 * The form in which presets open things: some paths and the one line that says what they are for.
 *
 * Paths of presets are optional, because distributions differ; what is missing is not granted.
 */

/** A rule of a preset. */
export interface Opens {
  readonly path: string[];
  readonly missing: 'optional' | 'create';
  readonly because: string;
}

/** Opens what exists of some paths. */
export function opens(because: string, ...path: string[]): Opens {
  return { path, missing: 'optional', because };
}

/** Opens directories, and makes those that are missing before the start. */
export function makes(because: string, ...path: string[]): Opens {
  return { path, missing: 'create', because };
}
