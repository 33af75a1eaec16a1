/** What `[net]` of a policy text may contain. Owns the table; what the words mean is read elsewhere. */

import type { Schema } from './schema-kinds.ts';
import { allowTarget, flag, listOf, oneOf, strictTarget } from './schema-rules.ts';
import { SOCKET_KIND_PATTERN } from './socket-text.ts';

/** The schema of `[net]`. */
export const NET_SCHEMA = {
  kind: 'table',
  doc: 'TCP and UDP: what is not allowed is denied',
  keys: {
    connect: listOf(allowTarget, 'Connect (TCP), connect and send (UDP)'),
    listen: listOf(allowTarget, 'Bind and listen'),
    deny: listOf(strictTarget, 'Denied, also where a wider rule allows'),
    ask: listOf(strictTarget, 'A person or a program answers'),
    subject: oneOf(
      ['caller', 'socket', 'both'],
      'Whom the rules bind: who calls, sockets that were made inside, or both',
    ),
    aim: oneOf(
      ['any', 'own'],
      'Which sockets may be bound, connected, dissolved, made to listen and configured: any, or those made inside',
    ),
    lock: flag('Whether a socket that listens or is connected stays what it is'),
    revalidate: {
      kind: 'union',
      of: [
        flag('Whether sockets that were made outside are asked about at each use'),
        {
          kind: 'table',
          keys: {
            exempt: listOf(
              { kind: 'integer', min: 0, max: 65535 },
              'Descriptors of the start that are spared; 0, 1 and 2 when absent',
            ),
          },
        },
      ],
    },
    sockets: listOf(
      {
        kind: 'string',
        pattern: SOCKET_KIND_PATTERN,
        expects: 'a kind of socket such as tcp, netlink:route or packet/raw/*',
      },
      'The kinds of sockets that may be made; any when absent',
    ),
  },
} as const satisfies Schema;
