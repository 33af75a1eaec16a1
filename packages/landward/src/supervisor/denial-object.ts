/** What a question is about, as denial events tell it. Owns the words only. */

import type { DenialObject } from '../model/denial.ts';
import type { Question } from './authority.ts';

/** The object of a question. */
export function objectOf(question: Question): DenialObject {
  switch (question.kind) {
    case 'access':
    case 'open':
    case 'opened':
    case 'pick': {
      const { path, ino, type } = question.at;
      return { kind: 'path', path, ino, directory: type === 'dir' };
    }
    case 'find':
      return { kind: 'path', path: question.path };
    case 'make':
    case 'remove':
      return { kind: 'path', path: question.entry.path };
    case 'refer':
      return { kind: 'path', path: question.from.path, to: question.to.path };
    case 'net': {
      const { right, address, port, names } = question;
      const protocol = right.endsWith('tcp') ? 'tcp' : 'udp';
      return {
        kind: 'net',
        protocol,
        port,
        ...(address === null ? {} : { address }),
        ...(names[0] === undefined ? {} : { name: names[0] }),
      };
    }
    case 'unix':
      return 'place' in question.at
        ? { kind: 'unix', path: question.at.place.path }
        : { kind: 'unix', abstract: question.at.abstract };
    case 'socket': {
      const { inet, port, peer } = question.socket;
      const protocol = inet.type === 'stream' ? 'tcp' : inet.type === 'dgram' ? 'udp' : 'other';
      const shown = peer ?? port;
      return { kind: 'net', protocol, ...(shown === null ? {} : { port: shown }) };
    }
    case 'socket-create':
    case 'call':
      return { kind: 'none' };
    case 'walk':
      return { kind: 'path', path: question.at.path, ino: question.at.ino, directory: true };
    case 'signal':
    case 'ptrace':
      return { kind: 'task', pid: question.tid, comm: '' };
    case 'topology':
      return question.at === undefined ? { kind: 'none' } : { kind: 'mount', name: question.at.path };
  }
}
