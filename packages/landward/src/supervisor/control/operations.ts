/**
 * What a program asks landward itself (`uapi/landward.ts`): finds the handler of an operation.
 *
 * Owns the table. Each operation is handled where its matter lives; anything unknown is EINVAL, as the kernel answers an
 * unknown `prctl`.
 */

import { ERRNO } from '../../uapi/errno.ts';
import { LANDWARD, type LandwardOperation } from '../../uapi/landward.ts';
import { type Call, type Handler, refuse } from '../call.ts';
import { idOfDomain, isSameDomain, openDomainOf, rulesetOfDomain } from './domains.ts';
import { layers } from './layers.ts';
import { programLoad } from './load-program.ts';
import { lockSocket, moveSocket, rulesetSockets, socketMode } from './sockets.ts';

const OPERATIONS: Partial<Record<LandwardOperation, Handler>> = {
  PRESENT: () => ({ kind: 'value', value: 1 }),
  SOCKET_LOCK: lockSocket,
  SOCKET_MOVE: moveSocket,
  RULESET_SOCKETS: rulesetSockets,
  PROGRAM_LOAD: programLoad,
  LAYERS: layers,
  DOMAIN_OPEN: openDomainOf,
  DOMAIN_ID: idOfDomain,
  DOMAIN_SAME: isSameDomain,
  DOMAIN_RULESET: rulesetOfDomain,
  SOCKET_MODE: socketMode,
};

const BY_NUMBER = new Map(
  (Object.keys(OPERATIONS) as LandwardOperation[]).map((name) => [LANDWARD[name], OPERATIONS[name]!]),
);

/** Answers `prctl(PR_LANDWARD, operation, ...)`; the arguments of the operation start at index 2. */
export const ask: Handler = (call: Call) => {
  const handle = BY_NUMBER.get(call.int(1) as (typeof LANDWARD)[LandwardOperation]);
  return handle === undefined ? refuse(ERRNO.EINVAL) : handle(call);
};
