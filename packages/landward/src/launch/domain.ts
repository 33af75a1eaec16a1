/**
 * The domain of a process, from outside: which it is, whether two are the same, what it allows, and the same restrictions for
 * another run. Bound to the process by a pidfd, so that a number that comes to mean another process is never taken for it.
 *
 * Owns the finding. Only what landward itself has put on, or answers for, is known: no kernel tells another's domain. What is
 * not known is said to be unknown, never to be unrestricted. Who may learn which identifier is `model/landlock/disclosure`.
 */

import { readFileSync, readlinkSync } from 'node:fs';
import { type KnownRun, layersOfRun } from '../audit/registry/read.ts';
import { LandwardError } from '../errors.ts';
import { attempt } from '../kernel/call.ts';
import { Fd } from '../kernel/fd.ts';
import { openPidfd } from '../kernel/process.ts';
import { disclose, type Lineage, type Node } from '../model/landlock/index.ts';
import { bindingLayers } from '../model/layers/rule-stack.ts';
import type { RuleLayer } from '../model/rules.ts';
import type { Policy } from '../policy/policy.ts';
import { isTagged, tagId, tagOf } from '../supervisor/tag.ts';
import { ERRNO, errnoName } from '../uapi/errno.ts';
import { F } from '../uapi/open.ts';
import type { Kept } from './checkpoint-file.ts';
import { type CompileOptions, type PolicySource, resolveSource } from './compile.ts';
import { askRun } from './control/client.ts';
import { type FoundDomain, findDomain, unsupported } from './domain-found.ts';
import { type ImportedLayers, layersOfDomain } from './domain-layers.ts';
import { escapeText } from './escape.ts';
import { stateDirectory } from './variables.ts';

const CAP_AUDIT_READ = 37n;
/** The first user namespace reads so on every Linux. */
const FIRST_USERS = 'user:[4026531837]';
const NEVER_LOGGED = { sameExec: false, newExec: false, disabled: false } as const;

/** Which domain: as audit has it, or as `TID.version` where that is not this process's to know. */
export type DomainId =
  | { readonly kind: 'absolute'; readonly id: bigint; readonly text: string }
  | { readonly kind: 'relative'; readonly name: string; readonly packed: bigint };

/** Identifiers of a domain, in the shape that was proposed for pidfds: a field that may not be known is absent. */
export interface DomainInfo {
  /** The target's innermost domain. */
  readonly last?: bigint;
  /** The target's outermost domain below the reader's own. */
  readonly first?: bigint;
}

/**
 * The domain that restricted a process when it was opened. It keeps what it means when the process ends.
 *
 * @example
 * using domain = await openDomain(child.pid);
 * console.log(domain.name, domain.equals(other));
 */
export class Domain implements Disposable {
  /** The run that the process belongs to, sixteen hex digits. */
  readonly run: string;
  /** `TID.version` in this PID namespace; `0.0` where its maker is not seen here. */
  readonly name: string;
  readonly #found: FoundDomain;
  readonly #pidfd: Fd;

  /** @internal */
  constructor(found: FoundDomain, pidfd: Fd) {
    this.#found = found;
    this.#pidfd = pidfd;
    this.run = found.run;
    this.name = nameOf(found);
  }

  /** Whether the process is still there. */
  get alive(): boolean {
    const { number } = this.#pidfd;
    return number >= 0 && attempt('pidfd_send_signal', number, 0, null, 0) !== -ERRNO.ESRCH;
  }

  /** The layers that the program has put on itself, besides those of the run's policy. */
  get ownLayers(): number {
    return this.#found.own?.layers.length ?? 0;
  }

  /** Which domain it is: absolute for whoever may read audit (CAP_AUDIT_READ), else relative to this PID namespace. */
  id(): DomainId {
    const { last } = disclose(null, this.#lineage());
    if (last !== null && mayReadAudit()) return { kind: 'absolute', id: last, text: last.toString(16) };
    const [tid = '0', version = '0'] = this.name.split('.');
    return { kind: 'relative', name: this.name, packed: (BigInt(tid) << 32n) | BigInt(version) };
  }

  /** Whether two processes are in one domain. Layers that say the same are not the same layer. */
  equals(other: Domain): boolean {
    const [own, others] = [this.#lineage(), other.#lineage()];
    return (
      this.run === other.run && own.node.id === others.node.id && own.layers.length === others.layers.length
    );
  }

  /**
   * The identifiers that this process may have. A process that is in a sandbox itself learns of domains below its own and
   * of no other.
   */
  info(): DomainInfo {
    const tag = tagOf(process.pid);
    const inside = tag !== undefined && isTagged(tag);
    const own = this.#lineage();
    const reader = inside ? (tagId(tag) === this.run ? outermost(own) : STRANGER) : null;
    const { first, last } = disclose(reader, own);
    return { ...(last === null ? {} : { last }), ...(first === null ? {} : { first }) };
  }

  /**
   * The layers that restrict the process, as layers that narrow another policy: those of its run as they are now, then those
   * that it has put on itself.
   *
   * @throws LandwardError UNSUPPORTED where they are not known, or cannot be said in a policy
   */
  async asLayers(): Promise<ImportedLayers> {
    const { known, own, run } = this.#found;
    if (known === undefined) throw unsupported(`The layers of ${run} are in another user's registry`);
    const besides = known.record.besides ?? (own?.programs === true ? ['policy programs of its own'] : []);
    if (besides.length > 0)
      throw unsupported(
        `The run ${run} is restricted by more than layers, which no policy can say: ${besides.join(', ')}`,
      );
    const imported = own === null ? { layers: [], stricter: [] } : layersOfDomain(own);
    return { ...imported, layers: [...(await presentLayers(known)).map(limiting), ...imported.layers] };
  }

  /**
   * A policy that allows what both it and this domain allow: the intersection of all layers.
   *
   * @param source the policy to narrow, such as `@default`
   * @throws as `asLayers` and `compile`
   * @example
   * await spawn('make', ['test'], { policy: await domain.narrow('@default') });
   */
  async narrow(source: PolicySource, options: CompileOptions = {}): Promise<Policy> {
    const { layers } = await this.asLayers();
    const policy = await resolveSource(source, options);
    return { ...policy, layers: [...policy.layers, ...layers] };
  }

  close(): void {
    this.#pidfd.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The identities of the layers, the run's first. */
  #lineage(): Lineage {
    const { known, own, run } = this.#found;
    const nodes: Node[] = [];
    const add = (id: bigint | null) =>
      void nodes.push({ parent: nodes.at(-1) ?? null, depth: nodes.length, id, log: NEVER_LOGGED });
    if (own === null || own.layers.length === 0 || (known?.record.domains ?? 1) > 0) add(BigInt(`0x${run}`));
    for (const { id } of own?.layers ?? []) add(id === null ? null : BigInt(`0x${id}`));
    return { layers: nodes.map((node) => ({ node })), node: nodes.at(-1)! };
  }
}

/** A reader in another sandbox: above nobody. */
const STRANGER: Lineage = (() => {
  const node: Node = { parent: null, depth: 0, id: null, log: NEVER_LOGGED };
  return { layers: [{ node }], node };
})();

function outermost({ layers }: Lineage): Lineage {
  const first = layers[0]!;
  return { layers: [first], node: first.node };
}

/**
 * Opens the domain of a process.
 *
 * @param who a process id, looked at through a pidfd that is opened first; or such a pidfd, which is duplicated
 * @throws LandwardError UNSUPPORTED where nothing is known of the process's restrictions, KERNEL where there is no such process
 * @example
 * using domain = await openDomain(4711);
 */
export async function openDomain(who: number | { readonly pidfd: number }): Promise<Domain> {
  const pidfd = typeof who === 'number' ? openPidfd(who) : duplicate(who.pidfd);
  try {
    return new Domain(await findDomain(pidfd.number), pidfd);
  } catch (error) {
    pidfd.close();
    throw error;
  }
}

function duplicate(pidfd: number): Fd {
  const made = attempt('fcntl', pidfd, F.DUPFD_CLOEXEC, 0);
  if (made < 0)
    throw new LandwardError('KERNEL', `The descriptor ${pidfd} cannot be used (${errnoName(-made)})`);
  return new Fd(made);
}

/** Every layer that binds a run now: its supervisor's where some may change, else those that it began with. */
async function presentLayers(known: KnownRun): Promise<readonly RuleLayer[]> {
  const layers = layersOfRun(stateDirectory(), known.record);
  if (layers === null) throw unsupported(`The layers of ${known.record.id} are not in the registry any more`);
  if (!layers.some(({ mutable, state }) => mutable !== undefined || state !== undefined)) return layers;
  // Of a layer that may only become stricter, older versions bind as well.
  const { saved } = JSON.parse((await askRun(known, { op: 'checkpoint' })) as string) as Kept;
  return saved.run.layers === null ? layers : bindingLayers(saved.run.layers);
}

/** A layer of a run as one that only narrows, and never changes. */
function limiting(layer: RuleLayer): RuleLayer {
  const { mutable: _mutable, state: _state, ...rest } = layer;
  const rules = rest.rules.map((rule) =>
    rule.kind === 'path' && rule.missing !== 'optional' ? { ...rule, missing: 'optional' as const } : rule,
  );
  return { ...rest, kind: 'limit', name: `${escapeText(layer.name)} (imported)`, rules };
}

function nameOf({ run: _, known, own }: FoundDomain): string {
  const last = own?.layers.at(-1);
  if (last !== undefined) return last.name;
  const record = known?.record;
  return record === undefined || record.namespace !== ownNamespace() ? '0.0' : `${record.pid}.0`;
}

function ownNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

/** Whether this process may read the kernel's audit, in whose log absolute identifiers are. */
function mayReadAudit(): boolean {
  const field = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  if (((BigInt(`0x${field}`) >> CAP_AUDIT_READ) & 1n) === 0n) return false;
  try {
    return readlinkSync('/proc/self/ns/user') === FIRST_USERS;
  } catch {
    return false;
  }
}
