/** Making a deciding Worker, up to where it serves. Owns nothing of it afterwards. */

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { LandwardError } from '../errors.ts';
import { attempt, call } from '../kernel/call.ts';
import { EFD } from '../uapi/open.ts';
import { workerModule } from './entry.ts';
import type { WorkerSetup } from './messages.ts';
import type { SupervisedPlan } from './run.ts';
import type { SupervisorOptions } from './run-listener.ts';

const WORKER_FILES = ['worker.ts', 'worker.js', 'supervisor-worker.cjs'];

/** A Worker that serves, the way to it, and the eventfd that tells it of messages. */
export interface OpenedWorker {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly wake: number;
}

/**
 * Opens a Worker for a plan.
 *
 * @throws {LandwardError} SUPERVISOR where it cannot be made
 */
export async function openWorker(plan: SupervisedPlan, options: SupervisorOptions): Promise<OpenedWorker> {
  const { floor, names, entry = workerModule(import.meta.dirname, WORKER_FILES) } = options;
  const wake = call('make an eventfd', 'eventfd2', 0, EFD.CLOEXEC | EFD.NONBLOCK);
  const { port1, port2 } = new MessageChannel();
  const setup: WorkerSetup = { plan, floor, wake, port: port2, names: names?.handle };
  const worker = new Worker(entry, {
    workerData: setup,
    transferList: [port2, ...(names?.transfer ?? [])],
    // Options of this process (an inspector, modules to load first) are not the Worker's.
    execArgv: [],
  });
  await new Promise<void>((ready, refuse) => {
    const fail = (cause: unknown) => {
      attempt('close', wake);
      const message = cause instanceof Error ? cause.message : String(cause);
      refuse(new LandwardError('SUPERVISOR', `The supervisor cannot be made: ${message}`, { cause }));
    };
    worker.once('error', fail);
    worker.once('exit', (code) => fail(`its thread ended with ${code}`));
    port1.once('message', () => {
      worker.removeAllListeners();
      ready();
    });
  });
  return { worker, port: port1, wake };
}
