/**
 * Writing a supervised run into the registry, so that its denials can be explained later. A registry that cannot be written
 * stops no run: what went wrong is kept for whoever asks.
 */

import { bootId, pidNamespace, startTime } from '../audit/registry/read.ts';
import { RunWriter } from '../audit/registry/write.ts';
import type { DenialEvent } from '../model/denial.ts';
import type { Plan } from '../policy/plan.ts';
import type { RuleUse } from '../supervisor/rule-uses.ts';
import type { LayerChange } from '../supervisor/run-listener.ts';
import { sha256 } from './sha256.ts';
import { stateDirectory } from './variables.ts';

/** Where a run comes from: what the registry keeps besides its plan. */
export interface RunOrigin {
  readonly command: readonly string[];
  readonly cwd: string;
  /** The option words of the command line that started it. */
  readonly words: readonly string[];
  /** The policy files that were read. */
  readonly files: readonly string[];
}

/** A run in the registry. */
export interface RunRecorder {
  /** Where its files are, without their endings; absent where the registry cannot be written. */
  readonly stem: string | undefined;
  denied(events: readonly DenialEvent[]): void;
  layered(change: LayerChange): void;
  used(uses: readonly RuleUse[], plan: Plan): void;
  ended(how: { readonly status?: number; readonly signal?: string }): void;
  /** What went wrong with the registry, if anything did. */
  readonly trouble: unknown;
}

/** Who refuses besides the layers: what a policy that is made of them would lack. */
function besides({ supervisor }: Plan): { readonly besides?: readonly string[] } {
  const asked = [
    ...(supervisor?.programs === undefined ? [] : ['policy programs']),
    ...(supervisor?.decides === undefined ? [] : ['functions of the process that has started the run']),
  ];
  return asked.length === 0 ? {} : { besides: asked };
}

/** Begins the record of a run. Never throws. */
export function recordRun(id: string, pid: number, plan: Plan, origin: RunOrigin): RunRecorder {
  let trouble: unknown;
  const tried = <T>(act: () => T): T | undefined => {
    if (trouble !== undefined) return undefined;
    try {
      return act();
    } catch (error) {
      trouble = error;
      return undefined;
    }
  };
  const namespace = pidNamespace();
  // A run that was restored goes on with the versions that its layers had.
  const layers =
    plan.supervisor?.restored?.layers?.entries.map(({ committed }) => committed.at(-1)!) ?? plan.layers;
  const writer = tried(() =>
    RunWriter.begin(
      stateDirectory(process.env),
      {
        version: 1,
        id,
        time: Date.now(),
        uid: process.getuid?.() ?? 0,
        pid,
        started: startTime(pid) ?? '',
        boot: bootId(),
        command: origin.command,
        cwd: origin.cwd,
        mode: plan.supervisor?.mode === 'observe' ? 'observe' : 'supervisor',
        digest: plan.digest,
        words: origin.words,
        files: origin.files,
        policy: sha256(JSON.stringify(layers)),
        abi: plan.abi,
        noNewPrivs: true,
        // The deciding thread enters a layer first, which the program inherits.
        domains: plan.ruleset === null ? 0 : 2,
        ...(namespace === undefined ? {} : { namespace }),
        ...besides(plan),
      },
      layers,
    ),
  );
  return {
    stem: writer?.stem,
    denied: (events) => void tried(() => writer?.denied(events)),
    layered: (change) => void tried(() => writer?.layered(change)),
    // Only who observes everything that the policy speaks of can say that a rule was not needed.
    used: (uses, { supervisor }) => void tried(() => writer?.used(uses, supervisor?.mode === 'observe')),
    ended: (how) => void tried(() => writer?.ended({ time: Date.now(), ...how })),
    get trouble() {
      return trouble;
    },
  };
}
