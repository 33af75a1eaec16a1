/**
 * Maps: state that programs keep between runs and share with whoever loaded them. Values lie in the machine's memory,
 * so that a program can change one in place; keys are kept beside it.
 *
 * Owns entries and their errnos. An array has all its entries from the start; an inode map is keyed by the identity of
 * an object and changed only by its loader.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { invalid } from '../code/invalid.ts';

/** A map as a program declares it. */
export interface MapDefinition {
  readonly name: string;
  readonly kind: 'array' | 'hash' | 'inode';
  /** 4 for an array; 1 to 512 for a hash; 4 for an inode map, whose keys are objects. */
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly entries: number;
}

/** Flags of an update. */
export const MAP_UPDATE = { ANY: 0n, NO_EXIST: 1n, EXIST: 2n } as const;

/** Maps that one machine may have. */
export const MAX_MAPS = 64;
const MAX_KEY_BYTES = 512;
const MAX_VALUE_BYTES = 4096;
const MAX_ENTRIES = 65536;
/** Bytes of values that all maps of one machine may have. */
export const MAX_MAP_MEMORY = 1 << 24;

/** Bytes between two values: they start at multiples of 8. */
export function valueStride(definition: MapDefinition): number {
  return (definition.valueBytes + 7) & ~7;
}

/** What an entry takes beside its value: its place in tables, and the key. */
const ENTRY_BYTES = 96;

/** Bytes that maps can come to take, keys and tables included: more than they take at first, never less than later. */
export function memoryOf(definitions: readonly MapDefinition[]): number {
  return definitions.reduce(
    (sum, one) =>
      sum + one.entries * (valueStride(one) + (one.kind === 'array' ? 0 : ENTRY_BYTES + one.keyBytes)),
    0,
  );
}

/** Refuses a definition that is outside of the limits. */
export function checkDefinition(definition: MapDefinition, named: string): void {
  const { kind, keyBytes, valueBytes, entries } = definition;
  const between = (what: string, value: number, most: number) => {
    if (!Number.isInteger(value) || value < 1 || value > most)
      invalid(`map ${named}: ${what} is ${value}, not 1 to ${most}`);
  };
  between('the size of a key', keyBytes, MAX_KEY_BYTES);
  between('the size of a value', valueBytes, MAX_VALUE_BYTES);
  between('the number of entries', entries, MAX_ENTRIES);
  if (kind !== 'hash' && keyBytes !== 4)
    invalid(`map ${named}: keys of an ${kind} map have 4 bytes, not ${keyBytes}`);
  if (kind === 'inode' && valueBytes !== 8)
    invalid(`map ${named}: values of an inode map have 8 bytes, not ${valueBytes}`);
}

/** Bytes of a key as a key of a JavaScript map: one character a byte. */
function spelled(key: Uint8Array): string {
  let text = '';
  for (const byte of key) text += String.fromCharCode(byte);
  return text;
}

/** The entries of one map. Addresses are offsets in the machine's memory; 0 is no address. */
export class MapEntries {
  readonly definition: MapDefinition;
  readonly #memory: Uint8Array;
  readonly #start: number;
  readonly #slots = new Map<unknown, number>();
  readonly #free: number[] = [];

  /** @param start - where the values begin in `memory`; they are zero */
  constructor(definition: MapDefinition, memory: Uint8Array, start: number) {
    this.definition = definition;
    this.#memory = memory;
    this.#start = start;
    if (definition.kind !== 'array')
      for (let slot = definition.entries - 1; slot >= 0; slot--) this.#free.push(slot);
  }

  /** The address of a value, or 0. */
  lookup(key: Uint8Array): number {
    if (this.definition.kind === 'array') {
      const index = new DataView(key.buffer, key.byteOffset, 4).getUint32(0, true);
      return index < this.definition.entries ? this.#address(index) : 0;
    }
    return this.find(spelled(key));
  }

  /** Sets a value; returns 0 or a negative errno. */
  update(key: Uint8Array, value: Uint8Array, flags: bigint): number {
    if (flags > MAP_UPDATE.EXIST) return -ERRNO.EINVAL;
    if (this.definition.kind !== 'array') return this.put(spelled(key), value, flags);
    const address = this.lookup(key);
    if (address === 0) return -ERRNO.E2BIG;
    if (flags === MAP_UPDATE.NO_EXIST) return -ERRNO.EEXIST;
    this.#memory.set(value, address);
    return 0;
  }

  /** Removes an entry; returns 0 or a negative errno. */
  delete(key: Uint8Array): number {
    return this.definition.kind === 'array' ? -ERRNO.EINVAL : this.drop(spelled(key));
  }

  /** As `lookup`, by any identity. */
  find(identity: unknown): number {
    const slot = this.#slots.get(identity);
    return slot === undefined ? 0 : this.#address(slot);
  }

  /** As `update`, by any identity. */
  put(identity: unknown, value: Uint8Array, flags: bigint): number {
    const known = this.#slots.get(identity);
    if (known === undefined && flags === MAP_UPDATE.EXIST) return -ERRNO.ENOENT;
    if (known !== undefined && flags === MAP_UPDATE.NO_EXIST) return -ERRNO.EEXIST;
    const slot = known ?? this.#free.pop();
    if (slot === undefined) return -ERRNO.E2BIG;
    // Copied first: the value may be this very entry, or one that the program changes at the same address.
    this.#memory.set(value.slice(), this.#address(slot));
    this.#slots.set(identity, slot);
    return 0;
  }

  /** As `delete`, by any identity. */
  drop(identity: unknown): number {
    const slot = this.#slots.get(identity);
    if (slot === undefined) return -ERRNO.ENOENT;
    this.#slots.delete(identity);
    this.#free.push(slot);
    return 0;
  }

  /** The entries of an array that are not zero, or of a hash, as copies. */
  *entries(): Generator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    const { kind, entries, keyBytes, valueBytes } = this.definition;
    const valueAt = (slot: number) =>
      this.#memory.slice(this.#address(slot), this.#address(slot) + valueBytes);
    if (kind === 'array')
      for (let slot = 0; slot < entries; slot++) {
        const value = valueAt(slot);
        if (value.some((byte) => byte !== 0))
          yield { key: new Uint8Array(Uint32Array.of(slot).buffer), value };
      }
    else if (kind === 'hash')
      for (const [key, slot] of this.#slots)
        yield {
          key: Uint8Array.from({ length: keyBytes }, (_, at) => (key as string).charCodeAt(at)),
          value: valueAt(slot),
        };
  }

  /** How many entries there are. */
  get size(): number {
    return this.definition.kind === 'array' ? this.definition.entries : this.#slots.size;
  }

  #address(slot: number): number {
    return this.#start + slot * valueStride(this.definition);
  }
}
