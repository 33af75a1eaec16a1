/**
 * A struct of the kernel as a table of offsets, and the codec that follows from it. Both architectures are
 * little-endian; the fields that the network protocols define are marked big-endian.
 *
 * Refuses a value that doesn't fit its field: a wrapped number would grant something else than what was asked.
 */

import { bug } from '../errors.ts';

const KINDS = {
  u8: { bytes: 1, min: 0n, max: 0xffn },
  u16: { bytes: 2, min: 0n, max: 0xffffn },
  u16be: { bytes: 2, min: 0n, max: 0xffffn },
  u32: { bytes: 4, min: 0n, max: 0xffff_ffffn },
  u32be: { bytes: 4, min: 0n, max: 0xffff_ffffn },
  s32: { bytes: 4, min: -0x8000_0000n, max: 0x7fff_ffffn },
  u64: { bytes: 8, min: 0n, max: 0xffff_ffff_ffff_ffffn },
  s64: { bytes: 8, min: -0x8000_0000_0000_0000n, max: 0x7fff_ffff_ffff_ffffn },
} as const satisfies Record<string, { readonly bytes: number; readonly min: bigint; readonly max: bigint }>;

type Kind = keyof typeof KINDS;

/** Fields by name: offset in bytes, and kind. */
export type Fields = Readonly<Record<string, readonly [offset: number, kind: Kind]>>;

/** What decoding gives: 64-bit fields as `bigint`, the rest as `number`. */
export type Decoded<F extends Fields> = {
  readonly [K in keyof F]: F[K][1] extends 'u64' | 's64' ? bigint : number;
};

/** What encoding takes; what is left out is zero. */
export type Values<F extends Fields> = { readonly [K in keyof F]?: number | bigint };

/** A struct of the kernel. */
export interface Layout<F extends Fields> {
  readonly name: string;
  /** `sizeof`, bytes. */
  readonly size: number;
  readonly fields: F;
  /** The struct as memory, `size` bytes. */
  encode(values: Values<F>): Uint8Array<ArrayBuffer>;
  /** Reads the struct from the first `size` bytes. */
  decode(bytes: Uint8Array): Decoded<F>;
}

/**
 * Makes the codec of a struct.
 *
 * @param name the kernel's name of the struct
 * @param size `sizeof`, bytes
 * @example layout('rlimit64', 16, { cur: [0, 'u64'], max: [8, 'u64'] }).encode({ cur: 10, max: 20 })
 */
export function layout<const F extends Fields>(name: string, size: number, fields: F): Layout<F> {
  return {
    name,
    size,
    fields,
    encode(values) {
      const bytes = new Uint8Array(size);
      const view = new DataView(bytes.buffer);
      for (const [field, value] of Object.entries(values)) {
        const [offset, kind] = fields[field] ?? bug(`${name} has no field ${field}`);
        write(view, offset, kind, value ?? 0, `${name}.${field}`);
      }
      return bytes;
    },
    decode(bytes) {
      if (bytes.length < size) bug(`${name} needs ${size} bytes, not ${bytes.length}`);
      const view = new DataView(bytes.buffer, bytes.byteOffset, size);
      const rows = Object.entries(fields).map(([field, [offset, kind]]) => [field, read(view, offset, kind)]);
      return Object.fromEntries(rows) as Decoded<F>;
    },
  };
}

function write(view: DataView, offset: number, kind: Kind, value: number | bigint, field: string): void {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) bug(`${field} is not an integer: ${value}`);
  const wide = BigInt(value);
  if (wide < KINDS[kind].min || wide > KINDS[kind].max) bug(`${field} doesn't hold ${value}`);
  const { bytes } = KINDS[kind];
  if (bytes === 8) view.setBigUint64(offset, BigInt.asUintN(64, wide), true);
  else if (bytes === 4) view.setUint32(offset, Number(BigInt.asUintN(32, wide)), kind !== 'u32be');
  else if (bytes === 2) view.setUint16(offset, Number(wide), kind !== 'u16be');
  else view.setUint8(offset, Number(wide));
}

function read(view: DataView, offset: number, kind: Kind): number | bigint {
  switch (kind) {
    case 'u8':
      return view.getUint8(offset);
    case 'u16':
    case 'u16be':
      return view.getUint16(offset, kind === 'u16');
    case 'u32':
    case 'u32be':
      return view.getUint32(offset, kind === 'u32');
    case 's32':
      return view.getInt32(offset, true);
    case 'u64':
      return view.getBigUint64(offset, true);
    case 's64':
      return view.getBigInt64(offset, true);
  }
}
