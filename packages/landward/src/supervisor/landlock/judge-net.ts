/**
 * Questions about the network as the model takes them: the attempt as the program made it, or only a right on a port.
 * Owns the translation.
 */

import {
  ALLOWED,
  type Behaviour,
  bind,
  type Credential,
  connect,
  type Decision,
  type InetSocket,
  send,
} from '../../model/landlock/index.ts';
import type { Question } from '../authority.ts';

/** Asks the model about an attempt. */
export function judgeNet(
  behaviour: Behaviour,
  caller: Credential,
  { right, port, attempt }: Extract<Question, { kind: 'net' }>,
): Decision {
  if (attempt === undefined) {
    const tcp = right === 'net.bind_tcp' || right === 'net.connect_tcp';
    const socket: InetSocket = {
      family: 'inet',
      type: tcp ? 'stream' : 'dgram',
      protocol: tcp ? 6 : 17,
      bound: true,
    };
    const address = { length: 16, family: 'inet', port } as const;
    return right.startsWith('net.bind')
      ? bind(behaviour, caller, socket, address)
      : tcp
        ? connect(behaviour, caller, socket, address)
        : send(behaviour, caller, socket, address);
  }
  const { call, socket, given, fastOpen } = attempt;
  switch (call) {
    case 'bind':
      return given === null ? ALLOWED : bind(behaviour, caller, socket, given);
    case 'connect':
      return given === null ? ALLOWED : connect(behaviour, caller, socket, given);
    case 'send':
      return send(behaviour, caller, socket, given, fastOpen === true);
  }
}
