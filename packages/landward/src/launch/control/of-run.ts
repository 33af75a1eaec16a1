/**
 * The owner's way into a supervised run: opened where something of the run can be asked or changed from outside.
 *
 * Owns which runs have one. Loaded for those alone.
 */

import type { Saved } from '../../model/saved-run.ts';
import type { Plan } from '../../policy/plan.ts';
import { mayChange } from '../../supervisor/may-change.ts';
import type { Supervisor } from '../../supervisor/supervisor.ts';
import { packKept } from '../checkpoint-file.ts';
import { type LayerControl, layerControlOf } from '../layer-control.ts';
import { openControl } from './open.ts';

/** A run that goes on. */
export interface RunToControl {
  readonly run: string;
  readonly plan: Plan;
  readonly supervisor: Supervisor;
  /** Where its files are in the registry; absent where the registry cannot be written. */
  readonly stem: string | undefined;
  /** Hears why there is no way in. */
  readonly note: (text: string) => void;
}

/** Opens the way in. A run without one goes on. */
export function controlOf(to: RunToControl): Disposable | undefined {
  const { run, plan, supervisor, stem, note } = to;
  const changes = plan.supervisor !== null && mayChange({ layers: plan.layers, supervisor: plan.supervisor });
  // One for all runs of the supervisor: it knows which layers the program keeps to itself.
  const layers = changes ? layerControlOf(supervisor) : undefined;
  if (stem === undefined) {
    note('the owner cannot ask about this run: the registry cannot be written');
    return undefined;
  }
  try {
    return openControl(stem, {
      run,
      layers,
      checkpoint: () => keep(to, layers),
      ...(plan.supervisor?.landlock === undefined
        ? {}
        : { domain: (pid: number) => supervisor.ask(run, { kind: 'domain', pid }) }),
    });
  } catch (error) {
    note(`the owner cannot ask about this run: ${(error as Error).message}`);
    return undefined;
  }
}

/** What a checkpoint of the run has to keep. Layers that the program kept to itself have nobody afterwards who could change them. */
async function keep(
  { run, plan, supervisor }: RunToControl,
  layers: LayerControl | undefined,
): Promise<string> {
  const saved = (await supervisor.ask(run, { kind: 'checkpoint' })) as Saved;
  const held = (await layers?.list())?.filter(({ principal }) => principal === 'holder') ?? [];
  return packKept({ plan, saved, sealed: held.map(({ key }) => key) });
}
