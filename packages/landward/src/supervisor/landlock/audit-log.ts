/**
 * The log of user-space Landlock: what the kernel would have written of a run's denials and domains, handed to the programs of
 * the run that read audit.
 *
 * Owns when something is logged. The records are `model/records`, the sockets `audit-clients.ts`.
 */

import type { Denial, Node } from '../../model/landlock/index.ts';
import { type AuditRecord, type Journal, type Stamp, startJournal } from '../../model/records/index.ts';
import type { Question } from '../authority.ts';
import type { Call } from '../call.ts';
import type { Run } from '../run.ts';
import { AuditClients } from './audit-clients.ts';
import { Describer } from './audit-describe.ts';
import type { LandlockRun } from './landlock-run.ts';
import type { ThreadState } from './threads.ts';

/** How often the end of domains is looked for, milliseconds. */
const TICK_MS = 20;
/** Every so many looks, readers that are gone are forgotten. */
const FORGETTING = 50;

/** Which denial, for the describer of its object. */
export interface Occasion {
  readonly call: Call;
  readonly question: Question;
}

export class AuditLog implements Disposable {
  readonly clients = new AuditClients();
  readonly #describer = new Describer();
  readonly #journal: Journal;
  readonly #landlock: LandlockRun;
  #serial = 0;
  #ticks = 0;
  #watch: Disposable | undefined;

  constructor(landlock: LandlockRun) {
    this.#landlock = landlock;
    this.#journal = startJournal(this.#describer, () => this.clients.enabled);
  }

  /** A layer was enforced by the calling thread. */
  enforced(node: Node, call: Call): void {
    this.#describer.enforced(node, call);
  }

  /** A request was denied. */
  denied(denials: readonly Denial[], occasion: Occasion): void {
    this.#describer.occasion = occasion;
    const records = this.#journal.denied(denials, this.#stamp());
    const exe = records.length === 0 ? undefined : occasion.call.target.exe();
    for (const record of records) this.#write(record, exe);
    this.clients.flush();
  }

  /** Looks now and then, as long as somebody reads. */
  watch(run: Run): void {
    this.#watch ??= run.every(TICK_MS, () => this.tick());
  }

  /** Looks for domains that no thread has any more, and hands on what could not be handed on before. */
  tick(): void {
    this.#ticks++;
    if (this.#ticks % FORGETTING === 0) this.clients.forget();
    if (!this.clients.isRead) {
      this.#watch?.[Symbol.dispose]();
      this.#watch = undefined;
      return;
    }
    const ended = this.#landlock.threads.sweep();
    for (const node of this.#freed(ended))
      for (const record of this.#journal.freed(node, this.#stamp())) this.#write(record, undefined);
    this.clients.flush();
  }

  /** The layers of ended states that no other state has, the youngest first. */
  #freed(ended: readonly ThreadState[]): Node[] {
    const alive = new Set<Node>();
    for (const { credential } of this.#landlock.threads.inUse())
      for (let node = credential.domain?.node ?? null; node !== null; node = node.parent) alive.add(node);
    const freed = new Set<Node>();
    for (const { credential } of ended)
      for (let node = credential.domain?.node ?? null; node !== null && !alive.has(node); node = node.parent)
        freed.add(node);
    return [...freed].sort((a, b) => b.depth - a.depth);
  }

  #write(record: AuditRecord, exe: string | undefined): void {
    this.clients.write(record, exe);
  }

  #stamp(): Stamp {
    const now = Date.now();
    this.#serial++;
    return { seconds: Math.floor(now / 1000), milliseconds: now % 1000, serial: this.#serial };
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.clients[Symbol.dispose]();
  }
}
