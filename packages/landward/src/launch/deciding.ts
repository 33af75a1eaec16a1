/**
 * Functions that decide, on their way from a policy and from the options of a start to the run: collected, checked, and
 * compared with what the plan is asked about.
 *
 * Owns that none is lost: a plan that asks a function starts with one only, and a function is given to plans that ask it.
 */

import { LandwardError } from '../errors.ts';
import { ALL_CATEGORIES, type DecideFunction, type DecideOptions } from '../model/decide-request.ts';
import type { Category } from '../model/rules.ts';
import { decidedBy, functionsIn, toOptions } from '../policy/define.ts';
import type { Plan } from '../policy/plan.ts';
import type { PolicySource } from './compile.ts';

/** Longer than this no timer can wait, milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** The functions of a policy, or of several that are composed. */
function policyFunctions(source: PolicySource | undefined): readonly DecideOptions[] {
  const items: readonly unknown[] = Array.isArray(source) ? source : [source];
  return items.flatMap((item) => [
    ...functionsIn(item),
    ...functionsIn((item as { readonly value?: unknown } | undefined)?.value),
  ]);
}

/** Where the functions of a start come from. */
export interface Deciding {
  readonly policy?: PolicySource | undefined;
  readonly decide?: DecideFunction | DecideOptions | undefined;
}

/**
 * All functions of a start.
 *
 * @throws {LandwardError} USAGE for what is no function, or a time that cannot be meant
 */
export function startFunctions({ policy, decide }: Deciding = {}): readonly DecideOptions[] {
  const functions = [...policyFunctions(policy), ...(decide === undefined ? [] : [toOptions(decide)])];
  for (const one of functions) check(one);
  return functions;
}

/** What the function of a start is asked, as options of `compile`. */
export function askedOf(decide: DecideFunction | DecideOptions): {
  readonly decides: readonly Category[];
  readonly answers?: true;
} {
  const options = toOptions(decide);
  check(options);
  return { decides: decidedBy([options]), ...(options.onAsk === undefined ? {} : { answers: true }) };
}

/**
 * Compares the functions of a start with what its plan is asked about.
 *
 * @throws {LandwardError} USAGE where a function would not be asked, or the plan asks one that is not there
 */
export function mustBeAsked({ supervisor }: Plan, functions: readonly DecideOptions[]): void {
  const asked = supervisor?.decides ?? [];
  const wanted = decidedBy(functions);
  const unasked = wanted.filter((category) => !asked.includes(category));
  if (unasked.length > 0)
    throw new LandwardError('USAGE', `The plan does not ask a function about ${unasked.join(', ')}`, {
      part: unasked[0],
      fix: `Compile it with { decides: [${wanted.map((category) => `'${category}'`).join(', ')}] }`,
    });
  const missing = asked.filter((category) => !wanted.includes(category));
  if (missing.length > 0)
    throw new LandwardError(
      'USAGE',
      `The plan asks a function about ${missing.join(', ')}, and there is none`,
      {
        part: missing[0],
        fix: 'Give spawn the option decide',
      },
    );
  if (supervisor?.answers && functions.every(({ onAsk }) => onAsk === undefined))
    throw new LandwardError('USAGE', 'The plan leaves requests to a person, and there is no way to ask one', {
      part: 'onAsk',
      fix: 'Give spawn the option decide with onAsk',
    });
}

function check({ decide, onAsk, about, timeoutMs, askTimeoutMs }: DecideOptions): void {
  for (const [name, value] of Object.entries({ decide, onAsk }))
    if (value !== undefined && typeof value !== 'function') wrong(name, 'is not a function');
  if (decide === undefined && onAsk === undefined) wrong('decide', 'is missing');
  for (const category of about ?? [])
    if (!ALL_CATEGORIES.includes(category))
      wrong('about', `has ${JSON.stringify(category)}: ${ALL_CATEGORIES.join(', ')}`);
  for (const [name, value] of Object.entries({ timeoutMs, askTimeoutMs }))
    if (value !== undefined && !(value > 0 && value <= LONGEST_MS))
      wrong(name, 'is not a time in milliseconds');
}

function wrong(name: string, what: string): never {
  throw new LandwardError('USAGE', `The option ${name} of a function that decides ${what}`, { part: name });
}
