/**
 * What a program may ask about domains: a descriptor of one, its identifier, whether two are the same, and a copy to put on.
 *
 * Owns the reading of arguments and the handles. Who may learn what is `model/landlock/disclosure`. A descriptor keeps what it
 * means: that of a process that is gone, and whose number means another, goes on meaning the domain that was opened.
 */

import {
  type Domain,
  type DomainName,
  type Lineage,
  openDomain,
  type PidNamespace,
  packName,
} from '../../model/landlock/index.ts';
import type { ProgramDomain } from '../../model/programs/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { DOMAIN_ID } from '../../uapi/landward.ts';
import { type Call, DONE, type Handler, must, refuse } from '../call.ts';
import { Handles } from '../handles.ts';
import { ownName } from '../landlock/domain-names.ts';
import { landlockOf } from '../landlock/landlock-run.ts';
import { copyOf } from '../landlock/rulesets.ts';
import { isMember } from '../processes/members.ts';
import { namespacesOf } from '../processes/namespaces.ts';
import { mayLookInto } from '../processes/permission.ts';
import { pidfdOf } from '../processes/pidfds.ts';
import { isOver } from '../tag.ts';

const CAP_AUDIT_READ = 37n;
const ID_BYTES = 8;

/** What a descriptor of a domain means. */
interface OpenDomain {
  /** The program's own domain; `null` where only the policy of the run restricts. */
  readonly domain: Domain | null;
  /** Policy programs that go with it and that no ruleset can say. */
  readonly programs: ProgramDomain | null;
}

/** The descriptors of a run. The same domain is one object, however often it is opened. */
class Domains implements Disposable {
  readonly handles = new Handles<OpenDomain>();
  readonly #policy: OpenDomain = { domain: null, programs: null };
  readonly #of = new WeakMap<Domain, OpenDomain[]>();

  opened(domain: Domain | null, programs: ProgramDomain | null): OpenDomain {
    if (domain === null) return this.#policy;
    const known = this.#of.get(domain) ?? [];
    this.#of.set(domain, known);
    const same = known.find((one) => one.programs === programs);
    if (same !== undefined) return same;
    const made = { domain, programs };
    known.push(made);
    return made;
  }

  [Symbol.dispose](): void {
    this.handles[Symbol.dispose]();
  }
}

const KEY = Symbol('domains');
const domainsOf = (call: Call) => call.run.state(KEY, () => new Domains());

const usesLandlock = (call: Call) => call.run.plan.supervisor.landlock !== undefined;
/** Whether the run as such is a domain: then everybody in it is in one. */
const hasPolicy = (call: Call) => call.run.layers.length > 0;

function mustBeZero(call: Call, ...indices: readonly number[]): void {
  if (indices.some((index) => call.arg(index) !== 0)) refuse(ERRNO.EINVAL);
}

/** The identity and programs of a thread; nothing where programs' own Landlock is not answered here. */
function stateOf(call: Call, tid: number): { domain: Domain | null; programs: ProgramDomain | null } {
  if (!usesLandlock(call)) return { domain: null, programs: null };
  const { credential, programs } = landlockOf(call).state(tid) ?? refuse(ERRNO.ESRCH);
  return { domain: credential.domain, programs };
}

/** DOMAIN_OPEN (pidfd or -1, flags 0). */
export const openDomainOf: Handler = (call) => {
  mustBeZero(call, 3, 4);
  const number = call.int(2);
  const { tid } = call.target;
  const target = number === -1 ? stateOf(call, tid) : otherState(call, number);
  const domains = domainsOf(call);
  const { domain, programs } = target;
  // What a run has in common is below no domain of a part of it, and everybody's own.
  if (domain !== null || !hasPolicy(call)) {
    const name = domain === null ? null : landlockOf(call).names.of(domain.node);
    const reader: Lineage | null = stateOf(call, tid).domain;
    const opened = openDomain(reader, domain, name, namespacesOf(call).of(tid));
    if (!opened.ok) return refuse(opened.errno);
  } else if (stateOf(call, tid).domain !== null) return refuse(ERRNO.EPERM);
  const fd = call.own(must(domains.handles.make(domains.opened(domain, programs))));
  return { kind: 'fd', fd, cloexec: true };
};

/** The state of a process by its descriptor, which is looked at again: the number that was read must still be its own. */
function otherState(call: Call, number: number): ReturnType<typeof stateOf> {
  const { pid } = pidfdOf(call, number);
  if (pid === null) return refuse(ERRNO.ESRCH);
  if (!isMember(call, pid)) return refuse(pidfdOf(call, number).pid === pid ? ERRNO.EPERM : ERRNO.ESRCH);
  if (pid !== call.target.status().pid) {
    const { errno } = call.run.authority.ask(call, { kind: 'ptrace', tid: pid });
    if (errno !== 0) return refuse(errno);
    if (!mayLookInto(call, pid)) return refuse(ERRNO.EPERM);
  }
  const state = stateOf(call, pid);
  // What has ended is in a domain no more, and the kernel does not tell which it was in.
  if (isOver(pid)) return refuse(ERRNO.ESRCH);
  return pidfdOf(call, number).pid === pid ? state : refuse(ERRNO.ESRCH);
}

/** A descriptor argument that has to be one of a domain of this run. */
function domainArgument(call: Call, index: number): OpenDomain {
  return domainsOf(call).handles.find(call.target.fd(call.int(index))) ?? refuse(ERRNO.EINVAL);
}

/** What the caller's own domain is called, and where the caller reads it; `null` where it is in none. */
export function nameOfCaller(call: Call): { name: DomainName; namespace: PidNamespace } | null {
  const { domain } = stateOf(call, call.target.tid);
  if (domain === null && !hasPolicy(call)) return null;
  const name = nameOf(call, { domain, programs: null });
  return name === null ? null : { name, namespace: namespacesOf(call).of(call.target.tid) };
}

/** What the domain is called, for whoever may see its maker. */
function nameOf(call: Call, { domain }: OpenDomain): DomainName | null {
  if (domain !== null) return landlockOf(call).names.of(domain.node);
  return ownName(namespacesOf(call), call.run.first);
}

/** DOMAIN_ID (domain, buffer, flags). */
export const idOfDomain: Handler = (call) => {
  const flags = call.uint(4);
  if ((flags & ~DOMAIN_ID.ABSOLUTE) !== 0) return refuse(ERRNO.EINVAL);
  const open = domainArgument(call, 2);
  const bytes = new Uint8Array(ID_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, idOf(call, open, flags !== 0), true);
  call.target.write(call.arg(3), bytes);
  return DONE;
};

function idOf(call: Call, open: OpenDomain, absolute: boolean): bigint {
  if (absolute) {
    if (((call.target.status().capabilities >> CAP_AUDIT_READ) & 1n) === 0n) return refuse(ERRNO.EPERM);
    return open.domain === null ? BigInt(`0x${call.run.id}`) : (open.domain.node.id ?? 0n);
  }
  const name = nameOf(call, open);
  return name === null ? 0n : packName(name, namespacesOf(call).of(call.target.tid));
}

/** DOMAIN_SAME (domain, domain). */
export const isSameDomain: Handler = (call) => {
  mustBeZero(call, 4);
  const [one, other] = [domainArgument(call, 2), domainArgument(call, 3)];
  return { kind: 'value', value: one.domain?.node === other.domain?.node ? 1 : 0 };
};

/** DOMAIN_RULESET (domain, flags 0). A copy that would say less than the domain is refused. */
export const rulesetOfDomain: Handler = (call) => {
  mustBeZero(call, 3, 4);
  const { domain, programs } = domainArgument(call, 2);
  if (domain === null || programs !== null) return refuse(ERRNO.EOPNOTSUPP);
  const landlock = landlockOf(call);
  const fd = call.own(must(landlock.rulesets.make(copyOf(landlock, domain))));
  return { kind: 'fd', fd, cloexec: true };
};
