/**
 * Denials of the supervisor as events: who asked, what was refused, by which layer and line. Owns the shape of what is
 * reported, not whether something is denied.
 */

import type { DenialEvent, DenialLayer, DenialObject, DenialProcess, DenialSide } from '../model/denial.ts';
import { ruleText } from '../model/rules/rule-text.ts';
import type { LayerAnswer, RuleLayer, RulesDecision } from '../model/rules.ts';
import type { Call } from './call.ts';

/** What an authority knows of a denial. */
export interface DenialFacts {
  readonly effect: DenialEvent['effect'];
  readonly errno: number;
  readonly object: DenialObject;
  readonly missing: readonly string[];
  readonly decision?: RulesDecision | undefined;
  readonly domain?: DenialEvent['domain'];
  /** Of a socket: whose credential said no. */
  readonly side?: DenialSide | undefined;
  readonly made?: DenialEvent['made'];
  /** The program or function that said no. */
  readonly program?: string | undefined;
}

/** The event of a denial in a call. Reads the caller's name and program: only denials pay for that. */
export function denialOf(call: Call, facts: DenialFacts): DenialEvent {
  const { effect, errno, object, missing, decision, domain, side, made, program } = facts;
  const layers = decision?.layers
    .filter(({ verdict }) => verdict !== 'allow')
    .map((answer) => layerOf(answer, call.run.layers));
  return {
    source: 'supervisor',
    effect,
    time: performance.timeOrigin + performance.now(),
    operation: call.name,
    missing,
    object,
    errno,
    process: processOf(call),
    run: call.run.id,
    digest: call.run.plan.digest,
    ...(domain === undefined ? {} : { domain }),
    ...(side === undefined ? {} : { side }),
    ...(made === undefined ? {} : { made }),
    ...(program === undefined ? {} : { program }),
    ...(decision === undefined ? {} : { blame: layerOf(decision.blame, call.run.layers) }),
    ...(layers === undefined ? {} : { layers }),
  };
}

function layerOf(
  { layer, name, verdict, missing, rule }: LayerAnswer,
  layers: readonly RuleLayer[],
): DenialLayer {
  const state = layers[layer]?.state;
  return {
    layer,
    name,
    ...(state === undefined ? {} : { version: state.version }),
    missing,
    ...(verdict === 'allow' ? {} : { verdict }),
    ...(rule === undefined
      ? {}
      : {
          rule: {
            text: ruleText(rule),
            origin: rule.origin,
            ...(rule.because === undefined ? {} : { because: rule.because }),
          },
        }),
  };
}

/** The caller, as far as it can still be seen: a target that has just died must not cost the event. */
export function processOf({ target }: Call): DenialProcess {
  const told = <T>(ask: () => T): T | undefined => {
    try {
      return ask();
    } catch {
      return undefined;
    }
  };
  const status = told(() => target.status());
  const comm = told(() => target.comm());
  const exe = told(() => target.exe());
  return {
    pid: status?.pid ?? target.tid,
    tid: target.tid,
    ...(comm === undefined ? {} : { comm }),
    ...(exe === undefined ? {} : { exe }),
    ...(status === undefined ? {} : { uid: status.uid }),
  };
}
