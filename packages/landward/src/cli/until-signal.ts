/** Commands that go on until they are interrupted: the first signal ends them in good order, a second one at once. */

/**
 * Runs a task until it ends or SIGINT, SIGTERM or SIGHUP comes.
 *
 * @param task ends soon after its signal aborts
 */
export async function untilSignal<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const end = (name: NodeJS.Signals) => {
    if (stop.signal.aborted) process.kill(process.pid, name);
    stop.abort();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.once(name, end);
  try {
    return await task(stop.signal);
  } finally {
    for (const name of names) process.off(name, end);
  }
}
