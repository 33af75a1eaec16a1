/**
 * A source by the word that a person gives: `audit`, `journal`, `kmsg`, `tracepoint`, or a file, whose format is told from
 * its content. A file that is none of these is an error: reading it as one would find no denials in it.
 */

import { LandwardError } from '../../errors.ts';
import { quote } from '../../model/escape.ts';
import { readInput } from './input.ts';
import { JournalFormat } from './journal.ts';
import { openJournal } from './journalctl.ts';
import { JsonFormat } from './json-lines.ts';
import { KernelLogFormat, openKmsg } from './kernel-log.ts';
import { LogFormat } from './log.ts';
import { openNetlink } from './netlink.ts';
import { continued, type Format, readPieces } from './pieces.ts';
import { type Source, type SourceOptions, sourceOf } from './source.ts';
import { TraceFormat } from './trace.ts';
import { openTracefs } from './tracefs.ts';

/** Words that name a source of this host; anything else is a file. */
export const SOURCE_WORDS = ['audit', 'journal', 'kmsg', 'tracepoint'] as const;

/** The formats of files, and what tells them in the first bytes. */
const FORMATS = [
  { teller: 'journal', tells: /^__(?:CURSOR|REALTIME_TIMESTAMP)=/, make: () => new JournalFormat() },
  { teller: 'supervisor', tells: /^\s*\{"version":\d/, make: () => new JsonFormat() },
  { teller: 'log', tells: /^(?:node=\S+ )?type=\S+ msg=audit\(/m, make: () => new LogFormat() },
  { teller: 'tracepoint', tells: /^# tracer: |^.{0,200} landlock_[a-z_]+: /m, make: () => new TraceFormat() },
  {
    teller: 'kmsg',
    tells: /^(?:<\d+>)?\[ *\d+\.\d{6}\]|^\d+,\d+,\d+,[^;\n]*;/m,
    make: () => new KernelLogFormat(),
  },
] as const satisfies readonly {
  readonly teller: Source['teller'];
  readonly tells: RegExp;
  readonly make: () => Format;
}[];

/** How much of a file is looked at, bytes. */
const LOOK = 65_536;

/**
 * Opens a source.
 *
 * @param word `audit` (the kernel's audit, live), `journal`, `kmsg`, `tracepoint` (live), a file (plain or gzip), or `-`
 * for standard input
 * @param options `follow` waits for more at the end of a file, the journal or the kernel log
 * @throws LandwardError SOURCE for a file that can't be read or has no known format; live sources throw when first read
 * @example for await (const item of await openSource('/var/log/audit/audit.log')) console.log(item);
 */
export async function openSource(word: string, options: SourceOptions = {}): Promise<Source> {
  switch (word) {
    case 'audit':
      return openNetlink({ ...options, turnOn: true });
    case 'journal':
      return openJournal(options);
    case 'kmsg':
      return openKmsg(options);
    case 'tracepoint':
      return openTracefs(options);
    default:
      return openFile(word, options);
  }
}

async function openFile(path: string, options: SourceOptions): Promise<Source> {
  const pieces = readInput(path, options);
  const first = await pieces.next();
  const head =
    first.done !== true && Buffer.isBuffer(first.value) ? first.value.toString('latin1', 0, LOOK) : '';
  const found = FORMATS.find(({ tells }) => tells.test(head));
  // A log that was rotated a moment ago is empty; whoever follows it means the daemon's.
  const format = found ?? (head === '' ? FORMATS[2] : undefined);
  if (format === undefined) {
    await pieces.return(undefined);
    throw new LandwardError('SOURCE', `Cannot read ${quote(path)}: it is no log that landward knows`, {
      part: path,
      fix: 'Give a log of the audit daemon, ausearch --raw, journalctl -o export, dmesg, a trace, or JSON lines of landward',
    });
  }
  return sourceOf(format.teller, readPieces(continued(first, pieces), format.make()));
}
