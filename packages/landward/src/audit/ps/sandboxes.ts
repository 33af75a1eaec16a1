/**
 * Sandboxes from the registry's runs and the processes that are seen: who belongs to which, nested how, named how.
 *
 * Reads nothing itself. What a reader may know of names and identifiers is the model's answer (`landlock/disclosure`). What cannot be seen
 * is said: a number of layers is a lower bound, an identifier is known only from audit.
 */

import { disclose, type Lineage, type PidNamespace, readName } from '../../model/landlock/index.ts';
import { FIRST_NAMESPACE } from '../registry/read.ts';
import type { RunRecord } from '../registry/record.ts';
import type { Processes, ProcessFact } from './processes.ts';

/** A run of the registry, and what is known beside it. */
export interface RunFact {
  readonly record: RunRecord;
  readonly ended: boolean;
  /** Different denials that the supervisor told; `null` where nobody is told (the kernel alone holds the run). */
  readonly denials: number | null;
  /** The kernel's identifier of its youngest domain, where a log told it. */
  readonly domain?: bigint;
}

/** A sandbox. */
export interface Sandbox {
  readonly run: string;
  /** `TID.version` as this reader's PID namespace sees it; `0.0` where it may not see who made the domain. */
  readonly name: string;
  /** The kernel's identifier in hexadecimal, as audit prints it; `null` where it is not known or not for this reader. */
  readonly domain: string | null;
  /** The run that it is nested in. */
  readonly parent: string | null;
  readonly mode: RunRecord['mode'] | 'unknown';
  /** `unknown` where its processes would be out of sight. */
  readonly state: 'running' | 'ended' | 'unknown';
  readonly uid: number;
  /** Milliseconds since 1970; `null` where the registry does not have it. */
  readonly since: number | null;
  readonly digest: string | null;
  /** The policy files and words as they were given. */
  readonly policy: readonly string[];
  readonly command: readonly string[];
  /** Landlock layers that are known, of the 16 that a thread can have. A program may have added more. */
  readonly layers: { readonly atLeast: number; readonly of: 16 };
  /** Of all its processes; `null` where there is none to ask. */
  readonly noNewPrivs: boolean | null;
  /** The fewest filters that one of its processes has; `null` where there is none. */
  readonly seccompFilters: number | null;
  readonly denials: number | null;
  readonly processes: readonly Pick<ProcessFact, 'pid' | 'parent' | 'comm'>[];
}

/** The process that asks. */
export interface Reader {
  readonly pid: number;
  /** Its PID namespace, as its link in /proc reads. */
  readonly namespace: string | undefined;
  readonly boot: string;
}

/** Everything that is known about sandboxes here. */
export interface View {
  readonly sandboxes: readonly Sandbox[];
  /** The run that the reader itself is in. */
  readonly inside: string | null;
  /** What could not be seen, in sentences. */
  readonly unseen: readonly string[];
}

const MAX_LAYERS = 16;
const HERE: PidNamespace = { parent: null };
const ELSEWHERE: PidNamespace = { parent: null };

/**
 * Joins runs and processes.
 *
 */
export function findSandboxes(runs: readonly RunFact[], processes: Processes, self: Reader): View {
  const byPid = new Map(processes.list.map((process) => [process.pid, process]));
  const known = new Map(runs.map((run) => [run.record.id, run]));
  const firsts = new Map<string, ProcessFact>();
  for (const { record, ended } of runs) {
    const first = ended ? undefined : processes.list.find((process) => isFirst(process, record));
    if (first !== undefined) firsts.set(record.id, first);
  }
  const owners = ownersOf(processes.list, byPid, firsts);
  const ids = new Set([...known.keys(), ...owners.values()]);
  const members = new Map([...ids].map((id) => [id, [] as ProcessFact[]]));
  for (const process of processes.list) {
    const id = owners.get(process.pid);
    if (id !== undefined) members.get(id)!.push(process);
  }
  const parents = new Map([...ids].map((id) => [id, parentOf(id, members.get(id)!, byPid, owners)]));
  const lineage = lineagesOf(ids, parents, known);
  const inside = owners.get(self.pid) ?? null;
  const reader = inside === null ? null : lineage(inside);
  const sandboxes = [...ids].map((id): Sandbox => {
    const fact = known.get(id);
    const own = members.get(id)!;
    const target = lineage(id);
    return {
      run: id,
      name: nameOf(firsts.get(id), fact?.record, self.namespace),
      domain: disclose(reader, target).last?.toString(16) ?? null,
      parent: parents.get(id)!,
      mode: fact?.record.mode ?? 'unknown',
      state: own.length > 0 ? 'running' : stateOf(fact, processes, self),
      uid: fact?.record.uid ?? own[0]?.uid ?? 0,
      since: fact?.record.time ?? null,
      digest: fact === undefined || fact.record.digest === '' ? null : fact.record.digest,
      policy: fact === undefined ? [] : [...fact.record.files, ...fact.record.words],
      command: fact?.record.command ?? [],
      layers: { atLeast: target?.layers.length ?? 0, of: MAX_LAYERS },
      noNewPrivs: own.length === 0 ? null : own.every(({ noNewPrivs }) => noNewPrivs),
      seccompFilters: own.length === 0 ? null : Math.min(...own.map(({ seccomp }) => seccomp.filters)),
      denials: fact?.denials ?? null,
      processes: own.map(({ pid, parent, comm }) => ({ pid, parent, comm })),
    };
  });
  return { sandboxes, inside, unseen: unseenOf(sandboxes, processes, self.namespace) };
}

/** The state of a run of which no process is seen. */
function stateOf(fact: RunFact | undefined, { partial }: Processes, self: Reader): 'ended' | 'unknown' {
  if (fact === undefined || fact.ended || fact.record.boot !== self.boot) return 'ended';
  return partial || fact.record.namespace !== self.namespace ? 'unknown' : 'ended';
}

/** The process that a record names: by a number that it has in some namespace, and by when it started. */
function isFirst(process: ProcessFact, record: RunRecord): boolean {
  return process.numbers.includes(record.pid) && process.started === record.started;
}

/** Which run each process belongs to: by its mark, or by descent from the first process of a run without marks. */
function ownersOf(
  list: readonly ProcessFact[],
  byPid: ReadonlyMap<number, ProcessFact>,
  firsts: ReadonlyMap<string, ProcessFact>,
): Map<number, string> {
  const owners = new Map<number, string>();
  const first = new Map([...firsts].map(([id, { pid }]) => [pid, id]));
  for (const process of list) {
    const way = [process.pid];
    for (
      let at: ProcessFact | undefined = process, steps = 0;
      at !== undefined && steps < list.length;
      steps++
    ) {
      const found = owners.get(at.pid) ?? first.get(at.pid) ?? at.run;
      if (found !== null && found !== undefined) {
        // A mark is closer than descent: it cannot be taken off.
        for (const pid of way) owners.set(pid, byPid.get(pid)!.run ?? found);
        break;
      }
      at = byPid.get(at.parent);
      if (at !== undefined) way.push(at.pid);
    }
  }
  return owners;
}

/** The run of the nearest ancestor that is in another one. */
function parentOf(
  id: string,
  members: readonly ProcessFact[],
  byPid: ReadonlyMap<number, ProcessFact>,
  owners: ReadonlyMap<number, string>,
): string | null {
  for (const member of members) {
    let at = byPid.get(member.parent);
    for (let steps = 0; at !== undefined && steps < byPid.size; steps++) {
      const owner = owners.get(at.pid);
      if (owner !== undefined && owner !== id) return owner;
      at = byPid.get(at.parent);
    }
  }
  return null;
}

/** The layers of each run as identities, one below the other. */
function lineagesOf(
  ids: ReadonlySet<string>,
  parents: ReadonlyMap<string, string | null>,
  known: ReadonlyMap<string, RunFact>,
): (id: string) => Lineage | null {
  const made = new Map<string, Lineage | null>();
  const log = { sameExec: true, newExec: false, disabled: false };
  const make = (id: string, above: ReadonlySet<string>): Lineage | null => {
    const before = made.get(id);
    if (before !== undefined) return before;
    const parent = parents.get(id) ?? null;
    const outer = parent === null || above.has(parent) ? null : make(parent, new Set([...above, id]));
    const layers = [...(outer?.layers ?? [])];
    const fact = known.get(id);
    const count = Math.min(fact?.record.domains ?? 0, MAX_LAYERS - layers.length);
    for (let index = 1; index <= count; index++) {
      const identifier = index === count ? (fact?.domain ?? null) : null;
      const node = { parent: layers.at(-1)?.node ?? null, depth: layers.length, id: identifier, log };
      layers.push({ node });
    }
    const node = layers.at(-1)?.node;
    const lineage = node === undefined ? null : { layers, node };
    made.set(id, lineage);
    return lineage;
  };
  for (const id of ids) make(id, new Set([id]));
  return (id) => made.get(id) ?? null;
}

/**
 * The name of a run's domain. The first thread of its first process made it: one that is in sight lives in the reader's
 * namespace or below; one that has ended is known to have lived here where the registry says so.
 */
function nameOf(
  first: ProcessFact | undefined,
  record: RunRecord | undefined,
  namespace: string | undefined,
): string {
  const here = record?.namespace !== undefined && record.namespace === namespace;
  const tid = first?.pid ?? (here ? record.pid : undefined);
  const creator =
    tid === undefined ? { namespace: ELSEWHERE, tid: () => 0 } : { namespace: HERE, tid: () => tid };
  return readName({ creator, version: 0 }, HERE);
}

function unseenOf(
  sandboxes: readonly Sandbox[],
  { partial }: Processes,
  namespace: string | undefined,
): string[] {
  const strangers = sandboxes.filter(({ mode }) => mode === 'unknown').map(({ uid }) => uid);
  const users = [...new Set(strangers)].sort((a, b) => a - b).join(', ');
  return [
    ...(namespace === FIRST_NAMESPACE ? [] : ['processes outside of this PID namespace']),
    ...(partial ? ["this /proc does not show everybody's processes"] : []),
    ...(strangers.length === 0 ? [] : [`what runs of user ${users} may do is in that user's registry`]),
    'denials by the kernel, also in supervised runs: DENIALS counts those that the supervisor told',
    'runs that the kernel alone holds: landward becomes the program and leaves nothing behind that could be listed',
    'sandboxes of other programs: no kernel lists them; its audit names those that denied something',
  ];
}
