/** Layers that may change: what a room outside of `model` may use of this folder. */

export { addLayer, type NewLayer } from './add.ts';
export {
  commitLayer,
  type LayerEdit,
  modifyLayer,
  queryLayer,
  renderLayerEdit,
  sealLayer,
} from './change.ts';
export {
  type Chains,
  type Content,
  type ContentRule,
  type Edit,
  EMPTY,
  edit,
  isStricter,
  type LayerRequest,
} from './content.ts';
export { type OldAddCall, oldAdd } from './old-call.ts';
export {
  addTo,
  type ChangingHalf,
  changingHalf,
  commitHalf,
  decidePairs,
  derive,
  type EnforcedHalf,
  enforce,
  type PairKey,
} from './pair.ts';
export { editRules } from './rule-change.ts';
export type { RuleEdit } from './rule-edits.ts';
export {
  type LayerAnswered,
  type LayerEditEntry,
  type LayerInfo,
  type LayerOrder,
  renderRuleEdit,
} from './rule-orders.ts';
export { bindingLayers, openStack, orderLayers, type RuleEntry, type RuleStack } from './rule-stack.ts';
export { isStricterRules } from './rule-stricter.ts';
export {
  changeableLayers,
  decideLayers,
  dropHandle,
  exec,
  exit,
  fork,
  type LayerKey,
  type LayersDecision,
  type Mutability,
  mayUse,
  newWorld,
  type OpenedFile,
  openFile,
  type Principal,
  passHandle,
  type Snapshot,
  snapshot,
  type TaskId,
  type World,
} from './world.ts';
