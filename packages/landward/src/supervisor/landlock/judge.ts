/**
 * From a handler's question to the model's question about the same thing: about the network and other tasks; what is about
 * files is `judge-files.ts`.
 *
 * Owns the translation. Every verdict and errno is the model's.
 */

import {
  ALLOWED,
  type Credential,
  type Decision,
  fixed,
  ptrace,
  signal,
} from '../../model/landlock/index.ts';
import type { SocketDecision } from '../../model/sockets/index.ts';
import type { Question } from '../authority.ts';
import type { Call } from '../call.ts';
import { finderFor } from './detached.ts';
import { type Judged, judgeFiles, simple } from './judge-files.ts';
import { judgeNet } from './judge-net.ts';
import type { LandlockRun } from './landlock-run.ts';
import { taskOf } from './tasks.ts';
import { World } from './world.ts';

/** The erratum about whiteouts. */
const WHITEOUT = 4;

/** Asks the model. The caller has a domain, or the question is one where another's domain may object. */
export function judge(call: Call, landlock: LandlockRun, caller: Credential, question: Question): Judged {
  const { behaviour } = landlock;
  switch (question.kind) {
    case 'find':
      return simple(ALLOWED);
    case 'net':
    case 'socket':
      return ofSocket(judgeNet(call, landlock, caller, question));
    case 'signal': {
      const target = taskOf(call, landlock, question.tid);
      const sender = taskOf(call, landlock, call.target.tid);
      return simple(target === null || sender === null ? ALLOWED : signal(behaviour, sender, target));
    }
    case 'ptrace':
      return simple(judgePtrace(call, landlock, question));
    default: {
      using world = new World(landlock.inodes, finderFor(call, landlock.mounts), fixed(behaviour, WHITEOUT));
      return judgeFiles(call, { landlock, behaviour, caller, world }, question);
    }
  }
}

function ofSocket(decision: SocketDecision | Decision): Judged {
  if (decision.allowed) return simple(ALLOWED);
  return { ...simple(decision), ...('side' in decision ? { side: decision.side } : {}) };
}

function judgePtrace(
  call: Call,
  landlock: LandlockRun,
  { tid, traceme }: Extract<Question, { kind: 'ptrace' }>,
): Decision {
  const self = taskOf(call, landlock, call.target.tid);
  const other = taskOf(call, landlock, tid);
  if (self === null || other === null) return ALLOWED;
  return traceme === true
    ? ptrace(landlock.behaviour, other.credential, self)
    : self.process === other.process
      ? ALLOWED
      : ptrace(landlock.behaviour, self.credential, other);
}
