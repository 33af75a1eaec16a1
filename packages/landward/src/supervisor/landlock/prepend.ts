/**
 * `seccomp(SECCOMP_PREPEND_LANDLOCK_PROG, flags, &fd)`: enforces a policy program on the calling thread. The one call that
 * only takes rights away, and that no kernel has.
 *
 * Owns the reading of arguments. Every check and its order are `model/programs`; all other operations are the kernel's.
 */

import { ARCH, attempt } from '../../kernel/call.ts';
import { type ProgramFd, prependCall } from '../../model/programs/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { F, O } from '../../uapi/open.ts';
import { SECCOMP } from '../../uapi/seccomp.ts';
import { type Call, CONTINUE, DONE, type Handler, refuse } from '../call.ts';
import { isSysAdmin } from '../control/load-program.ts';
import { fetched } from './calls.ts';
import { landlockOf } from './landlock-run.ts';

const INT = 4;

export const seccomp: Handler = (call) => {
  if (call.uint(0) !== SECCOMP.PREPEND_LANDLOCK_PROG) return CONTINUE;
  const shown = call.run.plan.supervisor.landlock ?? refuse(ERRNO.EINVAL);
  const landlock = landlockOf(call);
  const { tid } = call.target;
  const state = landlock.state(tid) ?? refuse(ERRNO.ESRCH);
  const flags = call.uint(1);
  const prepended = prependCall(
    { domain: state.programs },
    {
      sysAdmin: isSysAdmin(call),
      rule: shown.programs ?? 'unprivileged',
      noNewPrivs: landlock.hasNoNewPrivs(call, state),
      flags,
      // With flags the call fails before anything is read.
      pointer: call.arg(2) === 0 ? null : flags !== 0 ? 'unreadable' : programAt(call, call.arg(2)),
    },
  );
  if (!prepended.ok) return refuse(prepended.errno);
  const errno = landlock.threads.move([tid], { ...state, programs: prepended.value });
  return errno === 0 ? DONE : refuse(errno);
};

/** What the number behind a pointer of the caller means. */
function programAt(call: Call, address: number): ProgramFd | 'unreadable' {
  const bytes = call.target.readSome(address, INT);
  if (bytes.length < INT) return 'unreadable';
  const number = new DataView(bytes.buffer, bytes.byteOffset, INT).getInt32(0, true);
  const fd = fetched(call, number);
  // A place is no open file to the kernel.
  if (fd === null || (attempt('fcntl', fd, F.GETFL, 0) & O[ARCH].PATH) !== 0) return { kind: 'closed' };
  const program = landlockOf(call).loaded.find(fd);
  return program === null ? { kind: 'other' } : { kind: 'program', type: 'landlock', program };
}
