/** The journal of this host through `journalctl`, which knows its files, its rotation and who may read what. */

import { spawn, spawnSync } from 'node:child_process';
import { LandwardError } from '../../errors.ts';
import type { Piece } from './input.ts';
import { JournalFormat } from './journal.ts';
import { readPieces } from './pieces.ts';
import { type Source, type SourceOptions, sourceOf } from './source.ts';

const IDLE_MS = 200;

/**
 * Opens the journal: what it holds, or with `follow` what comes from now on.
 *
 * @throws LandwardError SOURCE, when it is first read, where there is no `journalctl` or it fails
 */
export function openJournal(options: SourceOptions = {}): Source {
  return sourceOf('journal', readPieces(exported(options), new JournalFormat()));
}

async function* exported({ signal, follow }: SourceOptions): AsyncGenerator<Piece> {
  const end = follow === true ? ['--follow', '--lines=0'] : [];
  const args = ['--output=export', '--no-pager', ...end, '_TRANSPORT=audit', '+', '_TRANSPORT=kernel'];
  const child = spawn('journalctl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let silent = true;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 2000);
  });
  const closed = new Promise<{ readonly code: number | null; readonly error?: Error }>((done) => {
    child.once('error', (error) => done({ code: null, error })).once('close', (code) => done({ code }));
  });
  const stop = () => child.kill('SIGTERM');
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const chunks = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    for (let next = chunks.next(); ; ) {
      const idle =
        follow === true ? new Promise<null>((wait) => setTimeout(wait, IDLE_MS, null).unref()) : next;
      const first = await Promise.race([next, idle]);
      if (first === null) {
        yield Buffer.alloc(0);
        const result = await next;
        if (result.done === true) break;
        yield result.value;
      } else {
        if (first.done === true) break;
        silent = false;
        yield first.value;
      }
      next = chunks.next();
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
  const { code, error } = await closed;
  if (signal?.aborted) return;
  // A journal that is not there is as silent as one without denials.
  if (silent && said === '' && code === 0 && !hasFiles())
    yield { lost: 'there is no journal that this user may read' };
  // Entries of other users and of the system are left out for those who may not see them; then it says so.
  if (said !== '') yield { lost: 'journalctl says that it does not show everything to this user' };
  if (error !== undefined || code !== 0)
    throw new LandwardError(
      'SOURCE',
      `Cannot read the journal: journalctl ${error === undefined ? `ended with ${code}` : 'is not there'}`,
      {
        part: said,
        fix: 'Read a log, or the kernel log (kmsg)',
      },
    );
}

/** Whether there are files of a journal that this user may read. */
function hasFiles(): boolean {
  const { stdout } = spawnSync('journalctl', ['--header', '--no-pager'], { encoding: 'utf8' });
  return /^File path:/im.test(stdout ?? '');
}
