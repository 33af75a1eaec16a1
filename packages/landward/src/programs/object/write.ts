/**
 * Object files from assembled programs: the form that `readObject` reads, so that what was written in the assembler can be
 * loaded wherever a file that clang wrote can.
 *
 * Owns the layout of the file. Nothing is verified here; whoever loads the file does that.
 */

import { encode } from '../code/encode.ts';
import type { Code, Instruction } from '../code/instruction.ts';
import { invalid } from '../code/invalid.ts';
import type { MapDefinition } from '../run/maps.ts';
import { functionsOf } from '../verify/structure.ts';
import { EXECUTABLE, SECTION_TYPE, SYMBOL_KIND } from './elf.ts';
import { MAP_KIND } from './maps.ts';
import type { ObjectProgram } from './object.ts';

/** What goes into a file. */
export interface ObjectContent {
  readonly programs: readonly ObjectProgram[];
  /** The maps that the programs name by their places in this list. */
  readonly maps?: readonly MapDefinition[];
  readonly licence?: string;
}

const [HEADER, SECTION, SYMBOL, RELOCATION, DECLARATION] = [64, 64, 24, 16, 20];
const [EM_BPF, ET_REL, GLOBAL, RELOCATE_MAP] = [247, 1, 16, 1];

interface Part {
  readonly name: string;
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly flags?: number;
  readonly link?: number;
  readonly info?: number;
  readonly entry?: number;
}

interface Named {
  readonly name: string;
  readonly info: number;
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

/** Texts one behind the other, each with its NUL; knows where each begins. */
class Strings {
  #bytes: number[] = [0];

  add(text: string): number {
    const at = this.#bytes.length;
    for (const letter of text) {
      const code = letter.charCodeAt(0);
      if (code === 0 || code > 0x7e) invalid('a name in an object file must be ASCII');
      this.#bytes.push(code);
    }
    this.#bytes.push(0);
    return at;
  }

  get bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/**
 * Writes an object file.
 *
 * @param content - programs as `assemble` gives them, with the maps that they name
 * @returns the bytes of a relocatable file for BPF; the same content gives the same bytes
 * @throws ProgramError where there is no program, or a name or operand does not fit
 * @example writeObject({ programs: [{ name: 'no', hook: 'ptrace', code: assemble('r0 = 1\nexit') }] })
 */
export function writeObject({ programs, maps = [], licence }: ObjectContent): Uint8Array {
  if (programs.length === 0) invalid('an object file needs a program');
  const parts: Part[] = [{ name: '', type: 0, bytes: new Uint8Array() }];
  const local: Named[] = [{ name: '', info: 0, section: 0, value: 0, size: 0 }];
  const global: Named[] = [];
  const relocations: { readonly section: number; readonly slots: readonly (readonly [number, number])[] }[] =
    [];
  for (const { name, hook, code } of programs) {
    const section = parts.length;
    const { plain, named } = withoutMaps(code, maps.length);
    parts.push({ name: `landlock/${hook}/${name}`, type: 1, flags: EXECUTABLE, bytes: encode(plain) });
    for (const [index, { start, end }] of functionsOf(code).entries()) {
      const place = { section, value: start * 8, size: (end - start) * 8 };
      if (index === 0) global.push({ name, info: GLOBAL | SYMBOL_KIND.FUNC, ...place });
      else local.push({ name: `${name}.${index}`, info: SYMBOL_KIND.FUNC, ...place });
    }
    if (named.length > 0) relocations.push({ section, slots: named });
  }
  const firstMap = local.length + global.length;
  if (maps.length > 0) {
    for (const [index, { name }] of maps.entries())
      global.push({
        name,
        info: GLOBAL | SYMBOL_KIND.OBJECT,
        section: parts.length,
        value: index * DECLARATION,
        size: DECLARATION,
      });
    parts.push({ name: 'maps', type: 1, bytes: declarations(maps) });
  }
  if (licence !== undefined)
    parts.push({ name: 'license', type: 1, bytes: new TextEncoder().encode(`${licence}\0`) });
  const symtab = parts.length + relocations.length;
  for (const { section, slots } of relocations)
    parts.push({
      name: `.rel${parts[section]!.name}`,
      type: SECTION_TYPE.REL,
      bytes: relocationBytes(slots, firstMap),
      link: symtab,
      info: section,
      entry: RELOCATION,
    });
  const names = new Strings();
  parts.push({
    name: '.symtab',
    type: SECTION_TYPE.SYMTAB,
    bytes: symbolBytes([...local, ...global], names),
    link: symtab + 1,
    info: local.length,
    entry: SYMBOL,
  });
  parts.push({ name: '.strtab', type: SECTION_TYPE.STRTAB, bytes: names.bytes });
  return laidOut(parts);
}

/** The code with each map as the constant 0 that a relocation fills in, and where they are. */
function withoutMaps(code: Code, maps: number): { plain: Code; named: (readonly [number, number])[] } {
  const named: (readonly [number, number])[] = [];
  const plain = code.map((i, slot): Instruction | null => {
    if (i?.op !== 'map') return i;
    if (i.map >= maps) invalid(`there is no map ${i.map}`, { slot });
    named.push([slot, i.map]);
    return { op: 'const', dst: i.dst, value: 0n };
  });
  return { plain, named };
}

function declarations(maps: readonly MapDefinition[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(maps.length * DECLARATION));
  for (const [index, { kind, keyBytes, valueBytes, entries }] of maps.entries())
    for (const [word, value] of [MAP_KIND[kind], keyBytes, valueBytes, entries].entries())
      view.setUint32(index * DECLARATION + word * 4, value, true);
  return new Uint8Array(view.buffer);
}

function relocationBytes(slots: readonly (readonly [number, number])[], firstMap: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(slots.length * RELOCATION));
  for (const [index, [slot, map]] of slots.entries()) {
    view.setBigUint64(index * RELOCATION, BigInt(slot * 8), true);
    view.setUint32(index * RELOCATION + 8, RELOCATE_MAP, true);
    view.setUint32(index * RELOCATION + 12, firstMap + map, true);
  }
  return new Uint8Array(view.buffer);
}

function symbolBytes(symbols: readonly Named[], names: Strings): Uint8Array {
  const view = new DataView(new ArrayBuffer(symbols.length * SYMBOL));
  for (const [index, { name, info, section, value, size }] of symbols.entries()) {
    const at = index * SYMBOL;
    view.setUint32(at, name === '' ? 0 : names.add(name), true);
    view.setUint8(at + 4, info);
    view.setUint16(at + 6, section, true);
    view.setBigUint64(at + 8, BigInt(value), true);
    view.setBigUint64(at + 16, BigInt(size), true);
  }
  return new Uint8Array(view.buffer);
}

/** The header, the sections each at a multiple of 8, and the table of sections. */
function laidOut(parts: readonly Part[]): Uint8Array {
  const names = new Strings();
  const offsets = [...parts, { name: '.shstrtab' }].map(({ name }) => (name === '' ? 0 : names.add(name)));
  const all: readonly Part[] = [
    ...parts,
    { name: '.shstrtab', type: SECTION_TYPE.STRTAB, bytes: names.bytes },
  ];
  let end = HEADER;
  const places = all.map(({ bytes }) => {
    const at = end;
    end = (at + bytes.length + 7) & ~7;
    return at;
  });
  const file = new Uint8Array(end + all.length * SECTION);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ET_REL, true);
  view.setUint16(18, EM_BPF, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(40, BigInt(end), true);
  for (const [at, value] of [
    [52, HEADER],
    [58, SECTION],
    [60, all.length],
    [62, all.length - 1],
  ] as const)
    view.setUint16(at, value, true);
  for (const [index, { type, flags = 0, bytes, link = 0, info = 0, entry = 0 }] of all.entries()) {
    file.set(bytes, places[index]!);
    const at = end + index * SECTION;
    view.setUint32(at, offsets[index]!, true);
    view.setUint32(at + 4, type, true);
    view.setBigUint64(at + 8, BigInt(flags), true);
    view.setBigUint64(at + 24, BigInt(type === 0 ? 0 : places[index]!), true);
    view.setBigUint64(at + 32, BigInt(bytes.length), true);
    view.setUint32(at + 40, link, true);
    view.setUint32(at + 44, info, true);
    view.setBigUint64(at + 48, type === 0 ? 0n : 8n, true);
    view.setBigUint64(at + 56, BigInt(entry), true);
  }
  return file;
}
