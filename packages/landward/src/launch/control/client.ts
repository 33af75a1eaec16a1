/**
 * Asking the process that supervises a run, as its owner: finds the run's socket, proves that this process may trace the
 * supervisor, sends one request.
 *
 * Owns one conversation. What requests mean is `protocol.ts`.
 */

import { closeSync, constants, existsSync, openSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findRuns, isAlive, type KnownRun, listRuns } from '../../audit/registry/read.ts';
import { CODES, type Code, LandwardError } from '../../errors.ts';
import { ownRun } from './own.ts';
import {
  type Answer,
  MAX_ANSWER_BYTES,
  PATIENCE_MS,
  type Request,
  readAnswer,
  readGreeting,
  VERSION,
} from './protocol.ts';

/** The end of a control socket's name. */
export const SOCKET = '.control';

/** A run that began so long ago has its way in, or has none. */
const JUST_NOW_MS = 10_000;
const OPENING_MS = 2000;
const LOOK_MS = 25;

/** A refusal by the model, told by a supervisor. */
export class ControlRefusal extends LandwardError {
  /** 0 where it is no matter of the model. */
  readonly errno: number;

  constructor(code: Code, message: string, errno: number) {
    super(code, message, { fix: 'landward layer --help tells who may ask for what' });
    this.errno = errno;
  }
}

/**
 * Finds a run of the registry.
 *
 * @param name the beginning of its id, or the number of its first process; the newest that still runs when absent
 * @throws LandwardError USAGE where there is none, or more than one
 */
export function findRun(state: string, name?: string): KnownRun {
  if (name === undefined) {
    for (const run of listRuns(state)) if (run.end === undefined && isAlive(run.record)) return run;
    throw new LandwardError('USAGE', 'No run of this user is going on', {
      fix: 'landward ps shows what runs; landward layer --help tells how to name it',
    });
  }
  const byPid = [...listRuns(state)].filter(
    ({ record, end }) => String(record.pid) === name && end === undefined && isAlive(record),
  );
  // A run that was restored is in the registry more than once.
  const found = (byPid.length > 0 ? byPid : findRuns(state, name)).filter(
    ({ record }, at, all) => all.findIndex((other) => other.record.id === record.id) === at,
  );
  if (found.length === 1) return found[0]!;
  const what = found.length === 0 ? 'No run' : `${found.length} runs`;
  throw new LandwardError(
    'USAGE',
    `${what} of this user's registry ${found.length === 0 ? 'has' : 'have'} the id or process ${name}`,
    {
      part: name,
      fix: 'landward ps --all shows their ids',
    },
  );
}

/** Whether a run has a way in for its owner, or had one when its supervisor died. */
export function hasControl(run: KnownRun): boolean {
  return existsSync(`${run.stem}${SOCKET}`);
}

/** Waits for the way in of a run that has just begun: its program may be quicker. */
async function isOpening(run: KnownRun): Promise<boolean> {
  for (let waited = 0; waited < OPENING_MS && Date.now() - run.record.time < JUST_NOW_MS; waited += LOOK_MS) {
    await pause(LOOK_MS);
    if (hasControl(run)) return true;
  }
  return false;
}

/**
 * Asks the supervisor of a run.
 *
 * @returns the answer's value
 * @throws LandwardError SUPERVISOR where nobody answers, ControlRefusal where the answer is no
 */
export async function askRun(run: KnownRun, request: Request): Promise<unknown> {
  const { id } = run.record;
  const own = ownRun(id);
  if (own !== undefined) return own(request);
  const path = `${run.stem}${SOCKET}`;
  if (!hasControl(run) && !(await isOpening(run)))
    throw new LandwardError('SUPERVISOR', `The run ${id} has no way in for its owner`, {
      fix: 'It has ended, or nothing of it can change from outside, or this kernel does not tell who connects (Linux 6.5)',
    });
  // By a descriptor, since the path of a socket may have 107 bytes and no more.
  const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const answer = await converse(`/proc/self/fd/${directory}/${basename(path)}`, id, request);
    if (answer.ok) return answer.value;
    const code = Object.hasOwn(CODES, answer.code) ? (answer.code as Code) : 'SUPERVISOR';
    throw new ControlRefusal(code, answer.message, answer.errno);
  } finally {
    closeSync(directory);
  }
}

function converse(path: string, run: string, request: Request): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown) => {
      socket.destroy();
      reject(
        new LandwardError('SUPERVISOR', `The supervisor of ${run} does not answer: ${reason}`, { cause }),
      );
    };
    let sent = false;
    const socket: Socket = connect(path);
    socket.setEncoding('utf8').setTimeout(PATIENCE_MS, () => fail('it takes too long'));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      fail(error.code === 'ECONNREFUSED' ? 'the process that supervised it has ended' : error.message, error),
    );
    socket.on('close', () => fail('it has hung up'));
    lines(
      socket,
      (line) => {
        const answer = readAnswer(line);
        if (answer !== undefined && (sent || !answer.ok)) {
          resolve(answer);
          socket.destroy();
          return;
        }
        const greeting = readGreeting(line);
        if (sent || !greeting.ok) return fail('what it says is not understood');
        if (greeting.value.run !== run) return fail(`it supervises ${JSON.stringify(greeting.value.run)}`);
        const proof = secretOf(greeting.value.pid, greeting.value.fd);
        if (proof === undefined)
          return fail('this process may not look into it (it is confined, or another user)');
        sent = true;
        socket.write(`${JSON.stringify({ version: VERSION, proof, request })}\n`);
      },
      fail,
    );
  });
}

function lines(socket: Socket, line: (text: string) => void, fail: (reason: string) => void): void {
  let text = '';
  socket.on('data', (piece: string) => {
    text += piece;
    if (text.length > MAX_ANSWER_BYTES) return fail('its answer has no end');
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const one = text.slice(0, end);
      text = text.slice(end + 1);
      line(one);
    }
  });
}

/** The name of a descriptor of another process: the kernel tells it to whoever may trace that process. */
function secretOf(pid: number, fd: number): string | undefined {
  try {
    return /^\/memfd:landward:([0-9a-f]{32}) /.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
  } catch {
    return undefined;
  }
}
