/**
 * Records of audit, one at a time, joined to events: a denial with the SYSCALL, PROCTITLE and PATH records that have its
 * stamp. Denials outside of a system call have none, and those of other events may come in between.
 *
 * Memory is bounded: a denial waits for its companions until the event ends, or until `PATIENCE` further records have
 * passed. Domains are told at once. What names Landlock and can't be read is a loss, never left out.
 */

import type { DenialSource } from '../../model/denial.ts';
import { type AccessRecord, type AuditRecord, type Parsed, parseAudit } from '../../model/records/index.ts';
import type { Loss, SourceItem } from '../sources/source.ts';
import { type CallFacts, readCompanion } from './call.ts';
import { denialOf, timeOf } from './denial-of.ts';

/** Records that may come between a denial and the end of its event. */
const PATIENCE = 64;
/** Denials of one event that wait: a signal to all processes has thousands. */
const CROWD = 1024;
/** What is kept of a line that can't be read, characters. */
const SAMPLE = 200;

interface Pending {
  readonly denials: AccessRecord[];
  facts: CallFacts;
  /** The number of the record that last belonged to it. */
  last: number;
}

const LINE = /^(?:node=\S+ )?type=(\S+) msg=audit\(([0-9.:]+)\): ?/;
/** A line that its type says is Landlock's, whatever follows. */
const CLAIM = /^(?:node=\S+ )?type=(?:LANDLOCK_|UNKNOWN\[142[34]\]|142[34]\b)/;

/** Why a record that is well formed can't be whole: the line was cut between two fields. `null` where it can. */
function doubt(record: AuditRecord): string | null {
  // Another record follows on the same line; what is behind the cut is not this record's own.
  if (record.foreign?.some(({ key }) => key === 'type' || key === 'msg')) return 'two records on one line';
  if (record.type !== 'access' || record.object.kind !== 'none') return null;
  return record.blockers.some((blocker) => !blocker.startsWith('net.')) ? 'the object is missing' : null;
}

/** Joins the records of one stream. Items are collected until `take`. */
export class Joiner {
  readonly #source: DenialSource;
  readonly #pending = new Map<string, Pending>();
  #items: SourceItem[] = [];
  #seen = 0;

  constructor(source: DenialSource) {
    this.#source = source;
  }

  /** Whether a denial waits for its companions: until then, records that name no Landlock may matter. */
  get waiting(): boolean {
    return this.#pending.size > 0;
  }

  /** Takes a line as a daemon logs it (`type=… msg=audit(…): …`). Lines that are no record of audit are passed over. */
  line(line: string): void {
    const head = LINE.exec(line);
    if (CLAIM.test(line)) this.#landlock(line, parseAudit(line));
    else if (head !== null) this.#companion(head[1]!, head[2]!, line.slice(head[0].length));
    this.#age();
  }

  /**
   * Takes a record that came with its type.
   *
   * @param payload from `audit(` on
   */
  record(type: number, payload: string): void {
    if (type === 1423 || type === 1424) this.#landlock(payload, parseAudit(payload, type));
    else {
      const head = /^audit\(([0-9.:]+)\): ?/.exec(payload);
      if (head !== null) this.#companion(String(type), head[1]!, payload.slice(head[0].length));
    }
    this.#age();
  }

  /** Tells of something that could not be read. */
  loss(loss: Omit<Loss, 'kind' | 'source'>): void {
    this.#items.push({ kind: 'loss', source: this.#source, ...loss });
  }

  /** Stops waiting: everything that is known is told. */
  flush(): void {
    for (const pending of this.#pending.values()) this.#tell(pending);
    this.#pending.clear();
  }

  /** The items since the last time. */
  take(): readonly SourceItem[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  #landlock(line: string, read: Parsed<AuditRecord>): void {
    const reason = read.ok ? doubt(read.value) : read.reason;
    if (!read.ok || reason !== null) {
      this.loss({ what: 'malformed', count: 1, reason: reason ?? '', sample: line.slice(0, SAMPLE) });
      return;
    }
    const record = read.value;
    const time = timeOf(record.stamp);
    const base = { kind: 'domain', source: this.#source, time, id: record.domain } as const;
    switch (record.type) {
      case 'access': {
        const { seconds, milliseconds, serial } = record.stamp;
        const key = `${seconds}.${String(milliseconds).padStart(3, '0')}:${serial}`;
        const pending = this.#pending.get(key);
        if (pending === undefined) this.#pending.set(key, { denials: [record], facts: {}, last: this.#seen });
        else {
          pending.denials.push(record);
          pending.last = this.#seen;
          if (pending.denials.length >= CROWD) {
            this.#tell(pending);
            pending.denials.length = 0;
          }
        }
        break;
      }
      case 'allocated': {
        const { pid, uid, comm, exe, mode } = record;
        const enforcer = { pid, comm, ...(exe === null ? {} : { exe }), uid };
        this.#items.push({ ...base, what: { state: 'named', enforcer, mode } });
        break;
      }
      case 'deallocated':
        // Its count is compared with the denials that were told before.
        for (const [stamp, pending] of this.#pending)
          if (pending.denials.some(({ domain }) => domain === record.domain)) {
            this.#pending.delete(stamp);
            this.#tell(pending);
          }
        this.#items.push({ ...base, what: { state: 'freed', denials: record.denials } });
    }
  }

  #companion(type: string, stamp: string, body: string): void {
    const pending = this.#pending.get(stamp);
    if (pending === undefined) return;
    const read = readCompanion(type, body, pending.facts);
    pending.last = this.#seen;
    if (read === null) return;
    pending.facts = read.facts;
    if (!read.ends) return;
    this.#pending.delete(stamp);
    this.#tell(pending);
  }

  #age(): void {
    this.#seen++;
    for (const [stamp, pending] of this.#pending) {
      if (this.#seen - pending.last <= PATIENCE) break;
      this.#pending.delete(stamp);
      this.#tell(pending);
    }
  }

  #tell({ denials, facts }: Pending): void {
    for (const record of denials)
      this.#items.push({ kind: 'denial', event: denialOf(this.#source, record, facts) });
  }
}
