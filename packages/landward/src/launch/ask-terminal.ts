/**
 * Asking a person on the terminal that this process was started from: one question at a time, answered by a letter and
 * Enter. What the program types or prints is its own affair: its standard input is never read.
 *
 * Owns the words and the terminal. Without a terminal, or in the background, nobody is asked, which denies. Everything foreign
 * is escaped; keys that were typed before the question are dropped.
 */

import { ReadStream } from 'node:tty';
import { ARCH, attempt } from '../kernel/call.ts';
import { foregroundGroup } from '../kernel/tty.ts';
import type { AskAnswer, AskFunction, DecideRequest } from '../model/decide-request.ts';
import { AT_FDCWD, O } from '../uapi/open.ts';
import { escapeText, quote } from './escape.ts';
import { groupOf } from './tree.ts';

/** Ends whatever style the program has left, so that the question can be seen. */
const PLAIN = '\u001b[0m';
const TCFLSH = 0x540b;
const TCIFLUSH = 0;

const ANSWERS: Readonly<Record<string, AskAnswer>> = {
  y: 'allow',
  yes: 'allow',
  n: 'deny',
  no: 'deny',
  a: 'always',
  always: 'always',
  v: 'never',
  never: 'never',
};

/** Asks on the terminal of this process. */
export function terminalAsker(): AskFunction {
  let last: Promise<unknown> = Promise.resolve();
  return (request, { signal }) => {
    const answer = last.then(() => (signal.aborted ? 'deny' : askOnce(request, signal)));
    last = answer.catch(() => {});
    return answer;
  };
}

async function askOnce(request: DecideRequest, signal: AbortSignal): Promise<AskAnswer> {
  const path = new TextEncoder().encode('/dev/tty\0');
  const fd = attempt('openat', AT_FDCWD, path, O[ARCH].RDWR | O[ARCH].NOCTTY | O[ARCH].CLOEXEC, 0);
  if (fd < 0) throw new Error('there is no terminal to ask on');
  if (foregroundGroup(fd) !== groupOf(process.pid)) {
    attempt('close', fd);
    throw new Error('this is not in the foreground of the terminal');
  }
  // Closes the descriptor with itself.
  const terminal = new ReadStream(fd);
  const say = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    attempt('write', fd, bytes, bytes.length);
  };
  try {
    attempt('ioctl', fd, TCFLSH, TCIFLUSH);
    for (;;) {
      say(`${PLAIN}\n${question(request)}\nAllow? yes, no, always, never (y/n/a/v): `);
      const line = await nextLine(terminal, signal);
      if (line === null) {
        const why = signal.aborted ? 'nobody waits for an answer any more' : 'no answer, which denies';
        say(`\nlandward: ${why}\n`);
        return 'deny';
      }
      const answer = ANSWERS[line.trim().toLowerCase()];
      if (answer !== undefined) return answer;
    }
  } finally {
    terminal.destroy();
  }
}

/** The next line that is typed; `null` where the question is withdrawn or the terminal is gone. */
function nextLine(terminal: ReadStream, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    let text = '';
    const done = (line: string | null) => {
      terminal.off('data', hear).off('end', gone).off('error', gone);
      terminal.pause();
      signal.removeEventListener('abort', gone);
      resolve(line);
    };
    const gone = () => done(null);
    const hear = (bytes: Buffer) => {
      text += bytes.toString('utf8');
      // Where the program has changed the mode of the terminal, Enter is a carriage return.
      const end = text.search(/[\r\n]/);
      if (end >= 0) done(text.slice(0, end));
    };
    terminal.on('data', hear).on('end', gone).on('error', gone);
    terminal.resume();
    signal.addEventListener('abort', gone, { once: true });
    if (signal.aborted) gone();
  });
}

/** The question in words, escaped. */
export function question({
  process: { comm, pid },
  rights,
  operation,
  object,
  signal,
}: DecideRequest): string {
  const who = `${escapeText(comm ?? 'a program')}[${pid}]`;
  const what = rights.map(escapeText).join(', ');
  return `landward: ${who} asks for ${what}${where(object)}${signal === undefined ? '' : `, signal ${signal}`} (${escapeText(operation)})`;
}

function where(object: DecideRequest['object']): string {
  switch (object.kind) {
    case 'path':
      return ` on ${quote(object.path)}${object.to === undefined ? '' : ` to ${quote(object.to)}`}`;
    case 'net':
      return ` for ${escapeText(object.name ?? object.address ?? 'any address')} port ${object.port ?? 0}`;
    case 'unix':
      return ` on the socket ${quote(object.path ?? `@${object.abstract ?? ''}`)}`;
    case 'task':
      return ` on process ${object.pid}`;
    case 'mount':
      return ` on the mount ${quote(object.name)}`;
    case 'none':
      return '';
  }
}
