/**
 * The denials of one run on their way to the main thread: the first of each kind is told at once, the others are counted.
 *
 * A program that is denied a million times must neither fill the memory nor the log. Owns no text.
 */

import type { DenialEvent } from '../model/denial.ts';

/** Different denials that are told; what comes later is counted only, and the count says so. */
const MOST = 10_000;

/** Different notes that are told. */
const MOST_NOTES = 100;

/** The way to the main thread. */
export interface ReportEars {
  denied(events: readonly DenialEvent[]): void;
  noted(text: string, defect: boolean): void;
}

export class Reports {
  readonly #ears: ReportEars;
  readonly #notes = new Set<string>();
  readonly #seen = new Set<string>();
  #dropped = 0;

  constructor(ears: ReportEars) {
    this.#ears = ears;
  }

  /** Denials that were not told: like an earlier one, quiet, or beyond what is kept. */
  get dropped(): number {
    return this.#dropped;
  }

  add(event: DenialEvent): void {
    const key = keyOf(event);
    if (this.#seen.has(key) || this.#seen.size >= MOST) {
      this.#dropped++;
      return;
    }
    this.#seen.add(key);
    this.#ears.denied([event]);
  }

  /** Counts a denial that is not to be told. */
  hush(): void {
    this.#dropped++;
  }

  /** Tells why calls were refused that no rule denies, once each. */
  note(text: string, defect: boolean): void {
    if (this.#notes.has(text) || this.#notes.size >= MOST_NOTES) return;
    this.#notes.add(text);
    this.#ears.noted(text, defect);
  }
}

/** Denials are alike where a person would read the same sentence. */
function keyOf({
  operation,
  effect,
  errno,
  missing,
  object,
  process,
  domain,
  side,
  made,
  blame,
  program,
}: DenialEvent): string {
  const shown = Object.entries(object).map(([name, value]) => `${name}=${value}`);
  return [
    operation,
    blame?.version,
    effect,
    errno,
    side ?? '',
    made ?? '',
    program ?? '',
    process?.exe ?? '',
    domain?.id ?? '',
    ...missing,
    ...shown,
  ].join('\0');
}
