/**
 * Object files that `clang -target bpf -c` writes: the programs in sections `landlock/HOOK`, each with the functions that
 * it calls behind it and its references to maps filled in.
 *
 * Owns linking. Nothing is verified here, and a file with anything that is not understood is refused.
 */

import { escapeText } from '../../model/escape.ts';
import { FS_TRIGGERS, type FsTrigger, triggerBits } from '../../model/programs/index.ts';
import { decode } from '../code/decode.ts';
import { encode } from '../code/encode.ts';
import { type Code, type Instruction, MAX_SLOTS } from '../code/instruction.ts';
import { invalid } from '../code/invalid.ts';
import { CONTEXTS, type ProgramHook } from '../hooks/contexts.ts';
import type { MapDefinition } from '../run/maps.ts';
import { type ElfFile, type ElfSymbol, EXECUTABLE, readElf, relocationsOf, SYMBOL_KIND } from './elf.ts';
import { type DeclaredMap, mapsOf } from './maps.ts';

/** A program of an object file, before it is verified. */
export interface ObjectProgram {
  readonly name: string;
  readonly hook: ProgramHook;
  /** Of `fs_pick`: the triggers that its section names, and so the only ones that it is asked about. */
  readonly triggers?: bigint;
  readonly code: Code;
}

/** What an object file holds. Names are foreign text: escape them before they are shown. */
export interface ProgramObject {
  readonly licence: string | undefined;
  readonly maps: readonly MapDefinition[];
  readonly programs: readonly ObjectProgram[];
}

const RELOCATION = { MAP: 1, CALL: 10 } as const;

/** A function in a section: its slots, and where its calls go, by slot. */
interface LinkFunction {
  readonly name: string;
  readonly key: string;
  readonly code: Code;
  readonly calls: ReadonlyMap<number, string>;
}

const keyOf = (section: number, slot: number) => `${section}:${slot}`;

/**
 * Reads an object file.
 *
 * @param file - the bytes of the file
 * @returns its programs, maps and licence
 * @throws ProgramError for a file that is malformed, has no program, or needs what this room does not have
 */
export function readObject(file: Uint8Array): ProgramObject {
  const elf = readElf(file);
  const maps = mapsOf(elf);
  const functions = new Map<string, LinkFunction>();
  const entries: (Omit<ObjectProgram, 'code'> & { readonly key: string })[] = [];
  for (const [index, section] of elf.sections.entries()) {
    if ((section.flags & EXECUTABLE) === 0 || section.bytes.length === 0) continue;
    const hook = hookOf(section.name);
    const whole = relocated(elf, index, maps);
    for (const symbol of elf.symbols) {
      if (symbol.section !== index || symbol.kind !== SYMBOL_KIND.FUNC) continue;
      const cut = functionAt(symbol, index, whole.code, whole.calls);
      functions.set(cut.key, cut);
      if (symbol.global && hook !== undefined)
        entries.push({ key: cut.key, hook, name: symbol.name, ...triggersOf(section.name) });
    }
  }
  if (entries.length === 0) invalid('the file has no program in a section landlock/HOOK');
  const licence = elf.sections.find(({ name }) => name === 'license')?.bytes;
  return {
    licence:
      licence === undefined
        ? undefined
        : String.fromCharCode(...licence.subarray(0, 64)).replace(/\0.*/s, ''),
    maps: maps.map(({ definition }) => definition),
    programs: entries.map(({ key, ...entry }) => ({ ...entry, code: linked(functions, key) })),
  };
}

function hookOf(section: string): ProgramHook | undefined {
  const [first, hook] = section.split('/');
  if (first !== 'landlock') {
    if (section !== '.text')
      invalid(`instructions in section ${escapeText(section)}: only .text and landlock/HOOK`);
    return undefined;
  }
  if (hook === undefined || !Object.hasOwn(CONTEXTS, hook))
    return invalid(`there is no hook ${escapeText(hook ?? '')}`);
  return hook as ProgramHook;
}

/** A section `landlock/fs_pick/WORD,WORD` whose words are all triggers names these; any other third part is a name. */
function triggersOf(section: string): { readonly triggers?: bigint } {
  const [, hook, words = ''] = section.split('/');
  const names = words.split(',');
  const isTrigger = (word: string): word is FsTrigger => (FS_TRIGGERS as readonly string[]).includes(word);
  return hook === 'fs_pick' && names.every(isTrigger) ? { triggers: triggerBits(...names) } : {};
}

/** A section's instructions with maps filled in, and the functions that its calls name. */
function relocated(elf: ElfFile, index: number, maps: readonly DeclaredMap[]) {
  const code = [...decode(elf.sections[index]!.bytes)];
  const calls = new Map<number, string>();
  for (const [slot, i] of code.entries()) {
    if (i?.op === 'map') invalid('a map is named by number, not by a relocation', { slot });
    if (i?.op === 'callLocal') calls.set(slot, keyOf(index, slot + 1 + i.offset));
  }
  for (const { offset, type, symbol } of relocationsOf(elf, index)) {
    const slot = offset / 8;
    const i = code[slot];
    const target = elf.symbols[symbol]!;
    const named = escapeText(target.name || elf.sections[target.section]?.name || 'nothing');
    if (i === undefined || i === null) return invalid(`a relocation of ${named} is at no instruction`);
    if (type === RELOCATION.MAP && i.op === 'const') {
      const map = maps.findIndex((one) => one.symbol === target);
      if (map < 0 || i.value !== 0n)
        return invalid(`refers to ${named}, which is no map: programs have no global data`, { slot });
      code[slot] = { op: 'map', dst: i.dst, map };
    } else if (type === RELOCATION.CALL && i.op === 'callLocal') {
      calls.set(slot, keyOf(target.section, target.value / 8 + i.offset + 1));
    } else return invalid(`a relocation of kind ${type} of ${named} does not fit here`, { slot });
  }
  return { code, calls };
}

function functionAt(
  symbol: ElfSymbol,
  section: number,
  code: readonly (Instruction | null)[],
  calls: ReadonlyMap<number, string>,
): LinkFunction {
  const start = symbol.value / 8;
  const end = start + symbol.size / 8;
  const named = escapeText(symbol.name);
  if (!Number.isInteger(start) || !Number.isInteger(end) || end > code.length || start >= end)
    return invalid(`function ${named} does not lie on whole instructions of its section`);
  if (code[start] === null || code[end] === null) return invalid(`function ${named} cuts an instruction`);
  const own = new Map<number, string>();
  for (const [slot, target] of calls) if (slot >= start && slot < end) own.set(slot - start, target);
  return { name: named, key: keyOf(section, start), code: code.slice(start, end), calls: own };
}

/** A program and all that it calls, one behind the other. */
function linked(functions: ReadonlyMap<string, LinkFunction>, entry: string): Code {
  const places = new Map<string, number>();
  const order: LinkFunction[] = [];
  let slots = 0;
  const wanted = [entry];
  for (const key of wanted) {
    if (places.has(key)) continue;
    const found = functions.get(key);
    if (found === undefined) return invalid('calls what is no function of this file');
    places.set(key, slots);
    order.push(found);
    slots += found.code.length;
    if (slots > MAX_SLOTS)
      return invalid(`a program has more than ${MAX_SLOTS} instructions with what it calls`);
    wanted.push(...found.calls.values());
  }
  const code = order.flatMap((one) =>
    one.code.map((i, slot) => {
      const target = one.calls.get(slot);
      if (target === undefined || i === null) return i;
      return { op: 'callLocal' as const, offset: places.get(target)! - (places.get(one.key)! + slot + 1) };
    }),
  );
  return decode(encode(code));
}
