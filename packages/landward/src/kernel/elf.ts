/**
 * Puts a payload into a static executable: appends it to the file and turns the note's program header into one that
 * maps it, readable and writable. Knows just as much of ELF as this takes, and refuses any other executable than
 * landward's launcher.
 */

import { bug } from '../errors.ts';

const MAGIC = 0x464c_457f;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const TYPE_EXECUTABLE = 2;
const PT_LOAD = 1;
const PT_NOTE = 4;
const READ_WRITE = 6;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;

interface ProgramHeader {
  readonly at: number;
  readonly type: number;
  readonly end: bigint;
  readonly align: number;
}

/**
 * Makes an executable that has the payload in its memory.
 *
 * @param executable a static ELF file for 64-bit little-endian with one PT_NOTE header
 * @param payload what is to be mapped
 * @param address where it is mapped: above everything else in the file, and a multiple of its alignment
 * @returns the new file; `executable` is not changed
 */
export function attachPayload(executable: Uint8Array, payload: Uint8Array, address: bigint): Uint8Array {
  const headers = programHeaders(executable);
  const loads = headers.filter(({ type }) => type === PT_LOAD);
  const notes = headers.filter(({ type }) => type === PT_NOTE);
  const note = notes[0];
  if (note === undefined || notes.length > 1) bug('the launcher has not exactly one note');
  const align = Math.max(...loads.map((load) => load.align));
  if (address % BigInt(align) !== 0n || loads.some(({ end }) => end > address))
    bug('the launcher has no room at the address of its payload');
  // The kernel maps whole pages, so that place in the file and address agree below the alignment.
  const offset = Math.ceil(executable.length / align) * align;
  const file = new Uint8Array(offset + payload.length);
  file.set(executable);
  file.set(payload, offset);
  const view = new DataView(file.buffer, note.at, PROGRAM_HEADER_BYTES);
  view.setUint32(0, PT_LOAD, true);
  view.setUint32(4, READ_WRITE, true);
  view.setBigUint64(8, BigInt(offset), true);
  view.setBigUint64(16, address, true);
  view.setBigUint64(24, address, true);
  view.setBigUint64(32, BigInt(payload.length), true);
  view.setBigUint64(40, BigInt(payload.length), true);
  view.setBigUint64(48, BigInt(align), true);
  return file;
}

function programHeaders(file: Uint8Array): readonly ProgramHeader[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const known =
    file.length >= HEADER_BYTES &&
    view.getUint32(0, true) === MAGIC &&
    view.getUint8(4) === CLASS_64 &&
    view.getUint8(5) === LITTLE_ENDIAN &&
    view.getUint16(16, true) === TYPE_EXECUTABLE &&
    view.getUint16(54, true) === PROGRAM_HEADER_BYTES;
  if (!known) bug('the launcher is no static executable');
  const first = Number(view.getBigUint64(32, true));
  return Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const at = first + index * PROGRAM_HEADER_BYTES;
    return {
      at,
      type: view.getUint32(at, true),
      end: view.getBigUint64(at + 16, true) + view.getBigUint64(at + 40, true),
      align: Number(view.getBigUint64(at + 48, true)),
    };
  });
}
