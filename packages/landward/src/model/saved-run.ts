/**
 * What of a run must be made again for it to be the same run: its layers with versions and seals, and the domains that its
 * programs made. Plain data: numbers of 64 bits are in decimal digits.
 *
 * Owns the shape. Who saves and restores is the supervisor's.
 */

import type { RuleStack } from './layers/rule-stack.ts';

/** A run as it was. */
export interface SavedRun {
  /** Its id, which is the mark of its processes. */
  readonly id: string;
  /** The layers, where some may change or could once. */
  readonly layers: RuleStack | null;
  readonly landlock: SavedLandlock | null;
}

/** The domains of a run's programs. */
export interface SavedLandlock {
  /** Where the generator of identifiers goes on. */
  readonly next: string;
  /** Each after the one that it is nested in. */
  readonly domains: readonly SavedDomain[];
  /** By number; the first is that of threads in no domain. */
  readonly states: readonly (SavedState | null)[];
  readonly threads: readonly SavedThread[];
  /** The number with which the next program starts. */
  readonly start: number;
}

/** The youngest layer of a domain. */
export interface SavedDomain {
  /** The index of the domain that it is nested in. */
  readonly parent: number | null;
  readonly id: string | null;
  readonly log: { readonly sameExec: boolean; readonly newExec: boolean; readonly disabled: boolean };
  /** `TID.version`; `0.0` where that was not seen. */
  readonly name: string;
  readonly handledFs: number;
  readonly handledNet: number;
  readonly scoped: number;
  readonly quietFs: number;
  readonly quietNet: number;
  readonly quietScoped: number;
  readonly paths: readonly SavedPath[];
  readonly ports: readonly { readonly port: number; readonly access: number; readonly quiet: boolean }[];
}

/** A rule about an object, which must be the same one at the restore. */
export interface SavedPath {
  readonly path: string | null;
  readonly dev: string;
  readonly ino: string;
  readonly handle: string;
  readonly type: string;
  readonly access: number;
  readonly quiet: boolean;
}

/** What threads carry. */
export interface SavedState {
  /** The index of the domain. */
  readonly domain: number | null;
  readonly muted: boolean;
  readonly noNewPrivs: boolean;
}

/** A thread, and the number of its state. */
export interface SavedThread {
  readonly pid: number;
  readonly tid: number;
  readonly comm: string;
  readonly state: number;
}

/** What a supervisor answers to a checkpoint: the run, and by name what of it no restore could bring back. */
export interface Saved {
  readonly run: SavedRun;
  readonly refused: readonly string[];
  /** What is gone after a restore without anything being allowed by that. */
  readonly lost: readonly string[];
}
