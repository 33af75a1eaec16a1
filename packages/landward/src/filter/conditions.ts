/**
 * Conditions on arguments as assembly, on 32-bit halves.
 *
 * Both architectures are little-endian: the low half of an argument comes first.
 */

import { bug } from '../errors.ts';
import { BPF } from '../uapi/bpf.ts';
import { at, jump, type Label, type Line, label, plain } from './assemble.ts';
import type { Condition } from './rules.ts';

/** Where arguments begin in `seccomp_data`, bytes. */
const ARGS = 16;

/**
 * Lines that go on with the next line where a condition holds, and to `otherwise` where it doesn't.
 *
 * @throws a bug where a value has bits that the width or the mask can never show
 */
export function conditionLines(condition: Condition, otherwise: Label): Line[] {
  const { arg, width, op } = condition;
  const all = width === 32 ? 0xffff_ffffn : 0xffff_ffff_ffff_ffffn;
  const mask = condition.mask === undefined ? all : BigInt.asUintN(64, BigInt(condition.mask));
  const value = BigInt(condition.value);
  if (arg < 0 || arg > 5 || !Number.isInteger(arg)) bug(`a condition on argument ${arg}`);
  if (value < 0n || value > all || mask > all) bug(`a condition compares ${width} bits with ${value}`);
  if ((op === 'eq' || op === 'ne') && (value & ~mask) !== 0n) bug(`a condition masks away bits of ${value}`);

  const low = { mask: Number(mask & 0xffff_ffffn), value: Number(value & 0xffff_ffffn) };
  const high = { mask: Number(mask >> 32n), value: Number(value >> 32n) };
  const loadLow = load(ARGS + 8 * arg, low.mask);
  const loadHigh = load(ARGS + 8 * arg + 4, high.mask);
  const pass = label('condition holds');
  // A half that the mask removes entirely is zero on both sides.
  const wide = width === 64 && (high.mask !== 0 || op === 'lt' || op === 'le' || op === 'gt' || op === 'ge');

  switch (op) {
    case 'eq':
      return [
        ...(wide ? [...loadHigh, jump(BPF.JEQ_K, high.value, null, otherwise)] : []),
        ...loadLow,
        jump(BPF.JEQ_K, low.value, null, otherwise),
      ];
    case 'ne':
      return [
        ...(wide ? [...loadHigh, jump(BPF.JEQ_K, high.value, null, pass)] : []),
        ...loadLow,
        jump(BPF.JEQ_K, low.value, otherwise, null),
        at(pass),
      ];
    case 'gt':
    case 'ge':
      return [
        ...(wide
          ? [
              ...loadHigh,
              jump(BPF.JGT_K, high.value, pass, null),
              jump(BPF.JEQ_K, high.value, null, otherwise),
            ]
          : []),
        ...loadLow,
        jump(op === 'gt' ? BPF.JGT_K : BPF.JGE_K, low.value, null, otherwise),
        at(pass),
      ];
    case 'lt':
    case 'le':
      return [
        ...(wide
          ? [
              ...loadHigh,
              jump(BPF.JGT_K, high.value, otherwise, null),
              jump(BPF.JEQ_K, high.value, null, pass),
            ]
          : []),
        ...loadLow,
        jump(op === 'lt' ? BPF.JGE_K : BPF.JGT_K, low.value, otherwise, null),
        at(pass),
      ];
  }
}

function load(offset: number, mask: number): Line[] {
  return mask === 0xffff_ffff
    ? [plain(BPF.LD_ABS, offset)]
    : [plain(BPF.LD_ABS, offset), plain(BPF.AND_K, mask)];
}
