/** The kernel's audit in a test: read live under the lock that all who change audit share. */

import { closeSync, openSync } from 'node:fs';
import { excluding } from '../../packages/landward/src/audit/sources/exclusions.ts';
import { openNetlink } from '../../packages/landward/src/audit/sources/netlink.ts';
import type { SourceItem } from '../../packages/landward/src/audit/sources/source.ts';
import { AuditControl } from '../../packages/landward/src/kernel/audit.ts';
import { call } from '../../packages/landward/src/kernel/call.ts';
import { unmet } from './needs.ts';

/** Why the kernel's audit can't be read here, or nothing. */
export function auditUnmet(): string | undefined {
  const reason = unmet({ abi: 7, root: true });
  if (reason !== undefined) return reason;
  try {
    using control = new AuditControl();
    control.status();
    return undefined;
  } catch (error) {
    return `needs the kernel's audit: ${(error as Error).message}`;
  }
}

/** Whether audit is on, and its limit of waiting records. */
export function auditState(): readonly [enabled: number, backlog: number] {
  using control = new AuditControl();
  const { enabled, backlog_limit } = control.status();
  return [enabled, backlog_limit];
}

const ADD_RULE = 1011;
const DEL_RULE = 1012;

/**
 * Takes away rules that exclude records, and puts them back when disposed. Tests of the kernel that crash leave such
 * rules, and everything but that test is silent from then on.
 */
function withoutExclusions(): Disposable {
  using control = new AuditControl();
  const rules = control.rules().filter((rule) => excluding([rule], 1423) > 0);
  for (const rule of rules) control.ask('delete a rule', DEL_RULE, 0, rule);
  return {
    [Symbol.dispose]() {
      using after = new AuditControl();
      for (const rule of rules) after.ask('add a rule', ADD_RULE, 0, rule);
    },
  };
}

/**
 * Reads audit while something happens.
 *
 * @param during what happens; afterwards everything that it caused is waited for
 * @param enough whether all that is expected has come
 */
export async function whileReading(
  during: () => Promise<void>,
  enough: (items: readonly SourceItem[]) => boolean,
): Promise<readonly SourceItem[]> {
  // One at a time: what one takes away and puts back would be missing or in the way for another.
  using _ = testsLock();
  using __ = withoutExclusions();
  for (let round = 0; ; round++) {
    const items: SourceItem[] = [];
    const stop = new AbortController();
    const ready = Promise.withResolvers<void>();
    const reading = (async () => {
      const source = openNetlink({ signal: stop.signal, turnOn: true, ready: ready.resolve });
      for await (const item of source) items.push(item);
    })();
    reading.catch(ready.reject);
    await ready.promise;
    await new Promise((resume) => setTimeout(resume, 20));
    const held = items.some((item) => item.kind === 'loss' && item.reason.includes('holds audit for itself'));
    try {
      if (held && round < 600) continue;
      await during();
      for (let waits = 0; waits < 200 && !enough(items); waits++)
        await new Promise((resume) => setTimeout(resume, 25));
    } finally {
      stop.abort();
      await reading;
    }
    return items;
  }
}

/** Does something while no other test reads or changes audit. */
export async function holdingAudit(during: () => Promise<void>): Promise<void> {
  using _ = testsLock();
  using __ = withoutExclusions();
  // Readers share landward's own lock; who holds it alone is another kind of test.
  const shared = openSync('/run/landward-audit.lock', 'a');
  call('wait for other tests', 'flock', shared, LOCK_EXCLUSIVE);
  closeSync(shared);
  await during();
}

const LOCK_EXCLUSIVE = 2;

function testsLock(): Disposable {
  const fd = openSync('/run/landward-audit-tests.lock', 'a');
  call('wait for other tests', 'flock', fd, LOCK_EXCLUSIVE);
  return { [Symbol.dispose]: () => closeSync(fd) };
}
