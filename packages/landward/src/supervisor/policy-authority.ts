/**
 * The authority of a plan's policy: questions become requests to its rules, verdicts become errnos, denials become
 * events.
 *
 * Decides nothing itself. Processes are inside or outside of the run by the run's tag (`Membership`).
 */

import type { DenialObject } from '../model/denial.ts';
import type { Request, RulesDecision } from '../model/rules.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { FsRight } from '../uapi/landlock.ts';
import type { Authority, Judgement, Question } from './authority.ts';
import type { Call } from './call.ts';
import { Decided } from './decided.ts';
import { denialOf } from './denial-event.ts';
import { objectOf } from './denial-object.ts';
import { requestsOf } from './policy-questions.ts';
import type { Run } from './run.ts';

/** Whether a thread belongs to the run; `undefined` where there is no such thread. */
export type Membership = (tid: number) => boolean | undefined;

const ALLOWED: Judgement = { errno: 0 };

/** What a question came to: the decision to blame, and the object that it is about. */
interface Verdict {
  readonly errno: number;
  readonly lacking?: readonly FsRight[];
  readonly decision?: RulesDecision;
  readonly missing?: readonly string[];
}

const FREE: Verdict = { errno: 0 };

/**
 * Makes the authority of a run's policy.
 *
 * @param run the run whose rules are asked; denials are reported to it
 * @param isMember tells the run's own processes
 */
export function policyAuthority(run: () => Run, isMember: Membership): Authority {
  let decided: Decided | undefined;
  const rules = () => {
    decided ??= new Decided(run());
    return decided;
  };
  const observing = () => run().plan.supervisor.mode === 'observe';
  return {
    ask(call, question) {
      const verdict = judge(rules(), isMember, question);
      if (verdict.errno === 0) return judgement(verdict);
      const effect = observing() ? 'observed' : verdict.errno === ERRNO.ENOENT ? 'hidden' : 'denied';
      if (isQuiet(verdict.decision)) run().hush();
      else
        run().report(
          denialOf(call, {
            effect,
            errno: verdict.errno,
            object: toldOf(question),
            missing: verdict.missing ?? verdict.decision?.blame.missing ?? [],
            decision: verdict.decision,
          }),
        );
      return observing() ? ALLOWED : judgement(verdict);
    },
    would(_call: Call, question) {
      return observing() ? ALLOWED : judgement(judge(rules(), isMember, question));
    },
    isFree: () => run().plan.layers.length === 0,
  };
}

/** Whether each layer that refuses does so by a rule that wants no word about it. */
function isQuiet(decision: RulesDecision | undefined): boolean {
  const refusing = decision?.layers.filter(({ verdict }) => verdict !== 'allow') ?? [];
  return refusing.length > 0 && refusing.every(({ rule }) => rule?.quiet === true);
}

function judgement({ errno, lacking }: Verdict): Judgement {
  if (errno === 0 && lacking === undefined) return ALLOWED;
  return { errno, ...(lacking === undefined ? {} : { lacking }) };
}

function judge(rules: Decided, isMember: Membership, question: Question): Verdict {
  switch (question.kind) {
    case 'signal':
    case 'ptrace': {
      // A process that is gone is for the kernel to miss.
      if (isMember(question.tid) !== false) return FREE;
      if (question.kind === 'signal') return decide(rules, { kind: 'scope', scope: 'scope.signal' });
      return restricts(rules.run) ? { errno: ERRNO.EPERM, missing: ['ptrace'] } : FREE;
    }
    case 'topology':
      return rules.run.plan.layers.some(({ categories }) => categories.includes('fs'))
        ? { errno: ERRNO.EPERM, missing: ['fs.change_topology'] }
        : FREE;
    // Rules know names: a directory on the way is not asked about, the object at its end is.
    case 'walk':
      return FREE;
    // No plan has rules that speak of these yet, so nobody asks; a question that is asked all the same is refused.
    case 'socket':
    case 'socket-create':
    case 'call':
      return { errno: ERRNO.EPERM, missing: [question.kind] };
    default:
      return judgeRules(rules, question);
  }
}

function restricts(run: Run): boolean {
  return run.plan.layers.some(({ categories, rules }) => categories.length > 0 || rules.length > 0);
}

function restrictsFiles(run: Run): boolean {
  return run.plan.layers.some(
    ({ categories, rules }) => categories.includes('fs') || rules.some(({ kind }) => kind === 'path'),
  );
}

function judgeRules(
  rules: Decided,
  question: Exclude<
    Question,
    { kind: 'signal' | 'ptrace' | 'topology' | 'socket' | 'socket-create' | 'call' | 'walk' }
  >,
): Verdict {
  const asked = requestsOf(question);
  switch (asked.kind) {
    case 'nothing':
      return FREE;
    case 'unnamed':
      return restrictsFiles(rules.run) ? { errno: ERRNO.EACCES, missing: ['fs'] } : FREE;
    case 'find':
      return found(rules, asked.request);
    case 'any':
      return reached(rules, asked.requests);
    case 'all': {
      for (const request of asked.requests) {
        const verdict = decide(rules, request);
        if (verdict.errno !== 0 && !isOwn(question, verdict.decision!)) return verdict;
      }
      const lacking = asked.lookups.flatMap((request) =>
        request.kind === 'path' && rules.decide(request).errno !== 0
          ? (request.rights as readonly FsRight[])
          : [],
      );
      return lacking.length === 0 ? FREE : { errno: 0, lacking };
    }
  }
}

/** A run reaches the sockets that it has bound itself, as a Landlock domain does, unless a rule speaks of them. */
function isOwn(question: Question, { layers }: RulesDecision): boolean {
  if (question.kind !== 'unix' || question.at.own !== true) return false;
  return layers.every(
    ({ verdict, rule }) => verdict === 'allow' || rule === undefined || rule.kind === 'scope',
  );
}

function decide(rules: Decided, request: Request): Verdict {
  const decision = rules.decide(request);
  if (decision.errno !== 0) return { errno: decision.errno, decision };
  rules.run.uses.add(decision);
  return FREE;
}

/**
 * Whether a place may be seen. Hidden places are absent. A rule that denies an object without naming the right to see it
 * leaves that it exists to be seen, as the kernel does where it holds the rule.
 */
function found(rules: Decided, request: Request): Verdict {
  const decision = rules.decide(request);
  if (decision.errno === 0) return FREE;
  const hidden = decision.layers.some(({ verdict }) => verdict === 'hide');
  const named = decision.layers.some(
    ({ verdict, rule }) => verdict === 'deny' && rule?.kind === 'path' && rule.rights.includes('meta.stat'),
  );
  if (!hidden && !named) return FREE;
  return { errno: hidden ? ERRNO.ENOENT : ERRNO.EACCES, decision };
}

/**
 * An address is reached where it, or a name that means it, is allowed, and no rule about one of its names says no. The
 * model weighs a name against rules about addresses within one request.
 */
function reached(rules: Decided, requests: readonly Request[]): Verdict {
  const decisions = requests.map((request) => rules.decide(request));
  const named = decisions.find(({ layers }) =>
    layers.some(
      ({ verdict, rule }) => verdict !== 'allow' && rule?.kind === 'net' && rule.host.kind === 'name',
    ),
  );
  if (named !== undefined) return { errno: named.errno, decision: named };
  const allowed = decisions.find(({ errno }) => errno === 0);
  if (allowed !== undefined) {
    rules.run.uses.add(allowed);
    return FREE;
  }
  const told = decisions.findLast(({ blame }) => blame.rule !== undefined) ?? decisions.at(-1)!;
  return { errno: told.errno, decision: told };
}

/** What is told of the object; an ioctl by its number as well. */
function toldOf(question: Question): DenialObject {
  const object = objectOf(question);
  if (question.kind !== 'opened' || object.kind !== 'path' || question.ioctl === undefined) return object;
  return { ...object, ioctl: question.ioctl };
}
