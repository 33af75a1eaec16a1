/**
 * LAYERS: which layers bind the calling thread, and whether any of them may change under it. A thread learns it about itself
 * only, and of a layer no more than that it is there: not what it says, who owns it, or who else is in it.
 *
 * Owns the reading out. The layout is `uapi/landward.ts`.
 */

import { packName } from '../../model/landlock/index.ts';
import type { RuleLayer } from '../../model/rules.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { LAYER_CHANGE, LAYER_KIND, LAYER_RECORD, LAYERS_FLAGS, LAYERS_HEADER } from '../../uapi/landward.ts';
import { type Call, type Handler, refuse } from '../call.ts';
import { landlockOf } from '../landlock/landlock-run.ts';
import { namespacesOf } from '../processes/namespaces.ts';

const CHANGES = { stricter: LAYER_CHANGE.STRICTER, any: LAYER_CHANGE.ANY } as const;

/** LAYERS (buffer, size). */
export const layers: Handler = (call) => {
  if (call.arg(4) !== 0) return refuse(ERRNO.EINVAL);
  const records = [...present(call.run.layers).map(policyRecord), ...landlockRecords(call)];
  const header = LAYERS_HEADER.encode({
    header_size: LAYERS_HEADER.size,
    record_size: LAYER_RECORD.size,
    count: records.length,
    flags: flagsOf(call),
  });
  const bytes = Buffer.concat([header, ...records]);
  const size = call.arg(3);
  if (size === 0) return { kind: 'value', value: bytes.length };
  if (size < bytes.length) return refuse(ERRNO.ERANGE);
  call.target.write(call.arg(2), bytes);
  return { kind: 'value', value: bytes.length };
};

/** Each layer once: earlier versions of one that got stricter go on binding beside the last. */
function present(all: readonly RuleLayer[]): readonly RuleLayer[] {
  const last = new Map(all.map((layer) => [layer.state?.key ?? layer, layer]));
  return [...last.values()];
}

function policyRecord({ kind, mutable }: RuleLayer, index: number): Uint8Array {
  return LAYER_RECORD.encode({
    kind: kind === 'grant' ? LAYER_KIND.GRANT : LAYER_KIND.LIMIT,
    change: mutable === undefined ? LAYER_CHANGE.NEVER : CHANGES[mutable],
    id: index,
  });
}

function landlockRecords(call: Call): Uint8Array[] {
  if (call.run.plan.supervisor.landlock === undefined) return [];
  const landlock = landlockOf(call);
  const { domain } = landlock.caller(call);
  if (domain === null) return [];
  const namespace = namespacesOf(call).of(call.target.tid);
  return domain.layers.map(({ node }) => {
    const name = landlock.names.of(node);
    const id = name === null ? 0n : packName(name, namespace);
    return LAYER_RECORD.encode({ kind: LAYER_KIND.LANDLOCK, change: LAYER_CHANGE.NEVER, id });
  });
}

function flagsOf({ run }: Call): number {
  const { addsLayers, programs, decides } = run.plan.supervisor;
  const asks = (programs?.length ?? 0) > 0 || (decides?.length ?? 0) > 0;
  return (addsLayers === true ? LAYERS_FLAGS.GROWS : 0) | (asks ? LAYERS_FLAGS.ASKS : 0);
}
