/**
 * Policy programs that a start brings along: reads their object files, verifies them before anything is started, and finds
 * the objects that go into their inode maps.
 *
 * Owns the reading, and the bounds that keep programs of a stranger from filling memory. Loaded only where there are any.
 */

import { statSync } from 'node:fs';
import { LandwardError } from '../errors.ts';
import { type Hook, MAX_PROGRAMS } from '../model/programs/index.ts';
import type { ProgramPart } from '../policy/compile-programs.ts';
import type { ProgramFile, ProgramInodeEntry } from '../policy/plan.ts';
import type { PolicyProgram } from '../policy/policy.ts';
import { loadObject, ProgramError, readObject } from '../programs/index.ts';
import { escapeText } from './escape.ts';
import { readProgramFile } from './program-file.ts';

/** Object files of one plan. */
const MAX_FILES = 16;

/** Policy programs as the library takes them. */
export interface ProgramSource {
  /** What denials call it by, such as the name of its file. */
  readonly name: string;
  /** An object file, as `clang -target bpf -c` writes it. */
  readonly object: Uint8Array;
  /** What is put into its inode maps, by the map's name: paths, each with a value (1 where a list names them). */
  readonly inodes?: Readonly<Record<string, readonly string[] | Readonly<Record<string, number>>>>;
}

/**
 * Reads the files of policy programs that a policy or a command line names.
 *
 * @throws LandwardError PROGRAM_INVALID where one cannot be read
 */
export function programSources(named: readonly PolicyProgram[]): readonly ProgramSource[] {
  return named.map(({ path, inodes, origin }) => ({
    name: path.slice(path.lastIndexOf('/') + 1),
    object: readProgramFile(path, origin),
    inodes,
  }));
}

/**
 * Verifies policy programs, as they will be verified again where they run.
 *
 * @throws LandwardError PROGRAM_INVALID with the file, the instruction and the reason; PATH_MISSING for an object that is
 *   not there
 */
export function programPart(sources: readonly ProgramSource[]): ProgramPart {
  if (sources.length > MAX_FILES)
    throw new LandwardError(
      'PROGRAM_INVALID',
      `${sources.length} files of policy programs, of at most ${MAX_FILES}`,
    );
  const counts = new Map<Hook, number>();
  const files = sources.map((source) => {
    const { machine, programs } = verified(source);
    for (const { program } of programs) {
      const count = (counts.get(program.hook) ?? 0) + 1;
      counts.set(program.hook, count);
      if (count > MAX_PROGRAMS)
        throw new LandwardError(
          'PROGRAM_INVALID',
          `There are more than ${MAX_PROGRAMS} programs for ${program.hook}`,
        );
    }
    const maps = new Map(machine.maps.map(({ definition }) => [definition.name, definition]));
    return fileOf(source, (map) => maps.get(map)?.kind === 'inode');
  });
  return { files, hooks: [...counts.keys()] };
}

function verified({ name, object }: ProgramSource): ReturnType<typeof loadObject> {
  try {
    return loadObject(readObject(object));
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    throw new LandwardError(
      'PROGRAM_INVALID',
      `The program ${escapeText(name)} is refused: ${error.message}`,
      {
        part: error.part,
        cause: error,
      },
    );
  }
}

function fileOf({ name, object, inodes = {} }: ProgramSource, isMap: (map: string) => boolean): ProgramFile {
  const entries = Object.entries(inodes).flatMap(([map, given]): ProgramInodeEntry[] => {
    if (!isMap(map))
      throw new LandwardError(
        'PROGRAM_INVALID',
        `The program ${escapeText(name)} has no inode map ${escapeText(map)}`,
        {
          part: map,
        },
      );
    const pairs = Array.isArray(given)
      ? (given as readonly string[]).map((path) => [path, 1] as const)
      : Object.entries(given as Readonly<Record<string, number>>);
    return pairs.map(([path, value]) => ({ map, path, value: BigInt(value), ...identityOf(path) }));
  });
  return { name, object: Uint8Array.from(object), ...(entries.length === 0 ? {} : { inodes: entries }) };
}

function identityOf(path: string): { readonly dev: bigint; readonly ino: bigint } {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined)
    throw new LandwardError(
      'PATH_MISSING',
      `There is nothing at ${JSON.stringify(path)} to be put into a map`,
      {
        part: path,
      },
    );
  return { dev: stat.dev, ino: stat.ino };
}
