/**
 * The kernel's audit, live: every record as it is written, from any number of readers at once. Turns audit on for the time
 * of reading where that is asked and allowed, and says what it cannot see: records that were lost, rules that exclude
 * Landlock, audit that is off.
 */

import { KernelError, LandwardError } from '../../errors.ts';
import { AuditControl, AuditReader } from '../../kernel/audit.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { Joiner } from '../parse/joiner.ts';
import { namespaceDoubt } from './audit-namespaces.ts';
import { turnOnAudit } from './audit-switch.ts';
import { excluding } from './exclusions.ts';
import { type Source, type SourceItem, sourceOf } from './source.ts';

export interface NetlinkOptions {
  readonly signal?: AbortSignal | undefined;
  /** Turns audit on while reading, where it is off. */
  readonly turnOn?: boolean | undefined;
  /** Called once, when every record from now on will be seen. */
  readonly ready?: (() => void) | undefined;
}

/** How long the companions of a denial may take, milliseconds: they come when its system call ends. */
const COMPANIONS_MS = 200;
const LOOK_MS = 1000;
/** Records that are taken before others of this process get their turn. */
const BATCH = 4096;

/**
 * Opens the kernel's audit.
 *
 * @returns a source that ends when its signal aborts
 * @throws LandwardError SOURCE, when it is first read, without CAP_AUDIT_READ or outside of the first namespaces
 */
export function openNetlink(options: NetlinkOptions = {}): Source {
  return sourceOf('audit', batches(options));
}

async function* batches(options: NetlinkOptions): AsyncGenerator<readonly SourceItem[]> {
  const { signal } = options;
  const joiner = new Joiner('audit');
  using reader = openReader();
  using control = new State(joiner, options.turnOn === true);
  options.ready?.();
  for (;;) {
    const empty = drain(reader, joiner);
    if (empty) control.look();
    const items = joiner.take();
    if (items.length > 0) yield items;
    if (!empty) continue;
    if (signal?.aborted) break;
    const more = await reader.readable(joiner.waiting ? COMPANIONS_MS : LOOK_MS, signal);
    if (!more) joiner.flush();
  }
  control.count();
  joiner.flush();
  const items = joiner.take();
  if (items.length > 0) yield items;
}

function openReader(): AuditReader {
  try {
    return new AuditReader();
  } catch (cause) {
    if (!(cause instanceof KernelError)) throw cause;
    throw new LandwardError('SOURCE', `Cannot read the kernel's audit: ${cause.message}`, {
      fix:
        cause.errno === ERRNO.EPERM
          ? 'It takes CAP_AUDIT_READ in the first user and PID namespaces: run it with sudo, or read a log'
          : 'This kernel may have no audit: read a log, or use a supervised run',
      cause,
    });
  }
}

/** Takes what waits; whether all of it. */
function drain(reader: AuditReader, joiner: Joiner): boolean {
  for (let count = 0; count < BATCH; count++) {
    const record = reader.receive();
    if (record === 'empty') return true;
    if (record === 'overrun')
      joiner.loss({ what: 'lost', count: 0, reason: 'records came faster than this process took them' });
    else joiner.record(record.type, record.payload);
  }
  return false;
}

/** The state of audit as far as this process may know it, told as losses. */
class State implements Disposable {
  readonly #joiner: Joiner;
  #control: AuditControl | undefined;
  #switch: Disposable | undefined;
  #lost = 0;
  #on = false;
  #next = 0;

  constructor(joiner: Joiner, turnOn: boolean) {
    this.#joiner = joiner;
    const deaf = namespaceDoubt();
    if (deaf !== null) this.#unseen(deaf);
    const control = new AuditControl();
    try {
      const status = control.status();
      this.#control = control;
      this.#lost = status.lost;
      const held = turnOn ? turnOnAudit(control) : undefined;
      this.#switch = held;
      this.#on = held?.on ?? status.enabled !== 0;
      if (!this.#on) this.#unseen(held?.reason ?? 'audit is switched off: denials are not recorded');
      const rules = control.rules();
      if (excluding(rules, 1423) > 0)
        this.#unseen('an audit rule excludes records: some denials may not be recorded');
    } catch (error) {
      if (this.#control === undefined) control[Symbol.dispose]();
      if (!(error instanceof KernelError)) throw error;
      this.#unseen("audit's state cannot be asked for without CAP_AUDIT_CONTROL here: it may be off");
    }
  }

  /** Counts what the kernel has lost since the last look. */
  look(now = performance.now()): void {
    if (now < this.#next) return;
    this.#next = now + LOOK_MS;
    this.count();
  }

  count(): void {
    if (this.#control === undefined) return;
    const { lost, enabled } = this.#control.status();
    if (enabled === 0 && this.#on)
      this.#unseen('audit was switched off meanwhile: denials are not recorded any more');
    this.#on = enabled !== 0;
    const count = (lost - this.#lost) >>> 0;
    this.#lost = lost;
    if (count > 0)
      this.#joiner.loss({
        what: 'lost',
        count,
        reason: 'the kernel had no room for records of audit, of any kind',
      });
  }

  #unseen(reason: string): void {
    this.#joiner.loss({ what: 'unread', count: 0, reason });
  }

  [Symbol.dispose](): void {
    this.#switch?.[Symbol.dispose]();
    this.#control?.[Symbol.dispose]();
  }
}
