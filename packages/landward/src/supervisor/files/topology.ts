/**
 * Changing what is mounted where: refused as a whole while a policy speaks of files, since paths would come to mean other
 * things. Decided on registers; nothing else is looked at.
 */

import { type Answer, type Call, type CallTable, CONTINUE, refuse } from '../call.ts';

/** `fsconfig`: of its commands only this one changes what is mounted. */
const FSCONFIG_CMD_RECONFIGURE = 7;

function topology(call: Call): Answer {
  const { errno } = call.run.authority.ask(call, { kind: 'topology' });
  return errno === 0 ? CONTINUE : refuse(errno);
}

function fsconfig(call: Call): Answer {
  return call.uint(1) === FSCONFIG_CMD_RECONFIGURE ? topology(call) : CONTINUE;
}

const residual = 'EPERM also where the arguments are wrong in another way.';

/** Handlers of the group `mount`. */
export const TOPOLOGY_CALLS = {
  mount: { handle: topology, held: 'registers', residual },
  umount2: { handle: topology, held: 'registers', residual },
  pivot_root: { handle: topology, held: 'registers', residual },
  move_mount: { handle: topology, held: 'registers', residual },
  fsconfig: { handle: fsconfig, held: 'registers', residual },
} as const satisfies CallTable;
