/**
 * Which Linux is modelled: the ABI, the errata that are fixed, and the few behaviours that differ between kernels of one
 * ABI. Every other file of this folder asks here; none compares versions itself.
 *
 * ABI and errata are independent: long-term kernels carry fixes back without raising the ABI.
 */

import { type AbiRow, abiRow, LAST_ABI } from '../../uapi/landlock.ts';

/** Behaviours that neither the ABI nor the errata mask announces. */
export interface Knobs {
  /** `sendto` with MSG_FASTOPEN is checked like a TCP connect. */
  readonly fastOpen: boolean;
  /** `landlock_restrict_self` tests the privilege before it tests the flags. */
  readonly privilegeFirst: boolean;
  /** A fork keeps "mute subdomains" set with ruleset descriptor -1 while there is no domain yet. */
  readonly mutedSubdomainsSurviveFork: boolean;
  /** Denials of a domain whose logging is disabled still count. */
  readonly countsMuted: boolean;
  /** For a process-group owner, SIGIO is decided at delivery for each member, or once at registration. */
  readonly sigioGroup: 'delivery' | 'registration';
  /** Rulesets take identifiers too. */
  readonly rulesetIds: boolean;
  /** Programs can ask for the errata: since ABI 7, and in stable releases of older kernels. */
  readonly tellsErrata: boolean;
  /** Bytes of a page, the largest `size` of `landlock_create_ruleset`. */
  readonly pageSize: number;
}

/** One Linux as far as Landlock is concerned. */
export interface Behaviour {
  readonly abi: number;
  /** Bit `n - 1` is set where erratum `n` is fixed. */
  readonly errata: number;
  readonly knobs: Knobs;
}

/**
 * The Linux of an ABI: a mainline-like kernel with the fixes that its stable releases have.
 *
 * @param abi 0 to 11; a newer one is treated as 11, since ABIs only add.
 * @param differs what a certain kernel does differently: its errata mask, or single knobs.
 * @example linux(7, { errata: 7 })
 */
export function linux(
  abi: number,
  differs: { readonly errata?: number | undefined; readonly knobs?: Partial<Knobs> | undefined } = {},
): Behaviour {
  const level = Math.max(0, Math.min(Math.trunc(abi), LAST_ABI));
  return {
    abi: level,
    errata: differs.errata ?? (level >= 10 ? 0xf : level >= 6 ? 0x7 : 0),
    knobs: {
      fastOpen: level >= 10,
      privilegeFirst: level < 11,
      mutedSubdomainsSurviveFork: true,
      countsMuted: level >= 11,
      sigioGroup: 'delivery',
      rulesetIds: level >= 11,
      tellsErrata: level >= 7,
      pageSize: 4096,
      ...differs.knobs,
    },
  };
}

/** Whether this Linux has the fix of an erratum. */
export function fixed(behaviour: Behaviour, erratum: number): boolean {
  return (behaviour.errata & (1 << (erratum - 1))) !== 0;
}

/** The row of the ABI ladder of this Linux. */
export function rung(behaviour: Behaviour): AbiRow {
  return abiRow(behaviour.abi);
}
