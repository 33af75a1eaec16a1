/**
 * An assembler with labels for classic BPF.
 *
 * Conditional jumps of BPF reach 255 instructions, unconditional ones reach any. The assembler works from the end to
 * the beginning: every target lies ahead, so its distance is known and final, and a jump that is too long gets an
 * unconditional one right behind it. Knows nothing of seccomp.
 */

import { bug } from '../errors.ts';
import { BPF } from '../uapi/bpf.ts';
import type { Instruction } from './program.ts';

/** A place in a program. Labels are compared by identity. */
export interface Label {
  readonly name: string;
}

/** Makes a label; the name is for messages only. */
export function label(name: string): Label {
  return { name };
}

/** A line of assembly. A target of `null` means the next line. */
export type Line =
  | { readonly kind: 'label'; readonly label: Label }
  | { readonly kind: 'plain'; readonly code: number; readonly k: number }
  | { readonly kind: 'goto'; readonly to: Label }
  | {
      readonly kind: 'jump';
      readonly code: number;
      readonly k: number;
      readonly yes: Label | null;
      readonly no: Label | null;
    };

/** Marks a place. */
export const at = (place: Label): Line => ({ kind: 'label', label: place });
/** An instruction that goes on with the next. */
export const plain = (code: number, k = 0): Line => ({ kind: 'plain', code, k });
/** An unconditional jump. */
export const goto = (to: Label): Line => ({ kind: 'goto', to });
/** A conditional jump. */
export const jump = (code: number, k: number, yes: Label | null, no: Label | null): Line => ({
  kind: 'jump',
  code,
  k,
  yes,
  no,
});

/** The longest conditional jump, less one for an extension in between. */
const REACH = 254;

/**
 * Assembles lines to instructions.
 *
 * @throws a bug where a label is missing, defined twice, or lies behind a jump to it
 */
export function assemble(lines: readonly Line[]): Instruction[] {
  // What comes last in the program is first here. A place is the number of instructions from it to the end.
  const reversed: Instruction[] = [];
  const places = new Map<Label, number>();
  const placeOf = (to: Label) => places.get(to) ?? bug(`label ${to.name} doesn't lie ahead`);

  for (const line of lines.toReversed()) {
    switch (line.kind) {
      case 'label':
        if (places.has(line.label)) bug(`label ${line.label.name} is defined twice`);
        places.set(line.label, reversed.length);
        break;
      case 'plain':
        reversed.push({ code: line.code, jt: 0, jf: 0, k: line.k });
        break;
      case 'goto': {
        const distance = reversed.length - placeOf(line.to);
        if (distance > 0) reversed.push({ code: BPF.JA, jt: 0, jf: 0, k: distance });
        break;
      }
      case 'jump': {
        const next = reversed.length;
        const within = (to: Label | null) => {
          const place = to === null ? next : placeOf(to);
          if (next - place <= REACH) return place;
          return reversed.push({ code: BPF.JA, jt: 0, jf: 0, k: reversed.length - place });
        };
        const yes = within(line.yes);
        const no = within(line.no);
        reversed.push({ code: line.code, jt: reversed.length - yes, jf: reversed.length - no, k: line.k });
        break;
      }
    }
  }
  return reversed.reverse();
}
