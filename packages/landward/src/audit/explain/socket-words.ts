/**
 * Denials about sockets in words: whose credential said no, and what the layer says that it did.
 *
 * Owns these sentences. Names of layers are foreign text and escaped.
 */

import type { DenialEvent } from '../../model/denial.ts';
import { escapeText, quote } from '../../model/escape.ts';

/** What was refused, where it is about the socket and not about an address; `undefined` for any other denial. */
export function socketDeed({ missing }: DenialEvent): string | undefined {
  switch (missing[0]) {
    case 'socket.create':
      return 'make a socket of this kind';
    case 'socket.aim':
      return 'aim or configure a socket that was made outside';
    case 'socket.move':
      return 'give its own credential to a socket';
    case 'socket.lock':
      return 'dissolve or aim anew a socket that is in use';
    default:
      return undefined;
  }
}

/** Whose credential said no, in one line; `undefined` where only the caller's is ever asked. */
export function sideLine({ side, blame, missing, domain }: DenialEvent): string | undefined {
  const layer = blame?.name === undefined ? 'a layer' : quote(blame.name);
  if (missing.includes('socket.create'))
    return `${layer} lists the kinds of sockets that may be made ('sockets' in [net]), and this is none of them`;
  if (domain?.kind === 'user' || (side !== undefined && blame === undefined))
    return ownSideLine(side, domain?.kind === 'user' ? domain.id : undefined, blame?.layer);
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

/** The same for domains that programs have made themselves, under `--landlock=user`. */
function ownSideLine(
  side: DenialEvent['side'],
  id: string | undefined,
  depth: number | undefined,
): string | undefined {
  const domain = id === undefined ? 'a domain' : `domain ${escapeText(id)}`;
  const layer = depth === undefined ? domain : `layer ${depth} of ${domain}`;
  switch (side) {
    case 'caller':
      return `the caller is in ${layer}, which the program has made itself, wherever the socket was made`;
    case 'socket':
      return id === undefined
        ? 'nobody knows any more where the socket was made'
        : `the socket was made in ${layer}, which the program has made itself; it binds the socket whoever uses it`;
    case 'relation':
      return id === undefined
        ? 'the socket was made in a domain that is not below the caller, or others hold it'
        : `the socket was made outside of ${layer}, which keeps such sockets from being aimed (the scope)`;
    case 'lock':
      return 'the program has locked the socket: it can never be dissolved or aimed anew';
    default:
      return undefined;
  }
}
