/**
 * A handler's question as functions are asked it: about what part of the system, which rights, which objects, and what makes
 * it the same question when the call is run again.
 *
 * Owns the translation, and the choice of what is not asked: looking and listing (they give no right to content), uses of
 * open files (decided when they were opened), the way to an object (its end is decided).
 */

import type { Category } from '../../model/rules.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { Question } from '../authority.ts';
import { factOf } from '../files/place-of.ts';
import type { Entry, Place } from '../place.ts';
import { readProc } from '../target/proc.ts';

/** What functions are asked. */
export interface Subject {
  readonly category: Category;
  readonly rights: readonly string[];
  readonly key: string;
  /** Descriptors of the objects in the key. */
  readonly pins: readonly number[];
  /** The object that exists already, and the one at the other end of a move. */
  readonly file?: Place | null;
  readonly replaces?: Place | null;
  /** What a denial gives. */
  readonly errno: number;
}

/** What a question comes to; `null` where functions have no say. */
export function subjectOf(question: Question): Subject | null {
  switch (question.kind) {
    case 'access':
      return onPlace(question.at, question.rights);
    case 'open':
      return question.fresh === true
        ? onFresh(question.at, question.rights)
        : onPlace(question.at, question.rights);
    case 'make': {
      const { entry, right, open = [], device } = question;
      return files([right, ...open], `${nameKey(entry)} ${device ?? ''}`, [entry.parent.fd]);
    }
    case 'remove': {
      const { entry, right } = question;
      return { ...files([right], nameKey(entry), pinsOf(entry)), file: entry.object };
    }
    case 'refer': {
      const { from, to, operation, whiteout } = question;
      const key = `${operation} ${whiteout === true} ${nameKey(from)} ${nameKey(to)}`;
      return {
        ...files(['fs.refer'], key, [...pinsOf(from), ...pinsOf(to)]),
        file: from.object,
        replaces: to.object,
      };
    }
    case 'topology': {
      const at = question.at;
      const key = at === undefined ? '' : placeKey(at);
      return {
        ...files(['fs.change_topology'], key, at === undefined ? [] : [at.fd]),
        errno: ERRNO.EPERM,
      };
    }
    case 'net': {
      const { right, address, port, names, protocol } = question;
      // Without an address the call reaches nobody: an association ends, or the kernel calls the address malformed.
      if (address === null) return null;
      const key = JSON.stringify([right, address, port, names, protocol]);
      return { category: 'net', rights: [right], key, pins: [], errno: ERRNO.EACCES };
    }
    case 'unix':
      return onSocket(question.operation, question.at);
    case 'signal':
      return onTask('scope.signal', question.tid, `signal ${question.signal}`);
    case 'ptrace':
      return onTask('ptrace', question.tid, question.traceme === true ? 'traceme' : '');
    case 'find':
    case 'walk':
    case 'pick':
    case 'opened':
    case 'socket':
    case 'socket-create':
    case 'call':
      return null;
  }
}

const LOOKS: ReadonlySet<string> = new Set(['meta.stat', 'meta.list']);

function files(rights: readonly string[], key: string, pins: readonly number[]): Subject {
  return { category: 'fs', rights, key: `fs ${rights.join()} ${key}`, pins, errno: ERRNO.EACCES };
}

function onPlace(at: Place, rights: readonly string[]): Subject | null {
  // What lies on no file system with names (pipes, sockets, anonymous files) is spoken of by nobody.
  if (at.exempt || rights.every((right) => LOOKS.has(right))) return null;
  return { ...files(rights, placeKey(at), [at.fd]), file: at };
}

/** A file without a name that this call has made: another run of the call makes another one, in the same directory. */
function onFresh(at: Place, rights: readonly string[]): Subject | null {
  const { parent, path } = at;
  if (parent === undefined) return onPlace(at, rights);
  // Not the file is the same in both runs, but the directory, and the path that leads there.
  const { dev, ino } = factOf(parent);
  const directory = JSON.stringify([`${dev}:${ino}`, path.slice(0, path.lastIndexOf('/'))]);
  return files(rights, `fresh ${directory}`, [parent]);
}

function onSocket(operation: 'connect' | 'bind', at: (Question & { kind: 'unix' })['at']): Subject {
  const named = 'place' in at ? at.place : null;
  const where = 'place' in at ? placeKey(at.place) : JSON.stringify(at.abstract);
  return {
    category: 'unix',
    rights: [`unix.${operation}`],
    key: `unix ${operation} ${where}`,
    pins: named === null ? [] : [named.fd],
    ...(operation === 'connect' ? { file: named } : {}),
    errno: ERRNO.EACCES,
  };
}

function onTask(right: string, tid: number, what: string): Subject {
  // A number can come to mean another thread; the time of its start tells them apart.
  const key = `${right} ${what} ${tid} ${startOf(tid)}`;
  return { category: 'process', rights: [right], key, pins: [], errno: ERRNO.EPERM };
}

function startOf(tid: number): string {
  const bytes = readProc(`/proc/${tid}/stat`, 1024);
  const text = bytes === null ? '' : Buffer.from(bytes).toString('latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function placeKey({ dev, ino, path }: Place): string {
  return JSON.stringify([`${dev}:${ino}`, path]);
}

function nameKey({ parent, name, object, path }: Entry): string {
  const there = object === null ? null : `${object.type} ${object.dev}:${object.ino}`;
  return JSON.stringify([`${parent.dev}:${parent.ino}`, Buffer.from(name).toString('hex'), there, path]);
}

function pinsOf({ parent, object }: Entry): readonly number[] {
  return object === null ? [parent.fd] : [parent.fd, object.fd];
}
