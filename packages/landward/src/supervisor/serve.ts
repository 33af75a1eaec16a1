/**
 * The life of the deciding thread: it restricts itself with the plan's own kernel ruleset, and then serves until it is told
 * to end.
 *
 * After the restriction nothing can be loaded any more: whoever calls this has imported everything.
 */

import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { call } from '../kernel/call.ts';
import { Inbox } from '../kernel/inbox.ts';
import { setNoNewPrivs } from '../kernel/process.ts';
import { CLONE } from '../uapi/clone.ts';
import type { CallTable } from './call.ts';
import { beDecider } from './decider.ts';
import type { LayerChanges } from './live-layers.ts';
import { Loop } from './loop.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './messages.ts';
import { NameTable } from './names/table.ts';

/**
 * Serves with the given handlers; returns when it is told to end.
 *
 * @param changes who changes the layers of the plan, where they may change
 */
export function serve(table: CallTable, changes?: LayerChanges): void {
  const { plan, floor, wake, names, port } = workerData as WorkerSetup;
  blockSignals();
  beDecider();
  // A umask and a working directory of its own: acting for targets must not change those of the process.
  call('part from the directory of the process', 'unshare', CLONE.FS);
  const loop = new Loop({
    plan,
    table,
    changes,
    names: names === undefined ? undefined : new NameTable(names),
    main: {
      post: (message: FromWorker) => port.postMessage(message),
      next: () => receiveMessageOnPort(port)?.message as ToWorker | undefined,
    },
  });
  if (floor !== null) {
    setNoNewPrivs();
    call('enter the floor of the plan', 'landlock_restrict_self', floor, plan.ruleset?.restrictFlags ?? 0);
  }
  // Its threads inherit the restriction, so it is made now.
  using inbox = new Inbox({ wakeFd: wake });
  port.postMessage({ kind: 'ready' } satisfies FromWorker);
  loop.run(inbox);
  port.close();
}

const SIG_BLOCK = 0;
const SIGSET_BYTES = 8;
/** Signals that a thread causes itself, and those that libcs keep for threads of their own process. */
const UNBLOCKED = [4, 5, 7, 8, 11, 31, 32, 33, 34] as const;

/** Signals of the process are for its other threads: an interrupted answer would be lost. */
function blockSignals(): void {
  let mask = 0xffff_ffff_ffff_ffffn;
  for (const signal of UNBLOCKED) mask &= ~(1n << BigInt(signal - 1));
  call('block signals', 'rt_sigprocmask', SIG_BLOCK, new BigUint64Array([mask]), null, SIGSET_BYTES);
}
