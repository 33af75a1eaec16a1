/**
 * The main thread's side of host names: starts the name server's thread for a policy, and hands its news to the deciding
 * thread.
 *
 * Owns the thread. It is started before the deciding thread restricts itself, and only for policies that name hosts.
 */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { LandwardError } from '../../errors.ts';
import type { RuleLayer } from '../../model/rules.ts';
import type { NameHandle } from './table.ts';
import type { NameSetup } from './thread.ts';
import type { NameView } from './view.ts';

/** A name server that runs for a policy. */
export interface NameService extends AsyncDisposable {
  readonly ports: NameView['ports'];
  /** For the deciding thread: `new NameTable(handle)` there. Its port has to be transferred. */
  readonly handle: NameHandle;
  readonly transfer: readonly MessagePort[];
}

/**
 * Starts a name server.
 *
 * @param policy the layers that are asked, and the names in them; with `observe`, names that would be refused are only told of
 * @throws {LandwardError} SUPERVISOR where it cannot be started
 * @example
 * const service = await startNames({ layers: plan.layers, names: plan.supervisor.names });
 */
export async function startNames(policy: {
  readonly layers: readonly RuleLayer[];
  readonly names: readonly string[];
  readonly observe?: boolean;
}): Promise<NameService> {
  const { port1, port2 } = new MessageChannel();
  const setup: NameSetup = { ...policy, port: port1 };
  const worker = new Worker(threadFile(), { workerData: setup, transferList: [port1], execArgv: [] });
  try {
    const [ports] = (await once(worker, 'message')) as [NameView['ports']];
    worker.unref();
    // A defect there leaves names unknown, which is a denial for the program.
    worker.on('error', () => {});
    return {
      ports,
      handle: { port: port2, ports },
      transfer: [port2],
      [Symbol.asyncDispose]: async () => void (await worker.terminate()),
    };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LandwardError('SUPERVISOR', `The name server of the supervisor cannot be started: ${why}`, {
      cause,
    });
  }
}

/** The thread's entry: beside this file, in a clone, in the library and in the bundle of the command line. */
function threadFile(): string {
  const places = ['thread.ts', 'thread.js', 'names-thread.mjs'].map((name) =>
    join(import.meta.dirname, name),
  );
  const found = places.find((place) => existsSync(place));
  if (found === undefined)
    throw new LandwardError('SUPERVISOR', `The name server's file is missing: ${places[1]}`);
  return found;
}
