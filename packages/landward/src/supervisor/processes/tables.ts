/** The calls between processes: who handles each, how it is held, and what differs from the kernel's own doing. */

import type { CallRow, CallTable } from '../call.ts';
import { fcntl } from './owners.ts';
import { schedule, setPriority } from './scheduling.ts';
import { kill, pidfdSendSignal, sigqueue, tgkill, tgsigqueue, tkill } from './signals.ts';
import {
  aboutProcess,
  kcmp,
  perfEvent,
  pidfdGetfd,
  processMadvise,
  processMemory,
  ptrace,
  setNamespace,
} from './tracing.ts';

const GROUPS =
  'Where only a part of a group may be reached, the sender that receivers see is the supervisor.';
const OWNERS =
  'Decided when the owner is set, not at each delivery; of a group that is partly out of reach only the own process stays.';

const NAMESPACES =
  'A thread that exchanges the descriptor for a pidfd meanwhile can enter namespaces of another domain, where the system lets it.';
const SPARED = 'EPERM where landward itself would be scheduled otherwise.';
const scheduling = (handle: CallRow['handle']): CallRow => ({ handle, held: 'registers', residual: SPARED });

/** Calls between processes. */
export const PROCESS_CALLS = {
  kill: { handle: kill, held: 'registers', residual: GROUPS },
  tkill: { handle: tkill, held: 'registers', residual: '' },
  tgkill: { handle: tgkill, held: 'registers', residual: '' },
  rt_sigqueueinfo: { handle: sigqueue, held: 'registers', residual: '' },
  rt_tgsigqueueinfo: { handle: tgsigqueue, held: 'registers', residual: '' },
  pidfd_send_signal: {
    handle: pidfdSendSignal,
    held: 'emulated',
    residual: 'The sender that the receiver sees is the supervisor.',
  },
  fcntl: { handle: fcntl, held: 'emulated', residual: OWNERS },
  sched_setscheduler: scheduling(schedule),
  sched_setparam: scheduling(schedule),
  sched_setattr: scheduling(schedule),
  sched_setaffinity: scheduling(schedule),
  setpriority: scheduling(setPriority),
  ptrace: { handle: ptrace, held: 'registers', residual: '' },
  process_vm_readv: { handle: processMemory, held: 'registers', residual: '' },
  process_vm_writev: { handle: processMemory, held: 'registers', residual: '' },
  kcmp: { handle: kcmp, held: 'registers', residual: '' },
  get_robust_list: { handle: aboutProcess, held: 'registers', residual: '' },
  move_pages: { handle: aboutProcess, held: 'registers', residual: '' },
  migrate_pages: { handle: aboutProcess, held: 'registers', residual: '' },
  perf_event_open: { handle: perfEvent, held: 'registers', residual: '' },
  setns: { handle: setNamespace, held: 'verified', residual: NAMESPACES },
  pidfd_getfd: { handle: pidfdGetfd, held: 'emulated', residual: '' },
  process_madvise: { handle: processMadvise, held: 'refused', residual: 'Refused in a domain.' },
} as const satisfies CallTable;
