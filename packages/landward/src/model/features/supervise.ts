/**
 * Asking before failing (`supervise`): the records that a supervisor reads and writes, the states of a question, and in
 * which order layers are asked. The waiting and the descriptors are the enforcer's; this is what must hold of them.
 */

import { bug } from '../../errors.ts';
import { done, type Result, refused } from '../landlock/result.ts';
import { decodeBytes, encodeBytes } from '../records/bytes.ts';
import { has, type Profile } from './switches.ts';

/** A denied request as its supervisor sees it. */
export type SuperviseEvent = {
  readonly cookie: number;
  readonly access: bigint;
  readonly pid: number;
} & (
  | {
      readonly kind: 'fs';
      /** Descriptors in the reader's table; -1 for none. */
      readonly fd1: number;
      readonly fd2: number;
      /** The name of an entry to be made, `''` for none. */
      readonly destination: string;
    }
  | { readonly kind: 'net'; readonly port: number }
);

const TYPE = { fs: 1, net: 2 } as const;
const [PID, FD1, FD2, NAME, PORT] = [16, 20, 24, 28, 20];
const NET_SIZE = 24;
const align = (size: number) => (size + 7) & ~7;

/** An event as bytes, in the byte order of little-endian machines. The length is a multiple of 8. */
export function encodeEvent(event: SuperviseEvent): Uint8Array {
  const name = event.kind === 'fs' ? encodeBytes(event.destination) : new Uint8Array();
  const size = event.kind === 'net' ? NET_SIZE : align(NAME + name.length + 1);
  if (size > 0xffff || name.includes(0)) bug('a destination name that no directory can hold');
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, TYPE[event.kind], true);
  view.setUint16(2, size, true);
  view.setUint32(4, event.cookie, true);
  view.setBigUint64(8, event.access, true);
  view.setInt32(PID, event.pid, true);
  if (event.kind === 'net') {
    view.setUint16(PORT, event.port, true);
  } else {
    view.setInt32(FD1, event.fd1, true);
    view.setInt32(FD2, event.fd2, true);
    bytes.set(name, NAME);
  }
  return bytes;
}

/** Reads one event; `null` for bytes that are none. */
export function decodeEvent(bytes: Uint8Array): SuperviseEvent | null {
  if (bytes.length < NET_SIZE) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const type = view.getUint16(0, true);
  if (view.getUint16(2, true) !== bytes.length || bytes.length % 8 !== 0) return null;
  const head = {
    cookie: view.getUint32(4, true),
    access: view.getBigUint64(8, true),
    pid: view.getInt32(PID, true),
  };
  if (type === TYPE.net) {
    return bytes.length === NET_SIZE ? { kind: 'net', ...head, port: view.getUint16(PORT, true) } : null;
  }
  const end = bytes.indexOf(0, NAME);
  if (type !== TYPE.fs || end === -1) return null;
  const destination = decodeBytes(bytes.subarray(NAME, end));
  return { kind: 'fs', ...head, fd1: view.getInt32(FD1, true), fd2: view.getInt32(FD2, true), destination };
}

/** A supervisor's answer. */
export interface SuperviseAnswer {
  readonly cookie: number;
  readonly allow: boolean;
}

const ANSWER_SIZE = 8;

/** An answer as its eight bytes. */
export function encodeAnswer({ cookie, allow }: SuperviseAnswer): Uint8Array {
  const bytes = new Uint8Array(ANSWER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ANSWER_SIZE, true);
  view.setUint8(2, allow ? 1 : 0);
  view.setUint32(4, cookie, true);
  return bytes;
}

/** Reads an answer, or EINVAL for a wrong length, an unknown decision or a reserved byte that is set. */
export function decodeAnswer(bytes: Uint8Array): Result<SuperviseAnswer> {
  if (bytes.length !== ANSWER_SIZE) return refused('EINVAL');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const decision = view.getUint8(2);
  if (view.getUint16(0, true) !== ANSWER_SIZE || decision > 1 || view.getUint8(3) !== 0)
    return refused('EINVAL');
  return done({ cookie: view.getUint32(4, true), allow: decision === 1 });
}

/** Where a question stands; one that was forgotten is gone. */
export type QuestionState = 'new' | 'notified' | 'allowed' | 'denied' | 'gone';

/** The event without its cookie, which the queue gives. */
export type Question = SuperviseEvent extends infer E
  ? E extends SuperviseEvent
    ? Omit<E, 'cookie'>
    : never
  : never;

/** The questions of one layer. */
export interface SuperviseQueue {
  /** Puts a question; denied at once where nobody can answer any more. */
  ask(question: Question): number;
  state(cookie: number): QuestionState;
  /** The next whole event that fits, or EINVAL where it does not fit, EAGAIN where there is none. */
  read(size: number): Result<Uint8Array>;
  /** Answers a question that was read, or EINVAL for bytes that are no answer, ENOENT for any other cookie. */
  write(bytes: Uint8Array): Result<SuperviseAnswer>;
  /** The asker was killed, or has taken its answer: the question is forgotten. */
  forget(cookie: number): void;
  /** The last descriptor of the supervisor is gone: what waits is denied, and all that follows. */
  close(): void;
}

/** Starts an empty queue. */
export function superviseQueue(): SuperviseQueue {
  const states = new Map<number, QuestionState>();
  const waiting: SuperviseEvent[] = [];
  let next = 1;
  let closed = false;
  return {
    ask(question) {
      const cookie = next++;
      states.set(cookie, closed ? 'denied' : 'new');
      if (!closed) waiting.push({ ...question, cookie } as SuperviseEvent);
      return cookie;
    },
    state: (cookie) => states.get(cookie) ?? 'gone',
    read(size) {
      const event = waiting[0];
      if (event === undefined) return refused('EAGAIN');
      const bytes = encodeEvent(event);
      if (bytes.length > size) return refused('EINVAL');
      waiting.shift();
      states.set(event.cookie, 'notified');
      return done(bytes);
    },
    write(bytes) {
      const answer = decodeAnswer(bytes);
      if (!answer.ok) return answer;
      const { cookie, allow } = answer.value;
      if (states.get(cookie) !== 'notified') return refused('ENOENT');
      states.set(cookie, allow ? 'allowed' : 'denied');
      return answer;
    },
    forget(cookie) {
      states.delete(cookie);
      const index = waiting.findIndex((event) => event.cookie === cookie);
      if (index !== -1) waiting.splice(index, 1);
    },
    close() {
      closed = true;
      waiting.length = 0;
      for (const [cookie, state] of states) {
        if (state === 'new' || state === 'notified') states.set(cookie, 'denied');
      }
    },
  };
}

/** What a denying layer says about asking. */
export interface AskLayer {
  readonly layer: number;
  readonly notifies: boolean;
  /** The object is quiet in this layer: its denial disturbs nobody. */
  readonly quiet: boolean;
}

/** How a supervised request ends. A supervisor's no is EPERM; a layer that asks nobody keeps the decision's own errno. */
export type SupervisedEnd =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly layer: number; readonly by: 'layer' | 'supervisor' | 'retries' };

/**
 * Runs a request until it is allowed or refused: the youngest denying layer's supervisor is asked first; what it allows,
 * it allows by changing rules, so the request is decided again from the start.
 *
 * @param denying the layers that deny now, oldest first; decided anew each time.
 * @param kind only rights on files and ports are asked about, never scopes or mounts.
 * @param answer what the supervisor of a layer says.
 * @param retries how often a supervisor may say yes before its yes is taken for a no.
 */
export function superviseRequest(
  profile: Profile,
  denying: () => readonly AskLayer[],
  kind: 'fs' | 'net' | 'scope' | 'topology',
  answer: (layer: number) => 'allow' | 'deny',
  retries = 16,
): SupervisedEnd {
  const asks = has(profile, 'supervise');
  for (let round = 0; ; round++) {
    const youngest = denying().at(-1);
    if (youngest === undefined) return { allowed: true };
    const { layer, notifies, quiet } = youngest;
    if (!asks || !notifies || quiet || kind === 'scope' || kind === 'topology')
      return { allowed: false, layer, by: 'layer' };
    if (round >= retries) return { allowed: false, layer, by: 'retries' };
    if (answer(layer) === 'deny') return { allowed: false, layer, by: 'supervisor' };
  }
}
