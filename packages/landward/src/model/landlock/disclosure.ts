/**
 * Who may learn which domain: names of the form TID.version relative to the reader's PID namespace, and identifiers that
 * only somebody above may read. Identity and ancestry come from `domain.ts`; this file adds no relation of its own.
 */

import type { Node } from './domain.ts';
import { done, type Result, refused } from './result.ts';

/** A PID namespace. */
export interface PidNamespace {
  readonly parent: PidNamespace | null;
}

/** The thread that made a domain: its namespace, and its number in that namespace and each one above. */
export interface Creator {
  readonly namespace: PidNamespace;
  readonly tid: (namespace: PidNamespace) => number;
}

/** A domain's name: who made it, and how many domains that thread had made before. */
export interface DomainName {
  readonly creator: Creator;
  readonly version: number;
}

/** What a reader sees of a name that it may not see. */
export const HIDDEN_NAME = '0.0';

/**
 * The name for the next domain that a thread makes.
 *
 * @param before the names that are in use; one that is gone leaves no hole that a later one could take.
 */
export function nextName(creator: Creator, before: readonly DomainName[]): DomainName {
  const own = before.filter((name) => name.creator === creator).map(({ version }) => version);
  return { creator, version: own.length === 0 ? 0 : Math.max(...own) + 1 };
}

/**
 * A name as a reader sees it: `TID.version` where the creator lives in the reader's namespace or one below, else `0.0`.
 * The initial namespace sees every name; that is what logs carry.
 *
 * @param reader the namespace of the reader's proc mount.
 */
export function readName(name: DomainName, reader: PidNamespace): string {
  for (
    let namespace: PidNamespace | null = name.creator.namespace;
    namespace !== null;
    namespace = namespace.parent
  ) {
    if (namespace === reader) return `${name.creator.tid(reader)}.${name.version}`;
  }
  return HIDDEN_NAME;
}

/** A name as one 64-bit number: the thread's number above, the version below; 0 where it is hidden. */
export function packName(name: DomainName, reader: PidNamespace): bigint {
  const [tid, version] = readName(name, reader).split('.');
  return (BigInt(tid!) << 32n) | BigInt(version!);
}

/** Whether a reader can tell from the name that a task is in a domain at all. */
export function tellsSandboxed(name: DomainName | null, reader: PidNamespace): boolean {
  return name !== null && readName(name, reader) !== HIDDEN_NAME;
}

/** What of a domain tells who is nested under whom: the identities of its layers. */
export interface Lineage {
  readonly layers: readonly { readonly node: Node }[];
  readonly node: Node;
}

/** Identifiers of a target's domains that a reader may have. */
export interface Disclosed {
  /** The target's outermost domain below the reader's own. */
  readonly first: bigint | null;
  /** The target's innermost domain. */
  readonly last: bigint | null;
}

const NOTHING: Disclosed = { first: null, last: null };

/**
 * What a reader learns about a target: its domains below the reader's, and nothing unless the target is strictly nested
 * under the reader. A reader without domain may read all.
 *
 * @param reader the domain of the task that opened the descriptor of the target.
 */
export function disclose(reader: Lineage | null, target: Lineage | null): Disclosed {
  const depth = reader === null ? 0 : reader.layers.length;
  if (target === null || target.layers.length <= depth) return NOTHING;
  const above: Node | null = reader?.node ?? null;
  if (target.layers[depth]!.node.parent !== above) return NOTHING;
  return { first: target.layers[depth]!.node.id, last: target.node.id };
}

/** Whether a target carries every layer of a reader: the same domain, or one below. A reader without domain is above all. */
function isWithin(reader: Lineage | null, target: Lineage): boolean {
  if (reader === null) return true;
  const { depth } = reader.node;
  return target.layers[depth]?.node === reader.node;
}

/**
 * Whether a reader may hold on to the domain of a task: the relation of ptrace between both domains, and nothing is told
 * of a domain whose name the reader may not see, unless it is the reader's own or above it.
 *
 * @param name the name of the target's innermost domain; `null` where it is in none.
 * @param namespace the PID namespace of the reader.
 * @returns nothing, EPERM where the target is not the reader's to look into, ENOENT where there is no domain, or none that
 *   may be told of.
 */
export function openDomain(
  reader: Lineage | null,
  target: Lineage | null,
  name: DomainName | null,
  namespace: PidNamespace,
): Result<null> {
  if (target === null) return refused(reader === null ? 'ENOENT' : 'EPERM');
  if (!isWithin(reader, target)) return refused('EPERM');
  if (reader !== null && reader.node === target.node) return done(null);
  return tellsSandboxed(name, namespace) ? done(null) : refused('ENOENT');
}

/** A domain field of the caller's structure: which one, and the byte behind its last. */
export interface DisclosureField {
  readonly field: keyof Disclosed;
  readonly end: number;
}

/**
 * The call that asks for identifiers: fields that were asked for and may be known are filled, the bits of the others are
 * left clear in the answer. Asking changes nothing, so asking again gives the same.
 *
 * @param fields what is asked; the layout is the caller's, because no kernel has merged one.
 * @param size the size of the caller's structure in bytes.
 * @returns the filled fields, or EINVAL for a structure that is too short for a field that is asked for, whoever asks.
 */
export function discloseCall(
  reader: Lineage | null,
  target: Lineage | null,
  fields: readonly DisclosureField[],
  size: number,
): Result<Partial<Disclosed>> {
  if (fields.some(({ end }) => end > size)) return refused('EINVAL');
  const known = disclose(reader, target);
  const filled = fields.flatMap(({ field }) => (known[field] === null ? [] : [[field, known[field]]]));
  return done(Object.fromEntries(filled));
}
