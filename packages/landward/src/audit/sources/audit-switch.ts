/**
 * Turns the kernel's audit on while somebody reads it, and leaves its state as it was found.
 *
 * The state before is kept in a file of root's, under a lock that every reader shares: the last one puts it back. One
 * that was killed leaves the file behind, and the next one puts back what that says. A state that an administrator
 * chose (audit already on) is never touched.
 */

import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { AuditControl } from '../../kernel/audit.ts';
import { attempt } from '../../kernel/call.ts';
import { AUDIT_STATUS_MASK } from '../../uapi/audit.ts';

const LOCK = { SHARED: 1, EXCLUSIVE: 2, NOW: 4 } as const;
/** Where root keeps what is true until the next boot. */
const STATE = '/run/landward-audit.lock';
/** The kernel's own limit of 64 loses records in bursts. */
const BACKLOG = 8192;

/** How long others may take to turn audit on or off. */
const ROUNDS = 50;
const ROUND_MS = 10;

/** What the kernel's audit was like when it was found, and how to leave it. */
export interface AuditSwitch extends Disposable {
  /** Whether audit writes records now. */
  readonly on: boolean;
  /** Why it is not on, in words of landward's own. */
  readonly reason?: string;
}

/**
 * Sees to it that audit is on.
 *
 * @param control a socket that may change audit
 * @returns the switch; disposing it puts the state back unless another reader still needs it
 */
export function turnOnAudit(control: AuditControl): AuditSwitch {
  const fd = openState();
  if (fd === undefined)
    return control.status().enabled === 0
      ? off('audit is not switched on: the state before it could not be kept in /run, to put it back')
      : { on: true, [Symbol.dispose]() {} };
  try {
    if (!hold(fd, control)) {
      closeSync(fd);
      return off('another program holds audit for itself: try again');
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  let open = true;
  const leave = () => {
    if (!open) return;
    open = false;
    process.removeListener('exit', leave);
    if (attempt('flock', fd, LOCK.EXCLUSIVE | LOCK.NOW) === 0) {
      using last = new AuditControl();
      restore(fd, last);
    }
    closeSync(fd);
  };
  process.on('exit', leave);
  return { on: true, [Symbol.dispose]: leave };
}

function off(reason: string): AuditSwitch {
  return { on: false, reason, [Symbol.dispose]() {} };
}

/** Shares the lock with audit on. Others may turn it on or off for themselves at this moment, and are waited for. */
function hold(fd: number, control: AuditControl): boolean {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  for (let round = 0; round < ROUNDS; round++) {
    if (attempt('flock', fd, LOCK.EXCLUSIVE | LOCK.NOW) === 0) settle(fd, control);
    if (attempt('flock', fd, LOCK.SHARED | LOCK.NOW) === 0 && control.status().enabled !== 0) return true;
    Atomics.wait(nothing, 0, 0, ROUND_MS);
  }
  return false;
}

/** The file of the state before, or nothing for a user who may not keep it. */
function openState(): number | undefined {
  try {
    return openSync(STATE, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch {
    return undefined;
  }
}

/** Alone: puts back what a killed reader left, then turns audit on where it is off. */
function settle(fd: number, control: AuditControl): void {
  restore(fd, control);
  const { enabled, backlog_limit } = control.status();
  if (enabled !== 0) return;
  const before = `${JSON.stringify({ enabled, backlog_limit })}\n`;
  writeSync(fd, before, 0);
  const roomier = backlog_limit !== 0 && backlog_limit < BACKLOG ? BACKLOG : backlog_limit;
  const mask = AUDIT_STATUS_MASK.ENABLED | AUDIT_STATUS_MASK.BACKLOG_LIMIT;
  control.set({ mask, enabled: 1, backlog_limit: roomier });
}

function restore(fd: number, control: AuditControl): void {
  const text = readFileSync(`/proc/self/fd/${fd}`, 'utf8');
  const before = /^\{"enabled":0,"backlog_limit":(\d{1,9})\}\n$/.exec(text);
  if (before !== null && control.status().enabled === 1) {
    const mask = AUDIT_STATUS_MASK.ENABLED | AUDIT_STATUS_MASK.BACKLOG_LIMIT;
    control.set({ mask, enabled: 0, backlog_limit: Number(before[1]) });
  }
  ftruncateSync(fd, 0);
}
