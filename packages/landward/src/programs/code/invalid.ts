/**
 * How this room refuses: one error with the slot of the instruction, the instruction as text, and the reason.
 *
 * Owns the form of the message. Names that come from an object file are escaped by `escapeText` before they stand in one.
 */

import { LandwardError } from '../../errors.ts';

/** An object file, a text or a program that was not accepted. */
export class ProgramError extends LandwardError {
  override readonly name = 'ProgramError';
  /** The slot of the refused instruction, where there is one. */
  readonly slot: number | undefined;
  /** Why, without the place. */
  readonly reason: string;

  constructor(reason: string, place: { readonly slot?: number; readonly text?: string } = {}) {
    const { slot, text } = place;
    const at = slot === undefined ? '' : `instruction ${slot}${text === undefined ? '' : ` (${text})`}: `;
    super('PROGRAM_INVALID', `${at}${reason}`, { part: text });
    this.slot = slot;
    this.reason = reason;
  }
}

/** Refuses. */
export function invalid(
  reason: string,
  place: { readonly slot?: number; readonly text?: string } = {},
): never {
  throw new ProgramError(reason, place);
}
