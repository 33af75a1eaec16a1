/** Whether the layers of a plan may change while its programs run. Owns the question, and loads nothing of the answer's use. */

import type { SupervisedPlan } from './run.ts';

type Part = Pick<SupervisedPlan, 'layers' | 'supervisor'>;

/** Whether any layer of a plan may change, or layers may be added. */
export function mayChange({ layers, supervisor }: Part): boolean {
  return supervisor.addsLayers === true || layers.some(({ mutable }) => mutable !== undefined);
}

/** Whether what is allowed on files may change. */
export function mayChangeFiles({ layers, supervisor }: Part): boolean {
  return (
    supervisor.addsLayers === true ||
    layers.some(({ mutable, categories }) => mutable !== undefined && categories.includes('fs'))
  );
}
