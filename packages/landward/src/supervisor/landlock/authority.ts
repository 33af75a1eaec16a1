/**
 * The authority of user-space Landlock: a handler's question becomes a question to the model, for the domain of the calling
 * thread over the live system. A denial is reported and logged as the kernel would.
 *
 * Decides nothing: which question it is, is `judge.ts`; the answer is the model's.
 */

import type { DenialEvent, DenialSide } from '../../model/denial.ts';
import { blockers, type Credential, type Denial } from '../../model/landlock/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { Authority, Judgement, Question } from '../authority.ts';
import type { Call } from '../call.ts';
import { denialOf } from '../denial-event.ts';
import { objectOf } from '../denial-object.ts';
import { judge } from './judge.ts';
import type { Judged } from './judge-files.ts';
import { asksSockets } from './judge-net.ts';
import { type LandlockRun, landlockOf } from './landlock-run.ts';

const ALLOWED: Judgement = { errno: 0 };

/** Makes the authority of runs whose programs use Landlock. */
export function landlockAuthority(): Authority {
  return {
    ask(call, question) {
      const judged = judgeFor(call, question);
      if (judged === null) return ALLOWED;
      const { decision } = judged;
      if (decision.allowed) return judged.judgement;
      // A malformed request is refused, too, and blames nobody. A lock has no layer to blame.
      const { errno } = decision;
      const isDenial = errno === ERRNO.EACCES || errno === ERRNO.EPERM;
      if (decision.denials.length > 0 || (judged.side !== undefined && isDenial)) {
        report(call, question, decision.errno, decision.denials, judged.side);
        landlockOf(call).audit.denied(decision.denials, { call, question });
      }
      return call.run.plan.supervisor.mode === 'observe' ? ALLOWED : { errno: decision.errno };
    },
    would(call, question) {
      const judged = judgeFor(call, question);
      if (judged === null || judged.decision.allowed) return judged?.judgement ?? ALLOWED;
      return { errno: judged.decision.errno };
    },
    isFree: (call) => landlockOf(call).caller(call).domain === null,
  };
}

/** What the model says; `null` where the caller has no domain and nothing else could object. */
function judgeFor(call: Call, question: Question): Judged | null {
  const landlock = landlockOf(call);
  const caller: Credential = landlock.caller(call);
  if (caller.domain === null && !othersMayObject(landlock, question)) {
    landlock.met(question, caller);
    return null;
  }
  // The walk up needs no permission on the kernel, so the target's own must not count.
  return call.target.asSupervisor(() => judge(call, landlock, caller, question));
}

/** Whether a caller without a domain can be refused: by the other's domain, or by what an open file or a socket carries. */
function othersMayObject(landlock: LandlockRun, { kind }: Question): boolean {
  if (kind === 'net' || kind === 'socket') return asksSockets(landlock);
  return kind === 'ptrace' || kind === 'opened';
}

/** What is missing where no right is: the words of layers that speak of the same. */
const CONTROLS = { relation: ['socket.aim'], lock: ['socket.lock'] } as const;

function report(
  call: Call,
  question: Question,
  errno: number,
  denials: readonly Denial[],
  side: DenialSide | undefined,
): void {
  const denial = denials[0];
  const event: DenialEvent = {
    ...denialOf(call, {
      effect: call.run.plan.supervisor.mode === 'observe' ? 'observed' : 'denied',
      errno,
      object: objectOf(question),
      missing:
        side === 'relation' || side === 'lock' ? CONTROLS[side] : denials.flatMap((one) => blockers(one)),
      ...(denial?.node.id == null
        ? {}
        : { domain: { kind: 'user', id: denial.node.id.toString(16) } as const }),
    }),
    ...(side === undefined ? {} : { side }),
    ...(denial === undefined ? {} : { blame: layerOf(denial) }),
    ...(denial === undefined
      ? {}
      : { layers: denial.complete.map((lack) => layerOf({ ...denial, ...lack })) }),
  };
  call.run.report(event);
}

function layerOf(denial: Denial) {
  return { layer: denial.layer, missing: blockers(denial) };
}
