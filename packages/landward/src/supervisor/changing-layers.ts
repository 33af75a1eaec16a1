/**
 * Orders to layers that may change, on the deciding thread. Loaded only for plans whose layers may.
 *
 * Owns the stack of a sandbox. What an order means is `model/layers/rule-stack.ts`; an order that cannot be read changes
 * nothing.
 */

import { indexRules } from '../model/decide-rules.ts';
import { bindingLayers, openStack, orderLayers, refusedOrder } from '../model/layers/rule-stack.ts';
import type { Category } from '../model/rules.ts';
import type { LayerChanges } from './live-layers.ts';
import type { SupervisedPlan } from './run.ts';

export { withNamedCalls } from './named-calls.ts';

const ALL: readonly Category[] = ['fs', 'net', 'unix', 'process'];

/** Who changes the layers of a plan. */
export function changingLayers(plan: Pick<SupervisedPlan, 'layers' | 'supervisor'>): LayerChanges {
  let stack =
    plan.supervisor.restored?.layers ??
    openStack(plan.layers, plan.supervisor.addsLayers === true ? ALL : null);
  const order: LayerChanges['order'] = (wanted) => {
    try {
      // The clock of denials: which version denied is told by which came first.
      const next = orderLayers(stack, wanted, performance.timeOrigin + performance.now());
      const layers = bindingLayers(next.stack);
      const changes = next.answered.entry !== undefined;
      // A rule that cannot be made ready for decisions must be met here, where the layers are still as they were.
      if (next.answered.errno === 0 && wanted.kind !== 'list') indexRules(drafts(next.stack));
      stack = next.stack;
      return changes ? { answered: next.answered, layers } : { answered: next.answered };
    } catch {
      return { answered: refusedOrder() };
    }
  };
  return { order, present: () => bindingLayers(stack), saved: () => stack };
}

function drafts({ entries }: ReturnType<typeof openStack>) {
  return entries.map(({ draft }) => draft);
}
