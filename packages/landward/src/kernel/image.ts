/**
 * Builds images: system calls laid out so that the native routine can apply them anywhere, with their strings,
 * structures and pointers. Knows the layout and the system call numbers of an architecture, not what the calls are for.
 *
 * Data is laid out first and addressed by places; `build` puts header, steps and relocations in front of it.
 */

import { bug } from '../errors.ts';
import { type Arch, type SyscallName, syscallNumber } from '../uapi/syscalls.ts';
import { ARG, IMAGE } from './native.ts';

/** Somewhere in the data of an image. As an argument of a step it becomes an address. */
export interface Place {
  readonly kind: 'place';
  readonly at: number;
}

/** A 32-bit word in the data of an image. As an argument of a step its value is passed, sign-extended. */
export interface Slot {
  readonly kind: 'slot';
  readonly at: number;
}

/** An argument of a step. */
export type StepArg = number | bigint | Place | Slot | null;

export interface StepOptions {
  /** Where the result goes: a slot, or a place inside a structure (4-byte aligned). */
  readonly store?: Slot | Place;
  /** An errno that counts as success; the stored result is then `-errno`. */
  readonly okErrno?: number | 'any';
}

/** What a step is, for messages. */
export interface StepName {
  readonly call: SyscallName;
  /** What the step is for, as a phrase: `open /usr`. */
  readonly what: string;
}

interface StepRow extends StepName {
  readonly number: number;
  readonly args: readonly StepArg[];
  readonly store: Slot | Place | undefined;
  readonly okErrno: number | 'any' | undefined;
}

/** A finished image. `bytes` is written when it is applied: results and addresses. */
export interface Image {
  readonly arch: Arch;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly steps: readonly StepName[];
  /** The offset in `bytes` at which places begin to count. */
  readonly data: number;
}

const FIRST_DATA_BYTES = 1024;
const encoder = new TextEncoder();

/**
 * Collects data and steps of one image.
 *
 * @example
 * const build = new ImageBuilder('x86_64');
 * const path = build.string('/bin/true');
 * build.step('execve', [path, build.pointers([path]), build.pointers([])], 'start /bin/true');
 * native().spawn(build.build().bytes);
 */
export class ImageBuilder {
  readonly arch: Arch;
  #data = new Uint8Array(FIRST_DATA_BYTES);
  #used = 0;
  readonly #pointers: { readonly at: number; readonly to: number }[] = [];
  readonly #steps: StepRow[] = [];

  constructor(arch: Arch) {
    this.arch = arch;
  }

  /** Reserves zeroed bytes. */
  reserve(bytes: number, align = 8): Place {
    const at = Math.ceil(this.#used / align) * align;
    this.#used = at + bytes;
    if (this.#used > this.#data.length) {
      const larger = new Uint8Array(Math.max(this.#used, this.#data.length * 2));
      larger.set(this.#data);
      this.#data = larger;
    }
    return { kind: 'place', at };
  }

  /** Copies bytes into the image. */
  bytes(content: Uint8Array, align = 8): Place {
    const place = this.reserve(content.length, align);
    this.#data.set(content, place.at);
    return place;
  }

  /**
   * Copies a text into the image, terminated by NUL.
   *
   * @throws {TypeError} for a text that contains NUL, which the kernel would cut short
   */
  string(text: string): Place {
    if (text.includes('\0'))
      throw new TypeError(`A NUL cannot be passed to the kernel: ${JSON.stringify(text)}`);
    // UTF-8 needs at most three bytes for a UTF-16 unit; what is left over is given back.
    const place = this.reserve(text.length * 3 + 1, 1);
    const { written } = encoder.encodeInto(text, this.#data.subarray(place.at));
    this.#data[place.at + written] = 0;
    this.#used = place.at + written + 1;
    return place;
  }

  /** A word for the result of a step, initially 0 or `value`. */
  slot(value = 0): Slot {
    const { at } = this.reserve(4, 4);
    if (value !== 0) new DataView(this.#data.buffer).setInt32(at, value, true);
    return { kind: 'slot', at };
  }

  /** The slot that lies `offset` bytes behind a place, such as a field of a structure. */
  field(place: Place, offset: number): Slot {
    return { kind: 'slot', at: place.at + offset };
  }

  /** Writes the address of one place into another (8-byte aligned), such as the pointer of a structure. */
  point(from: Place, offset: number, to: Place): void {
    this.#pointers.push({ at: from.at + offset, to: to.at });
  }

  /** An array of addresses that a null pointer ends, such as argv. */
  pointers(places: readonly Place[]): Place {
    const array = this.reserve((places.length + 1) * 8);
    for (const [index, place] of places.entries()) this.point(array, index * 8, place);
    return array;
  }

  /** An array of texts that a null pointer ends, such as argv. */
  strings(texts: readonly string[]): Place {
    return this.pointers(texts.map((text) => this.string(text)));
  }

  /** Adds a system call. Missing arguments are 0. */
  step(call: SyscallName, args: readonly StepArg[], what: string, options: StepOptions = {}): void {
    const number = syscallNumber(this.arch, call);
    if (number === undefined) bug(`${call} is no system call of ${this.arch}`);
    if (args.length > 6) bug(`${call} has more than six arguments`);
    this.#steps.push({ call, what, number, args, store: options.store, okErrno: options.okErrno });
  }

  /** How many steps there are so far. */
  get stepCount(): number {
    return this.#steps.length;
  }

  /** Lays the image out. The builder can go on afterwards and build a longer one. */
  build(): Image {
    const steps = IMAGE.header.bytes;
    const relocs = steps + this.#steps.length * IMAGE.step.bytes;
    const data = Math.ceil((relocs + this.#pointers.length * 4) / 8) * 8;
    const size = Math.ceil((data + this.#used) / 8) * 8;
    const bytes = new Uint8Array(size);
    bytes.set(this.#data.subarray(0, this.#used), data);
    const view = new DataView(bytes.buffer);
    const header = IMAGE.header;
    view.setUint32(header.magic, IMAGE.magic, true);
    view.setUint32(header.version, 1, true);
    view.setUint32(header.size, size, true);
    view.setUint32(header.steps, steps, true);
    view.setUint32(header.stepCount, this.#steps.length, true);
    view.setUint32(header.relocs, relocs, true);
    view.setUint32(header.relocCount, this.#pointers.length, true);
    let at = steps;
    for (const row of this.#steps) {
      writeStep(view, at, row, data);
      at += IMAGE.step.bytes;
    }
    for (const [index, pointer] of this.#pointers.entries()) {
      view.setUint32(relocs + index * 4, data + pointer.at, true);
      view.setUint32(data + pointer.at, data + pointer.to, true);
    }
    return { arch: this.arch, bytes, steps: this.#steps.slice(), data };
  }
}

function writeStep(view: DataView, at: number, row: StepRow, data: number): void {
  let kinds = 0;
  for (let index = 0; index < row.args.length; index++) {
    const arg = row.args[index] as StepArg;
    const to = at + IMAGE.step.args + index * 8;
    if (typeof arg === 'object' && arg !== null) {
      kinds |= (arg.kind === 'slot' ? ARG.SLOT : ARG.ADDRESS) << (4 * index);
      view.setUint32(to, data + arg.at, true);
    } else if (typeof arg === 'number') {
      writeNumber(view, to, arg);
    } else if (arg !== null) {
      view.setBigUint64(to, BigInt.asUintN(64, arg), true);
    }
  }
  view.setUint32(at + IMAGE.step.nr, row.number, true);
  view.setUint32(at + IMAGE.step.kinds, kinds, true);
  view.setUint32(at + IMAGE.step.store, row.store === undefined ? 0 : data + row.store.at + 1, true);
  view.setUint32(at + IMAGE.step.okErrno, row.okErrno === 'any' ? IMAGE.anyErrno : (row.okErrno ?? 0), true);
}

/** Writes a number as 64 bits, in two's complement. */
function writeNumber(view: DataView, at: number, value: number): void {
  if (!Number.isSafeInteger(value)) throw new TypeError(`A system call takes integers: ${value}`);
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000) >>> 0, true);
}

/** The value of a slot, such as a descriptor that a step has stored. */
export function readSlot(image: Image, slot: Slot): number {
  return new DataView(image.bytes.buffer).getInt32(image.data + slot.at, true);
}

/** The bytes at a place, such as a structure that a step has filled; a view, not a copy. */
export function readBytes(image: Image, place: Place, length: number): DataView {
  return new DataView(image.bytes.buffer, image.data + place.at, length);
}
