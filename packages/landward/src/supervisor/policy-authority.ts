/**
 * The authority of a plan's policy: questions become requests to its rules, verdicts become errnos, denials become
 * events.
 *
 * Decides nothing itself. Processes are inside or outside of the run by the run's tag (`Membership`).
 */

import type { DenialObject, DenialSide } from '../model/denial.ts';
import { decideCall } from '../model/rules/calls.ts';
import type { Request, RulesDecision } from '../model/rules.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { FsRight } from '../uapi/landlock.ts';
import type { SyscallName } from '../uapi/syscalls.ts';
import type { Authority, Judgement, Question } from './authority.ts';
import type { Call } from './call.ts';
import { Decided } from './decided.ts';
import { denialOf } from './denial-event.ts';
import { objectOf } from './denial-object.ts';
import { mayChangeFiles } from './may-change.ts';
import { judgeNet, reached } from './policy-net.ts';
import { requestsOf } from './policy-questions.ts';
import { judgeCreate, judgeUse } from './policy-sockets.ts';
import type { Run } from './run.ts';

/** Whether a thread belongs to the run; `undefined` where there is no such thread. */
export type Membership = (tid: number) => boolean | undefined;

const ALLOWED: Judgement = { errno: 0 };

/** What a question came to: the decision to blame, and the object that it is about. */
interface Verdict {
  readonly errno: number;
  readonly lacking?: readonly FsRight[];
  readonly watched?: readonly FsRight[];
  readonly file?: string;
  readonly decision?: RulesDecision;
  readonly missing?: readonly string[];
  readonly side?: DenialSide | undefined;
  readonly made?: 'inside' | 'outside';
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
      const { decision } = verdict;
      if (decision !== undefined && isLeftOpen(run(), decision))
        return { ...judgement({ ...verdict, errno: 0 }), asking: decision };
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
            side: verdict.side,
            ...(verdict.made === undefined ? {} : { made: verdict.made }),
          }),
        );
      return observing() ? ALLOWED : judgement(verdict);
    },
    would(_call: Call, question) {
      return observing() ? ALLOWED : judgement(judge(rules(), isMember, question));
    },
    isFree: () => run().layers.length === 0,
  };
}

/** Whether rules leave it to a person, and there is one. */
function isLeftOpen(run: Run, { verdict }: RulesDecision): boolean {
  return verdict === 'ask' && run.plan.supervisor.answers === true;
}

/** Whether each layer that refuses does so by a rule that wants no word about it. */
function isQuiet(decision: RulesDecision | undefined): boolean {
  const refusing = decision?.layers.filter(({ verdict }) => verdict !== 'allow') ?? [];
  return refusing.length > 0 && refusing.every(({ rule }) => rule?.quiet === true);
}

function judgement({ errno, lacking, watched, file }: Verdict): Judgement {
  if (errno === 0 && lacking === undefined && watched === undefined) return ALLOWED;
  return {
    errno,
    ...(lacking === undefined ? {} : { lacking }),
    ...(watched === undefined ? {} : { watched, file }),
  };
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
      return rules.run.layers.some(({ categories }) => categories.includes('fs'))
        ? { errno: ERRNO.EPERM, missing: ['fs.change_topology'] }
        : FREE;
    // Rules know names: a directory on the way is not asked about, the object at its end is.
    case 'walk':
    case 'pick':
      return FREE;
    case 'socket':
      return judgeUse(rules, question);
    case 'socket-create':
      return judgeCreate(rules.run, question);
    case 'net':
      return judgeNet(rules, question);
    case 'call':
      return judgeCall(rules.run, question.name);
    default:
      return judgeRules(rules, question);
  }
}

/** System calls by name, of layers that may change. */
function judgeCall(run: Run, name: SyscallName): Verdict {
  const decision = decideCall(run.layers, name);
  return decision.errno === 0 ? FREE : { errno: decision.errno, decision, missing: ['call'] };
}

function restricts(run: Run): boolean {
  return run.layers.some(({ categories, rules }) => categories.length > 0 || rules.length > 0);
}

function restrictsFiles(run: Run): boolean {
  return run.layers.some(
    ({ categories, rules }) => categories.includes('fs') || rules.some(({ kind }) => kind === 'path'),
  );
}

function judgeRules(
  rules: Decided,
  question: Exclude<
    Question,
    { kind: 'signal' | 'ptrace' | 'topology' | 'socket' | 'socket-create' | 'call' | 'walk' | 'pick' | 'net' }
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
      let open: Verdict | undefined;
      for (const request of asked.requests) {
        const verdict = decide(rules, request);
        if (verdict.errno === 0 || isOwn(question, verdict.decision!)) continue;
        // A person is asked only where no other request is refused.
        if (!isLeftOpen(rules.run, verdict.decision!)) return verdict;
        open ??= verdict;
      }
      // Whoever may have it opened has it with what the same rule leaves to them; else that is lacking.
      const isHad = (decision: RulesDecision) =>
        decision.errno === 0 || (open !== undefined && decision.verdict === 'ask');
      const lacking = asked.lookups.flatMap((request) =>
        request.kind === 'path' && !isHad(rules.decide(request))
          ? (request.rights as readonly FsRight[])
          : [],
      );
      return {
        errno: 0,
        ...open,
        ...(lacking.length === 0 ? {} : { lacking }),
        ...watchedOf(rules.run, question, asked.requests),
      };
    }
  }
}

/** Where what is allowed on files may change, what an open file allows is asked again at each use, by where it was opened. */
function watchedOf(
  run: Run,
  question: Question,
  requests: readonly Request[],
): Pick<Verdict, 'watched' | 'file'> {
  if ((question.kind !== 'open' && question.kind !== 'make') || !mayChangeFiles(run.plan)) return {};
  const path = requests.find((request) => request.kind === 'path')?.path;
  const given = question.kind === 'open' ? question.rights : (question.open ?? []);
  const later = [...given, ...(question.optional ?? [])];
  const watched = later.filter(
    (right) => right === 'fs.ioctl_dev' || (right === 'fs.truncate' && given.includes('fs.write_file')),
  );
  return watched.length === 0 || path === undefined ? {} : { watched, file: path };
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

/** What is told of the object; an ioctl by its number as well. */
function toldOf(question: Question): DenialObject {
  const object = objectOf(question);
  if (question.kind !== 'opened' || object.kind !== 'path' || question.ioctl === undefined) return object;
  return { ...object, ioctl: question.ioctl };
}
