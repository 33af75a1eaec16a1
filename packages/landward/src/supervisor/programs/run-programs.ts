/**
 * The programs of one run: loaded with maps of their own, in the lists that every process of the run is under.
 *
 * Owns loading, tags and the budget of a decision. A run whose programs cannot be loaded is refused everything that they
 * would be asked about.
 */

import { type Program, type ProgramDomain, type ProgramMaps, prepend } from '../../model/programs/index.ts';
import type { ProgramFile } from '../../policy/plan.ts';
import {
  type Budget,
  FUEL,
  loadObject,
  type Machine,
  modelProgram,
  ProgramError,
  readObject,
} from '../../programs/index.ts';
import type { Run } from '../run.ts';
import { PinnedInodes, RunTags } from './inodes.ts';

const KEY = Symbol('policy programs');
/** What all programs may take for one call together, in instructions: a fraction of a second, whatever they do. */
const DECISION_FUEL = 2 * FUEL;

/** The programs of a run, ready to be asked. */
export class RunPrograms implements Disposable {
  /** Their lists; `null` where they could not be loaded. */
  readonly domain: ProgramDomain | null = null;
  /** Why they could not be loaded: then nothing is allowed that they would be asked about. */
  readonly failure: string | null = null;
  readonly tags = new RunTags();
  readonly #budget: Budget = { left: 0 };
  readonly #pins = new PinnedInodes();
  readonly #machines: { readonly name: string; readonly machine: Machine }[] = [];
  #call: bigint | null = null;

  constructor(files: readonly ProgramFile[]) {
    try {
      this.domain = this.#listed(files);
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      this.failure = error.message;
    }
  }

  #listed(files: readonly ProgramFile[]): ProgramDomain | null {
    let domain: ProgramDomain | null = null;
    // The last one is in front: of files and of the programs in them, each is asked before those that stand before it.
    for (const file of files)
      for (const program of this.#load(file)) {
        const next = prepend(domain, program);
        if (!next.ok) throw new ProgramError(`more programs than a list may hold, with ${file.name}`);
        domain = next.value;
      }
    return domain;
  }

  #load({ name, object, inodes = [] }: ProgramFile): readonly Program[] {
    const read = readObject(object);
    const { machine, programs } = loadObject(read);
    for (const { map, path, dev, ino, value } of inodes) {
      const entries = machine.maps.find(({ definition }) => definition.name === map);
      const key = this.#pins.pin(path, { dev, ino });
      if (entries?.definition.kind !== 'inode' || key === null)
        throw new ProgramError(
          `the map of ${name} cannot be filled: another object is at a path that was given`,
        );
      const bytes = new Uint8Array(new BigUint64Array([value]).buffer);
      if (entries.put(key, bytes, 0n) < 0) throw new ProgramError(`the map of ${name} is full`);
    }
    this.#machines.push({ name, machine });
    const chain = {};
    return programs.map((one) =>
      modelProgram(one.program, {
        name: `${name} (${one.program.hook}: ${one.name})`,
        chain,
        ...(one.triggers === undefined ? {} : { triggers: one.triggers }),
        budget: this.#budget,
      }),
    );
  }

  /** Whether lookups have to be followed: some program sees each step, or what an opened directory was tagged with. */
  get follows(): boolean {
    return this.domain?.lists.fs_walk !== undefined || this.domain?.lists.fs_get !== undefined;
  }

  /** What their maps hold now. */
  maps(): readonly ProgramMaps[] {
    return this.#machines.map(({ name, machine }) => ({
      program: name,
      maps: machine.maps
        .filter(({ definition }) => definition.kind !== 'inode')
        .map((map) => ({ name: map.definition.name, entries: [...map.entries()] })),
    }));
  }

  /** Gives a call its budget: once, however often it is asked about. */
  begin(id: bigint): void {
    if (id === this.#call) return;
    this.#call = id;
    this.#budget.left = DECISION_FUEL;
  }

  [Symbol.dispose](): void {
    this.#pins[Symbol.dispose]();
  }
}

/** The programs of a run; `null` where it has none. @throws {ProgramError} where they cannot be loaded */
export function programsOf(run: Run): RunPrograms | null {
  const files = run.plan.supervisor.programs;
  return files === undefined || files.length === 0 ? null : run.state(KEY, () => new RunPrograms(files));
}

/** What the maps of a run's programs hold; nothing where it has none. */
export function programMaps(run: Run): { readonly maps?: readonly ProgramMaps[] } {
  const programs = programsOf(run);
  return programs === null ? {} : { maps: programs.maps() };
}
