/**
 * The maps that an object file declares: one symbol each in its section `maps`, five numbers of 32 bits (kind, bytes of a
 * key, bytes of a value, entries, flags). Declarations by type information (`.maps`) are not read.
 *
 * Owns the layout and the numbers of kinds.
 */

import { escapeText } from '../../model/escape.ts';
import { invalid } from '../code/invalid.ts';
import { checkDefinition, MAX_MAPS, type MapDefinition } from '../run/maps.ts';
import type { ElfFile, ElfSymbol } from './elf.ts';
import { SYMBOL_KIND } from './elf.ts';

/** Kinds of maps as numbers: hash and array as in Linux, which never had an inode map. */
export const MAP_KIND = { hash: 1, array: 2, inode: 1000 } as const;

const DECLARATION_BYTES = 20;

/** A map with the symbol that names it. */
export interface DeclaredMap {
  readonly symbol: ElfSymbol;
  readonly definition: MapDefinition;
}

/** The maps of a file, in the order of their places. */
export function mapsOf({ sections, symbols }: ElfFile): readonly DeclaredMap[] {
  if (sections.some(({ name }) => name === '.maps'))
    invalid('maps are declared by type information (.maps): declare them in the section "maps"');
  const index = sections.findIndex(({ name }) => name === 'maps');
  const section = sections[index];
  if (section === undefined) return [];
  const declared = symbols
    .filter((symbol) => symbol.section === index && symbol.kind === SYMBOL_KIND.OBJECT)
    .sort((a, b) => a.value - b.value);
  if (declared.length > MAX_MAPS) invalid(`there are ${declared.length} maps, more than ${MAX_MAPS}`);
  let end = 0;
  return declared.map((symbol) => {
    const named = escapeText(symbol.name);
    if (symbol.size !== DECLARATION_BYTES)
      invalid(`map ${named} has ${symbol.size} bytes, not ${DECLARATION_BYTES}`);
    if (symbol.value < end || symbol.value + symbol.size > section.bytes.length)
      invalid(`map ${named} lies outside of its section or on another map`);
    end = symbol.value + symbol.size;
    const view = new DataView(
      section.bytes.buffer,
      section.bytes.byteOffset + symbol.value,
      DECLARATION_BYTES,
    );
    const [type, keyBytes, valueBytes, entries, flags] = [0, 4, 8, 12, 16].map((at) =>
      view.getUint32(at, true),
    ) as [number, number, number, number, number];
    const kind = (Object.keys(MAP_KIND) as (keyof typeof MAP_KIND)[]).find((one) => MAP_KIND[one] === type);
    if (kind === undefined) return invalid(`map ${named} is of kind ${type}, not array, hash or inode`);
    if (flags !== 0) invalid(`map ${named} has flags 0x${flags.toString(16)}: none are known`);
    const definition = { name: symbol.name, kind, keyBytes, valueBytes, entries };
    checkDefinition(definition, named);
    return { symbol, definition };
  });
}
