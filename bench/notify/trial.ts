/**
 * One trial of the notify bench: a program asks COUNT times and is answered, by a bare RECV on this thread or through an inbox.
 * Prints microseconds a call, and what was left behind, as JSON. With a large count it is the soak test of the inbox:
 *
 *   node bench/notify/trial.ts inbox 10000000
 */

import { readdirSync } from 'node:fs';
import { attempt } from '../../packages/landward/src/kernel/call.ts';
import { Inbox } from '../../packages/landward/src/kernel/inbox.ts';
import { sendValue } from '../../packages/landward/src/kernel/notify.ts';
import { SECCOMP_IOCTL_NOTIF } from '../../packages/landward/src/uapi/seccomp.ts';
import { SECCOMP_NOTIF } from '../../packages/landward/src/uapi/structs.ts';
import { watch } from '../../test/kit/listener.ts';
import { compileC } from '../kit/timer.ts';

const [mode, wanted] = process.argv.slice(2) as ['inbox' | 'bare', string];
const count = Number(wanted);
const program = compileC('test/kit/notified.c', 'notified');
const state = () => ({ rss: process.memoryUsage.rss(), fds: readdirSync('/proc/self/fd').length });

const inbox = new Inbox();
// The program starts at once; nobody receives for a bare trial but the loop below.
const { listener } = watch(inbox, 1, ['getppid'], [program, 'loop', wanted], { receive: mode === 'inbox' });
const before = state();
const cpu = process.cpuUsage();
const begin = performance.now();
const answered = mode === 'inbox' ? throughInbox() : bare();
const wall = performance.now() - begin;
const { user, system } = process.cpuUsage(cpu);
const after = state();
console.log(
  JSON.stringify({
    answered,
    wallUs: (wall * 1000) / answered,
    cpuUs: (user + system) / answered,
    grownBytes: after.rss - before.rss,
    grownDescriptors: after.fds - before.fds,
  }),
);
inbox.close();

function throughInbox(): number {
  let calls = 0;
  for (;;) {
    const entries = inbox.next(1000);
    for (let i = 0; i < entries; i++) {
      const kind = inbox.kind(i);
      if (kind === 'hungup') return calls;
      if (kind !== 'notification') continue;
      sendValue(listener, inbox.id(i), inbox.tid(i));
      calls++;
    }
  }
}

function bare(): number {
  const bytes = new Uint8Array(SECCOMP_NOTIF.size);
  const view = new DataView(bytes.buffer);
  const { id, pid } = SECCOMP_NOTIF.fields;
  for (let calls = 0; ; ) {
    if (calls === count) return calls;
    bytes.fill(0);
    if (attempt('ioctl', listener, SECCOMP_IOCTL_NOTIF.RECV, bytes) < 0) continue;
    sendValue(listener, view.getBigUint64(id[0], true), view.getUint32(pid[0], true));
    calls++;
  }
}
