/**
 * The memory of one loaded object: context, stack and maps, with the helpers that work on them. Its programs run one at a
 * time, in the interpreter or compiled, on the same bytes.
 *
 * Owns addresses and helpers. To a program a map or an object is a small number that means something only here, and only
 * during this run.
 */

import { type ProgramTask, ptraceAncestor, signalAncestor } from '../../model/programs/index.ts';
import { MAX_FRAMES, STACK_BYTES } from '../code/instruction.ts';
import { invalid } from '../code/invalid.ts';
import type { HelperName } from '../hooks/helper-table.ts';
import { engine, type WasmMemory } from '../wasm/engine.ts';
import { checkDefinition, MAX_MAP_MEMORY, type MapDefinition, MapEntries, valueStride } from './maps.ts';

/** Where things lie. Below the context is nothing: 0 is no address. */
export const CONTEXT_ADDRESS = 4096;
export const STACK_ADDRESS = 8192;
const MAPS_ADDRESS = STACK_ADDRESS + MAX_FRAMES * STACK_BYTES;
const PAGE = 65536;

/**
 * Instructions that a run may take, and so the bound of its time. What goes on forwards ends by itself: only a jump back
 * (by its distance) and a call (by the length of what is called) take from it, so a run takes at most this and the length
 * of the program.
 */
export const FUEL = 1 << 18;

/** What a call of a helper takes from the budget. */
export const HELPER_FUEL = 64;

/** How a run ended. Anything but `returned` denies. */
export type Outcome =
  | { readonly end: 'returned'; readonly value: bigint }
  | { readonly end: 'fuel' }
  | { readonly end: 'fault'; readonly why: string };

/** A defect that the verifier should have kept out: the run ends, and denies. */
export class Fault extends Error {}

/** A helper by the addresses, handles and numbers of its arguments; gives an address, or a signed number. */
export type HelperFunction = (a: number, b: number, c: number, d: bigint) => number;

/** Memory, maps and helpers. */
export class Machine {
  readonly memory: WasmMemory;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly maps: readonly MapEntries[];
  readonly helpers: Readonly<Record<HelperName, HelperFunction>>;
  #objects: readonly unknown[] = [];

  /** @param definitions - the maps of an object file, or of a test */
  constructor(definitions: readonly MapDefinition[]) {
    let end = MAPS_ADDRESS;
    const starts = definitions.map((definition, index) => {
      checkDefinition(definition, `${index}`);
      const start = end;
      end += valueStride(definition) * definition.entries;
      return start;
    });
    if (end - MAPS_ADDRESS > MAX_MAP_MEMORY)
      invalid(`the maps have ${end - MAPS_ADDRESS} bytes of values, more than ${MAX_MAP_MEMORY}`);
    const pages = Math.ceil(end / PAGE);
    this.memory =
      engine === null
        ? { buffer: new ArrayBuffer(pages * PAGE) }
        : new engine.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
    this.maps = definitions.map((definition, i) => new MapEntries(definition, this.bytes, starts[i]!));
    this.helpers = {
      map_lookup: (map, key) => this.#map(map).lookup(this.#key(map, key)),
      map_update: (map, key, value, flags) =>
        this.#map(map).update(
          this.#key(map, key),
          this.#span(value, this.#map(map).definition.valueBytes),
          BigInt.asUintN(64, flags),
        ),
      map_delete: (map, key) => this.#map(map).delete(this.#key(map, key)),
      ptrace_ancestor: (parent, child) =>
        ptraceAncestor(this.#object(parent) as ProgramTask, this.#object(child) as ProgramTask),
      inode_lookup: (map, inode) => this.#map(map).find(this.#object(inode)),
      signal_ancestor: (parent, child) =>
        signalAncestor(this.#object(parent) as ProgramTask, this.#object(child) as ProgramTask),
    };
  }

  /** The number by which programs hold a map. */
  handleOfMap(index: number): number {
    return index + 1;
  }

  /** Starts a run: what `object` gives until `end`; returns the number by which programs hold each. */
  hold(objects: readonly unknown[]): readonly number[] {
    this.#objects = objects;
    return objects.map((_, index) => index + 1);
  }

  /** Ends a run. */
  release(): void {
    this.#objects = [];
  }

  #map(handle: number): MapEntries {
    const map = this.maps[handle - 1];
    if (map === undefined) throw new Fault('no such map');
    return map;
  }

  #object(handle: number): unknown {
    if (handle < 1 || handle > this.#objects.length) throw new Fault('no such object');
    return this.#objects[handle - 1];
  }

  #key(map: number, address: number): Uint8Array {
    return this.#span(address, this.#map(map).definition.keyBytes);
  }

  #span(address: number, length: number): Uint8Array {
    if (address < CONTEXT_ADDRESS || address + length > this.bytes.length) throw new Fault('no such memory');
    return this.bytes.subarray(address, address + length);
  }
}
