/**
 * What a domain may do to other tasks: ptrace and what is guarded like it, signals, SIGIO, and the scope relation that
 * signals and UNIX sockets share. Identity of layers decides, never their content.
 */

import { SCOPES, type Scope } from '../../uapi/landlock.ts';
import { type Behaviour, fixed } from './behaviour.ts';
import { ALLOWED, type Asker, blameLayers, type Decision, denied, type Subject } from './decision.ts';
import { type Credential, type Domain, isSameOrNested, type Node } from './domain.ts';
import type { FileOwner, Task } from './world.ts';

/** Erratum 2: threads of one process may signal each other in whatever domain they are. */
const SAME_PROCESS = 2;

/**
 * `ptrace` attach and everything that is guarded like it: process_vm_readv, pidfd_getfd, kcmp, `/proc/PID/mem`.
 *
 * @param tracer the caller's credential; for PTRACE_TRACEME that of the would-be tracer.
 * @param tracee the target; for PTRACE_TRACEME the caller, which is then also the object of the record.
 * @returns allowed, or EPERM unless the tracee carries every layer of the tracer.
 */
export function ptrace(behaviour: Behaviour, tracer: Credential, tracee: Task): Decision {
  const domain = tracer.domain;
  if (domain === null || isSameOrNested(domain, tracee.credential.domain)) return ALLOWED;
  const asker = { behaviour, domain, sameExec: tracer.sameExec };
  const youngest = domain.layers.length - 1;
  return denied(
    'EPERM',
    blameLayers(asker, { class: 'ptrace', request: 0, object: { kind: 'task', task: tracee } }, [youngest]),
  );
}

/**
 * The layers of a client that a scope cuts off from a server, oldest first: those that have the scope and whose node at
 * that depth is not the server's. A server with fewer layers fails at the deeper ones.
 *
 * @param scope one scope's bit, or a filesystem right for relations that a right describes.
 */
export function cutOff(client: Domain, server: Domain | null, has: (layer: number) => boolean): number[] {
  const layers: number[] = [];
  for (let layer = 0; layer < client.layers.length; layer++) {
    if (has(layer) && !sameAtDepth(client, server, layer)) layers.push(layer);
  }
  return layers;
}

/** Whether two domains share the layer at a depth. */
export function sameAtDepth(client: Domain, server: Domain | null, depth: number): boolean {
  const mine: Node = client.layers[depth]!.node;
  return server !== null && depth < server.layers.length && server.layers[depth]!.node === mine;
}

/**
 * Any interaction that a scope limits.
 *
 * @param server the domain of the other side; which credential gives it depends on the hook.
 */
export function scoped(asker: Asker, server: Domain | null, scope: Scope, object: Subject): Decision {
  const bit = 1 << SCOPES[scope].bit;
  if ((asker.domain.scoped & bit) === 0) return ALLOWED;
  const layers = cutOff(asker.domain, server, (layer) => (asker.domain.layers[layer]!.scoped & bit) !== 0);
  if (layers.length === 0) return ALLOWED;
  return denied('EPERM', blameLayers(asker, { class: 'scope', request: bit, object }, layers));
}

/**
 * `kill`, `tgkill`, `sigqueue`, `pidfd_send_signal`, signal 0 included, and the death signal that a parent sends.
 *
 * @param sender the caller, or the dying parent.
 * @returns allowed, or EPERM.
 */
export function signal(behaviour: Behaviour, sender: Task, target: Task): Decision {
  const { domain, sameExec } = sender.credential;
  if (domain === null) return ALLOWED;
  if (sender.process === target.process && fixed(behaviour, SAME_PROCESS)) return ALLOWED;
  return scoped({ behaviour, domain, sameExec }, target.credential.domain, 'scope.signal', {
    kind: 'task',
    task: target,
  });
}

/**
 * What `F_SETOWN` records: the caller's domain, unless the owner is a thread of the caller's own process.
 *
 * @param owner a task, or the members of a process group, the newest first.
 */
export function setOwner(behaviour: Behaviour, caller: Task, owner: Task | readonly Task[]): FileOwner {
  const group = Array.isArray(owner) ? (owner as readonly Task[]) : null;
  // Older kernels took the group's first member for the whole group.
  const judged =
    group === null ? (owner as Task) : behaviour.knobs.sigioGroup === 'registration' ? group[0] : undefined;
  const self = judged !== undefined && judged.process === caller.process;
  const { domain, sameExec } = caller.credential;
  return { domain: self ? null : domain, sameExec, process: caller.process, self };
}

/** Delivery of SIGIO or SIGURG: the domain that was recorded at `F_SETOWN` against the target's domain now. */
export function deliverOwned(behaviour: Behaviour, owner: FileOwner, target: Task): Decision {
  if (owner.domain === null) return ALLOWED;
  if (behaviour.knobs.sigioGroup === 'delivery' && owner.process === target.process) return ALLOWED;
  const asker = { behaviour, domain: owner.domain, sameExec: owner.sameExec };
  return scoped(asker, target.credential.domain, 'scope.signal', { kind: 'task', task: target });
}
