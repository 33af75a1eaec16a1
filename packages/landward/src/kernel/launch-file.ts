/**
 * Writes compiled launchers: an executable that carries an image, applies it and becomes a program. Owns the layout of
 * what is carried (`native/launch.h`), not what is in the image.
 */

import { readFileSync } from 'node:fs';
import { LandwardError } from '../errors.ts';
import type { Arch } from '../uapi/syscalls.ts';
import { attachPayload } from './elf.ts';
import type { Image } from './image.ts';
import { nativeFile } from './native.ts';

/** `LAUNCH_ADDRESS` and the header of `native/launch.h`; a test compares them. */
export const LAUNCH = {
  address: 0x1000_0000n,
  magic: 0x4c57_444c,
  version: 2,
  /** Of the checksum in the last 8 bytes. */
  seed: 0xcbf2_9ce4_8422_2325n,
  factor: 0x9e37_79b9_7f4a_7c15n,
  header: { magic: 0, version: 4, size: 8, image: 12, program: 16, passAll: 20, bytes: 64 },
  /** Each a count and an offset. */
  texts: { args: 24, pass: 32, scrub: 40, set: 48, steps: 56 },
} as const;

/** What a compiled launcher does. */
export interface Launch {
  /** The steps before execve. Must not contain execve: the launcher does that. */
  readonly image: Image;
  /** The path of the program; `null` takes the command from the launcher's first argument and searches PATH for it. */
  readonly program: string | null;
  /** argv[0] and the arguments before the caller's; ignored without `program`. */
  readonly args: readonly string[];
  readonly env: {
    /** Names, with `*` for any run of characters; `null` passes all. */
    readonly pass: readonly string[] | null;
    /** Names that do not pass, whatever `pass` says. */
    readonly scrub: readonly string[];
    readonly set: Readonly<Record<string, string>>;
  };
}

const NODE_ARCH = { x86_64: 'x64', aarch64: 'arm64' } as const satisfies Record<Arch, string>;
const encoder = new TextEncoder();

/**
 * Makes the executable, for the architecture of the image.
 *
 * @returns the bytes of the file, which is to be made executable
 * @throws {LandwardError} `NATIVE_MISSING` where this package has no launcher for the architecture
 * @throws {TypeError} for a text that contains NUL, or a variable without a proper name
 */
export function writeLaunchFile(launch: Launch): Uint8Array {
  const path = nativeFile('launcher', NODE_ARCH[launch.image.arch]);
  if (path === undefined) {
    throw new LandwardError('NATIVE_MISSING', `Landward has no launcher for ${launch.image.arch}`);
  }
  return attachPayload(readFileSync(path), payloadOf(launch), LAUNCH.address);
}

/** What the launcher carries. */
export function payloadOf(launch: Launch): Uint8Array {
  const { image, env } = launch;
  const texts = {
    args: launch.program === null ? [] : launch.args,
    pass: env.pass ?? [],
    scrub: env.scrub,
    set: Object.entries(env.set).map(assignment),
    steps: image.steps.map(({ what, call }) => `${what}: ${call}`),
  };
  const parts = Object.entries(texts).map(([name, list]) => ({
    name,
    count: list.length,
    bytes: pack(list),
  }));
  const program = launch.program === null ? new Uint8Array(0) : pack([launch.program]);

  const imageAt = LAUNCH.header.bytes;
  const programAt = imageAt + image.bytes.length;
  const end = parts.reduce((at, { bytes }) => at + bytes.length, programAt + program.length);
  const size = Math.ceil(end / WORD) * WORD + WORD;
  const payload = new Uint8Array(size);
  const view = new DataView(payload.buffer);
  const header = LAUNCH.header;
  view.setUint32(header.magic, LAUNCH.magic, true);
  view.setUint32(header.version, LAUNCH.version, true);
  view.setUint32(header.size, size, true);
  view.setUint32(header.image, imageAt, true);
  view.setUint32(header.program, launch.program === null ? 0 : programAt, true);
  view.setUint32(header.passAll, env.pass === null ? 1 : 0, true);
  payload.set(image.bytes, imageAt);
  payload.set(program, programAt);
  let at = programAt + program.length;
  for (const { name, count, bytes } of parts) {
    const field = LAUNCH.texts[name as keyof typeof LAUNCH.texts];
    view.setUint32(field, count, true);
    view.setUint32(field + 4, at, true);
    payload.set(bytes, at);
    at += bytes.length;
  }
  view.setBigUint64(size - WORD, checksum(view, size - WORD), true);
  return payload;
}

const WORD = 8;
const MAX_WORD = 0xffff_ffff_ffff_ffffn;

/** The sum that the launcher compares: it finds files that were cut short or damaged by accident. */
function checksum(view: DataView, bytes: number): bigint {
  let sum: bigint = LAUNCH.seed;
  for (let at = 0; at < bytes; at += WORD) {
    sum = ((sum ^ view.getBigUint64(at, true)) * LAUNCH.factor) & MAX_WORD;
    sum ^= sum >> 32n;
  }
  return sum;
}

function assignment([name, value]: readonly [string, string]): string {
  if (name === '' || name.includes('='))
    throw new TypeError(`A variable cannot have the name ${JSON.stringify(name)}`);
  return `${name}=${value}`;
}

/** Texts one behind the other, each with its terminator. */
function pack(texts: readonly string[]): Uint8Array {
  const nul = texts.find((text) => text.includes('\0'));
  if (nul !== undefined) throw new TypeError(`A NUL cannot be passed to the kernel: ${JSON.stringify(nul)}`);
  return encoder.encode(texts.map((text) => `${text}\0`).join(''));
}
