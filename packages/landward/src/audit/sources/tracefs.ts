/**
 * Landlock's trace events, live: an instance of ftrace of our own, so that nobody else's trace is touched. Owns making and
 * removing the instance; one that a killed reader left is removed by the next.
 */

import { closeSync, existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LandwardError } from '../../errors.ts';
import { openDevice, readDevice } from './kernel-log.ts';
import { type Source, type SourceItem, type SourceOptions, sourceOf } from './source.ts';
import { TraceFormat } from './trace.ts';

const TRACEFS = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];
const NAME = /^landward-(\d+)$/;

/**
 * Opens the trace events of Landlock.
 *
 * @throws LandwardError SOURCE, when it is first read, on kernels without them and for users who may not
 */
export function openTracefs(options: SourceOptions = {}): Source {
  return sourceOf('tracepoint', batches(options));
}

async function* batches({ signal }: SourceOptions): AsyncGenerator<readonly SourceItem[]> {
  const instance = makeInstance();
  let fd = -1;
  try {
    fd = openDevice(join(instance, 'trace_pipe'));
    const epoch = Date.now() - Number(process.hrtime.bigint()) / 1e6;
    writeFileSync(join(instance, 'events/landlock/enable'), '1');
    yield* readDevice(fd, new TraceFormat(epoch), { signal, follow: true });
  } finally {
    if (fd >= 0) closeSync(fd);
    removeInstance(instance);
  }
}

function makeInstance(): string {
  const instances = TRACEFS.map((root) => join(root, 'instances')).find((path) => existsSync(path));
  if (instances === undefined)
    throw new LandwardError(
      'SOURCE',
      'Cannot read trace events: tracefs is not mounted, or not for this user',
      {
        fix: 'Run it as root, with tracefs mounted on /sys/kernel/tracing',
      },
    );
  for (const name of readdirSync(instances)) {
    const owner = NAME.exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) removeInstance(join(instances, name));
  }
  if (!existsSync(join(instances, '../events/landlock')))
    throw new LandwardError('SOURCE', 'Cannot read trace events: this kernel has none for Landlock', {
      fix: "Linux 7.3 has them; before that, read the kernel's audit",
    });
  const instance = join(instances, `landward-${process.pid}`);
  try {
    mkdirSync(instance);
    // The clock of process.hrtime, so that times can be told in milliseconds since 1970.
    writeFileSync(join(instance, 'trace_clock'), 'mono');
  } catch (cause) {
    throw new LandwardError(
      'SOURCE',
      `Cannot make a trace instance: ${(cause as NodeJS.ErrnoException).code}`,
      {
        fix: 'It takes root, and one reader a process',
        cause,
      },
    );
  }
  return instance;
}

function removeInstance(instance: string): void {
  try {
    rmdirSync(instance);
  } catch {
    // Still open in another process of that number; it removes it.
  }
}
