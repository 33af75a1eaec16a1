/**
 * The authority of functions in the starting process, and of the person who is asked: the last to be asked, and able to
 * refuse only.
 *
 * Decides nothing itself. An unanswered question ends the handler with `Pending`; when it runs again, the answer to the
 * same question about the same objects counts.
 */

import type { DenialEvent } from '../../model/denial.ts';
import type { RulesDecision } from '../../model/rules.ts';
import type { Judgement, Question } from '../authority.ts';
import type { Call } from '../call.ts';
import { denialOf, processOf } from '../denial-event.ts';
import { objectOf } from '../denial-object.ts';
import { fileFacts } from './file-facts.ts';
import { Pending } from './pending.ts';
import { type Subject, subjectOf } from './subject.ts';

const ALLOWED: Judgement = { errno: 0 };

/**
 * Asks the functions of a run about a request that everything else has allowed.
 *
 * @param asking the rule that says `ask`, where one does: then a person has the last word
 * @throws {Pending} where they have not answered this question to this call yet
 */
export function askFunctions(call: Call, question: Question, asking?: RulesDecision): Judgement {
  const { decides = [], mode } = call.run.plan.supervisor;
  const subject = decides.length === 0 && asking === undefined ? null : subjectOf(question);
  if (subject === null) return asking === undefined ? ALLOWED : unasked(call, question, asking);
  if (asking === undefined && !decides.includes(subject.category)) return ALLOWED;
  const ask = asking !== undefined;
  const key = ask ? `ask ${subject.key}` : subject.key;
  const given = call.answers?.of(key);
  if (given === undefined)
    throw new Pending({ key, pins: subject.pins, request: requestOf(call, question, subject), ask });
  if (given.verdict === 'allow') return ALLOWED;
  const effect: DenialEvent['effect'] = mode === 'observe' ? 'observed' : 'denied';
  const { errno, rights } = subject;
  const object = objectOf(question);
  call.run.report(
    denialOf(call, { effect, errno, object, missing: rights, decision: asking, program: given.by }),
  );
  return mode === 'observe' ? ALLOWED : { errno };
}

/**
 * Whether an earlier run of this call came as far as asking functions, or a person, the same question: whoever is asked before
 * them has allowed it then. Only for questions whose key has all that programs see of them.
 */
export function wasAllowedBefore({ answers }: Call, question: Question): boolean {
  if (answers === undefined || !['net', 'signal', 'ptrace'].includes(question.kind)) return false;
  const key = subjectOf(question)?.key;
  return key !== undefined && (answers.of(key) ?? answers.of(`ask ${key}`)) !== undefined;
}

/** What a rule leaves to a person, and is nothing that a person is asked: refused. */
function unasked(call: Call, question: Question, decision: RulesDecision): Judgement {
  const { errno, blame } = decision;
  const object = objectOf(question);
  const observed = call.run.plan.supervisor.mode === 'observe';
  const effect = observed ? 'observed' : 'denied';
  call.run.report(denialOf(call, { effect, errno, object, missing: blame.missing, decision }));
  return observed ? ALLOWED : { errno };
}

function requestOf(call: Call, question: Question, subject: Subject): Pending['asked']['request'] {
  const { category, rights } = subject;
  const file = subject.file == null ? undefined : fileFacts(subject.file.fd);
  const replaces = subject.replaces == null ? undefined : fileFacts(subject.replaces.fd);
  return {
    category,
    operation: call.name,
    rights,
    object: objectOf(question),
    ...(file === undefined ? {} : { file }),
    ...(replaces === undefined ? {} : { replaces }),
    ...(question.kind === 'signal' ? { signal: question.signal } : {}),
    process: processOf(call),
    run: call.run.id,
    time: Date.now(),
  };
}
