/**
 * Denials about sockets in words: whose credential said no, and what the layer says that it did.
 *
 * Owns these sentences. Names of layers are foreign text and escaped.
 */

import type { DenialEvent } from '../../model/denial.ts';
import { quote } from '../../model/escape.ts';

/** What was refused, where it is about the socket and not about an address; `undefined` for any other denial. */
export function socketDeed({ missing }: DenialEvent): string | undefined {
  switch (missing[0]) {
    case 'socket.create':
      return 'make a socket of this kind';
    case 'socket.aim':
      return 'aim or configure a socket that was made outside';
    case 'socket.lock':
      return 'dissolve or aim anew a socket that is in use';
    default:
      return undefined;
  }
}

/** Whose credential said no, in one line; `undefined` where only the caller's is ever asked. */
export function sideLine({ side, blame, missing }: DenialEvent): string | undefined {
  const layer = blame?.name === undefined ? 'a layer' : quote(blame.name);
  if (missing.includes('socket.create'))
    return `${layer} lists the kinds of sockets that may be made ('sockets' in [net]), and this is none of them`;
  switch (side) {
    case 'caller':
      return `the caller is bound by ${layer}, wherever the socket was made`;
    case 'socket':
      return `the socket was made inside ${layer}, whose rules bind it whoever uses it (subject = "socket")`;
    case 'relation':
      return `the socket was made outside ${layer}, which lets programs aim only sockets of their own (aim = "own")`;
    case 'lock':
      return `the socket listens or is connected, and ${layer} keeps such sockets what they are (lock = true)`;
    default:
      return undefined;
  }
}
