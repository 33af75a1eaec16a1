/**
 * What user-space Landlock keeps for one run: threads, rulesets, inodes, sockets, identifiers and the log.
 *
 * Owns the putting together and the end of it all. Runs share nothing: a domain of one means nothing to another.
 */

import {
  type Behaviour,
  type Credential,
  type Domain,
  IdGenerator,
  linux,
  type Node,
  type Process,
} from '../../model/landlock/index.ts';
import { type LayerSockets, PLAIN_SOCKETS, type SocketMode } from '../../model/sockets/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { Question } from '../authority.ts';
import { type Call, refuse } from '../call.ts';
import { Handles } from '../handles.ts';
import { namespacesOf } from '../processes/namespaces.ts';
import { idTag, membersOf } from '../tag.ts';
import { AuditLog } from './audit-log.ts';
import { DomainNames } from './domain-names.ts';
import { Programs } from './exec-identity.ts';
import { Inodes } from './inodes.ts';
import { KnownSockets } from './known-sockets.ts';
import { LoadedPrograms } from './loaded-programs.ts';
import { Mounts } from './mounts.ts';
import { restoreLandlock } from './restore.ts';
import type { Held } from './rulesets.ts';
import { SocketCreators } from './sockets.ts';
import { writeNumber } from './thread-number.ts';
import { type ThreadState, Threads } from './threads.ts';

const KEY = Symbol('user-space Landlock');

const randomBelow = (below: number) => crypto.getRandomValues(new Uint32Array(1))[0]! % below;

export class LandlockRun implements Disposable {
  readonly behaviour: Behaviour;
  readonly threads: Threads;
  readonly rulesets = new Handles<Held>();
  readonly inodes = new Inodes();
  readonly mounts = new Mounts();
  readonly sockets = new SocketCreators();
  readonly known = new KnownSockets();
  /** Whose credential decides on sockets. */
  readonly mode: SocketMode;
  readonly programs = new Programs();
  readonly loaded = new LoadedPrograms();
  readonly ids: IdGenerator;
  readonly audit: AuditLog;
  /** What the domains are called. */
  readonly names: DomainNames;
  /** Whether every process of the run has no_new_privs from its start. */
  readonly imposesNoNewPrivs: boolean;
  readonly #tag: bigint;
  readonly #processes = new Map<number, Process>();
  readonly #says = new WeakMap<Node, LayerSockets>();

  /** @param first the first call of the run, when only its first thread is there */
  constructor(first: Call) {
    const { run, target } = first;
    this.names = new DomainNames(namespacesOf(first));
    this.imposesNoNewPrivs = target.status().noNewPrivs;
    const saved = run.plan.supervisor.restored?.landlock ?? null;
    this.ids = new IdGenerator(randomBelow, saved === null ? undefined : BigInt(saved.next));
    const shown = run.plan.supervisor.landlock;
    this.behaviour = linux(shown?.abi ?? 0, {
      ...(shown === undefined ? {} : { errata: shown.errata }),
      knobs: { tellsErrata: true },
    });
    this.mode = shown?.sockets ?? 'caller';
    this.#tag = idTag(run.id);
    this.threads = new Threads(
      () => membersOf(this.#tag),
      (reason) => run.kill(reason),
    );
    this.audit = new AuditLog(this);
    if (saved !== null) restoreLandlock(this, saved);
    // What the thread has inherited from somebody who used the same numbers means nothing here.
    writeNumber(target.tid, saved?.start ?? 0);
  }

  /** The state of a thread of this run; `undefined` where it is gone. */
  state(tid: number): ThreadState | undefined {
    return this.threads.of(tid);
  }

  /** The credential of the calling thread. Which program its layers were enforced in is looked up when asked. */
  caller(call: Call): Credential {
    const tid = call.target.tid;
    const credential = this.state(tid)?.credential;
    return credential === undefined ? refuse(ERRNO.ESRCH) : this.lazily(credential, tid);
  }

  /** A credential whose `sameExec` is only looked up where a denial is logged. */
  lazily(credential: Credential, tid: number): Credential {
    if (credential.domain === null) return credential;
    const { domain, subdomainsMuted } = credential;
    const { programs } = this;
    let known: number | undefined;
    return {
      domain,
      subdomainsMuted,
      get sameExec() {
        known ??= programs.sameExec(domain, tid);
        return known;
      },
    };
  }

  /**
   * Whether a thread counts as one with no_new_privs. Where the supervisor sets it for everybody, only what the program
   * asked for counts.
   */
  hasNoNewPrivs(call: Call, state: ThreadState): boolean {
    return state.noNewPrivs || (!this.imposesNoNewPrivs && call.target.status().noNewPrivs);
  }

  /**
   * A layer was added by the calling thread.
   *
   * @param sockets what its ruleset says of sockets
   */
  enforced(node: Node, call: Call, sockets?: LayerSockets): void {
    if (sockets !== undefined) this.#says.set(node, sockets);
    const { tid } = call.target;
    this.names.enforced(node, tid, call.target.status().namespacedTids);
    this.programs.enforced(node, tid);
    this.audit.enforced(node, call);
  }

  /** What a layer says of sockets. */
  says(node: Node): LayerSockets {
    return this.#says.get(node) ?? PLAIN_SOCKETS;
  }

  /** A question told of a socket of the caller: one that was not known is the caller's own. */
  met(question: Question, { domain }: Credential): void {
    if (question.kind === 'unix' && question.socket !== undefined)
      this.sockets.met(question.socket.ino, domain);
  }

  /** The processes of the run. */
  members(): readonly number[] {
    return membersOf(this.#tag);
  }

  /** The processes of the run with the domain of each one's first thread. */
  *domains(): Iterable<readonly [pid: number, domain: Domain | null]> {
    for (const pid of membersOf(this.#tag)) yield [pid, this.state(pid)?.credential.domain ?? null];
  }

  /** One object for each process. */
  process(pid: number): Process {
    const known = this.#processes.get(pid);
    if (known !== undefined) return known;
    if (this.#processes.size > 4096) this.#processes.clear();
    const made: Process = { pid };
    this.#processes.set(pid, made);
    return made;
  }

  [Symbol.dispose](): void {
    this.audit[Symbol.dispose]();
    this.known[Symbol.dispose]();
    this.rulesets[Symbol.dispose]();
    this.loaded[Symbol.dispose]();
  }
}

/** The state of a run, made when a call of it is first answered. */
export function landlockOf(call: Call): LandlockRun {
  return call.run.state(KEY, () => new LandlockRun(call));
}

/** The state of a run, if a call of it was answered. */
export function knownLandlock(run: {
  known<T extends Disposable>(key: symbol): T | undefined;
}): LandlockRun | undefined {
  return run.known<LandlockRun>(KEY);
}
