/**
 * What makes two reports the same denial: the name under which a store holds it once, however often and from wherever it
 * is read in.
 *
 * A record of the kernel's audit is the same record in the live stream, the daemon's log, the journal and the kernel log:
 * its time, its serial and what it says. Any other event is the same only when all of it is.
 */

import { hash } from 'node:crypto';
import type { DenialEvent, DenialSource } from '../../model/denial.ts';
import { eventToJson } from '../event.ts';
import { toPlain } from '../shape.ts';

/** The tellers that pass on the same records. */
const SAME_RECORDS: ReadonlySet<DenialSource> = new Set(['audit', 'log', 'journal', 'kmsg']);

/** How many identities are remembered for counting repetitions, twice. */
const GENERATION = 50_000;

/**
 * The identity of an event, up to repetition.
 *
 * @returns text; equal for the same denial
 */
export function identityOf(event: DenialEvent): string {
  if (event.serial === undefined || !SAME_RECORDS.has(event.source))
    return JSON.stringify(eventToJson(event));
  const { serial, missing, object } = event;
  const domain = event.domain === undefined ? null : String(event.domain.id);
  return JSON.stringify([
    Math.round(event.time * 1000),
    serial,
    domain,
    [...missing].sort(),
    toPlain(object),
  ]);
}

/**
 * Counts how often an identity came in one reading of a source, so that a record that a log holds twice counts twice, and
 * the same log read again counts nothing.
 */
export class Repetitions {
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  /** The digest of an identity with its number in this reading, 16 bytes. */
  digest(identity: string): Uint8Array {
    const number = (this.#young.get(identity) ?? this.#old.get(identity) ?? -1) + 1;
    this.#young.set(identity, number);
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    return hash('sha256', `${number}\0${identity}`, 'buffer').subarray(0, 16);
  }
}
