/**
 * ELF files of 64 bits, little-endian, relocatable, for BPF: sections, symbols, relocations.
 *
 * Owns bounds: every offset and length is checked against the file before it is used, and nothing is believed for being
 * in a header. What the sections mean is `object.ts`.
 */

import { invalid } from '../code/invalid.ts';

/** Bytes that a file may have. */
export const MAX_FILE = 1 << 22;

/** A section. */
export interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly bytes: Uint8Array;
  readonly link: number;
  readonly info: number;
}

/** A symbol; `section` is its number, or above 0xff00 for what lies in none. */
export interface ElfSymbol {
  readonly name: string;
  readonly kind: number;
  readonly global: boolean;
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

/** A relocation without addend. */
export interface Relocation {
  readonly offset: number;
  readonly type: number;
  readonly symbol: number;
}

/** A file. */
export interface ElfFile {
  readonly sections: readonly Section[];
  readonly symbols: readonly ElfSymbol[];
}

export const SECTION_TYPE = { SYMTAB: 2, STRTAB: 3, RELA: 4, NOBITS: 8, REL: 9 } as const;
export const SYMBOL_KIND = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3 } as const;
/** The flag of sections that hold instructions. */
export const EXECUTABLE = 4;

const HEADER_BYTES = 64;
const SECTION_BYTES = 64;
const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 16;
const EM_BPF = 247;
const ET_REL = 1;
const MAX_NAME = 256;

/** A number of eight bytes that must be small enough to be an offset. */
function word(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(MAX_FILE)) invalid(`the file names an offset or size of ${value}`);
  return Number(value);
}

function part(bytes: Uint8Array, offset: number, length: number, what: string): Uint8Array {
  if (offset + length > bytes.length)
    invalid(`${what} lies outside of the file: ${length} bytes at ${offset} of ${bytes.length}`);
  return bytes.subarray(offset, offset + length);
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

function nameAt(table: Uint8Array, offset: number): string {
  let text = '';
  for (let at = offset; at < table.length; at++) {
    if (table[at] === 0) return text;
    if (text.length >= MAX_NAME) break;
    text += String.fromCharCode(table[at]!);
  }
  return invalid(`a name at ${offset} of a table of ${table.length} bytes has no end`);
}

/**
 * Reads a file.
 *
 * @throws ProgramError for anything but a well-formed relocatable file for BPF
 */
export function readElf(file: Uint8Array): ElfFile {
  if (file.length > MAX_FILE) invalid(`the file has ${file.length} bytes, more than ${MAX_FILE}`);
  const header = viewOf(part(file, 0, HEADER_BYTES, 'the header'));
  if (header.getUint32(0) !== 0x7f454c46) invalid('not an ELF file');
  if (header.getUint8(4) !== 2 || header.getUint8(5) !== 1) invalid('not a 64-bit little-endian ELF file');
  if (header.getUint8(6) !== 1) invalid('not an ELF file of version 1');
  if (header.getUint16(16, true) !== ET_REL) invalid('not a relocatable file: compile with -c');
  const machine = header.getUint16(18, true);
  if (machine !== EM_BPF) invalid(`made for machine ${machine}, not for BPF: compile with -target bpf`);
  if (header.getUint16(58, true) !== SECTION_BYTES) invalid('section headers have an unknown size');
  const count = header.getUint16(60, true);
  const raw = viewOf(part(file, word(header, 40), count * SECTION_BYTES, 'the table of sections'));
  const unnamed = Array.from({ length: count }, (_, index) => sectionAt(file, raw, index * SECTION_BYTES));
  const names = unnamed[header.getUint16(62, true)];
  if (names?.type !== SECTION_TYPE.STRTAB) return invalid('there is no table of section names');
  const sections = unnamed.map(({ nameOffset, ...section }) => ({
    ...section,
    name: nameAt(names.bytes, nameOffset),
  }));
  return { sections, symbols: symbolsOf(sections) };
}

function sectionAt(file: Uint8Array, table: DataView, at: number) {
  const type = table.getUint32(at + 4, true);
  const empty = type === SECTION_TYPE.NOBITS || type === 0;
  const size = word(table, at + 32);
  return {
    nameOffset: table.getUint32(at, true),
    type,
    flags: table.getUint32(at + 8, true),
    bytes: empty ? new Uint8Array(0) : part(file, word(table, at + 24), size, 'a section'),
    link: table.getUint32(at + 40, true),
    info: table.getUint32(at + 44, true),
  };
}

function symbolsOf(sections: readonly Section[]): readonly ElfSymbol[] {
  const tables = sections.filter(({ type }) => type === SECTION_TYPE.SYMTAB);
  if (tables.length > 1) invalid(`there are ${tables.length} tables of symbols`);
  const table = tables[0];
  if (table === undefined) return [];
  const names = sections[table.link];
  if (names?.type !== SECTION_TYPE.STRTAB) return invalid('there is no table of symbol names');
  if (table.bytes.length % SYMBOL_BYTES !== 0) invalid('the table of symbols is not whole');
  const view = viewOf(table.bytes);
  return Array.from({ length: table.bytes.length / SYMBOL_BYTES }, (_, index) => {
    const at = index * SYMBOL_BYTES;
    const info = view.getUint8(at + 4);
    return {
      name: nameAt(names.bytes, view.getUint32(at, true)),
      kind: info & 15,
      global: info >> 4 !== 0,
      section: view.getUint16(at + 6, true),
      value: word(view, at + 8),
      size: word(view, at + 16),
    };
  });
}

/** The relocations of a section, by its number. */
export function relocationsOf({ sections, symbols }: ElfFile, target: number): readonly Relocation[] {
  return sections.flatMap(({ type, info, bytes }) => {
    if (info !== target || (type !== SECTION_TYPE.REL && type !== SECTION_TYPE.RELA)) return [];
    if (type === SECTION_TYPE.RELA) return invalid('relocations with addends are not those of BPF');
    if (bytes.length % RELOCATION_BYTES !== 0) return invalid('a table of relocations is not whole');
    const view = viewOf(bytes);
    return Array.from({ length: bytes.length / RELOCATION_BYTES }, (_, index) => {
      const at = index * RELOCATION_BYTES;
      const symbol = view.getUint32(at + 12, true);
      if (symbol >= symbols.length) invalid(`a relocation names symbol ${symbol} of ${symbols.length}`);
      return { offset: word(view, at), type: view.getUint32(at + 8, true), symbol };
    });
  });
}
