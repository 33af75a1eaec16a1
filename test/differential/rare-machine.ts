/** Runs the steps of `rare-steps.ts` on the model. */

import {
  type Behaviour,
  changeTopology,
  executed,
  open,
  ptrace,
  restrictSelf,
  signal,
  type Task,
} from '../../packages/landward/src/model/index.ts';
import { MountNamespace } from '../../packages/landward/src/model/landlock/memory/mounts.ts';
import { MemoryInode, MemorySuperblock } from '../../packages/landward/src/model/landlock/memory/tree.ts';
import * as vfs from '../../packages/landward/src/model/landlock/memory/vfs.ts';
import {
  accepted,
  decideSocket,
  newSocket,
  PLAIN_SOCKETS,
  perform,
  type SocketOperation,
} from '../../packages/landward/src/model/sockets/index.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { type Answer, asked } from './answer.ts';
import type { RareStep } from './rare-steps.ts';
import { type At, OPEN } from './steps.ts';
import { type MachineTask, Senseless, type Slot } from './task.ts';

/** What the steps need of the machine. */
export interface RareMachine {
  readonly behaviour: Behaviour;
  readonly tasks: Map<number, MachineTask>;
  readonly namespace: MountNamespace;
  /** The file system of POSIX message queues, mounted nowhere. */
  readonly queues: MountNamespace;
}

/** The file system of POSIX message queues of a new IPC namespace. */
export function newQueues(): MountNamespace {
  return new MountNamespace(new MemorySuperblock('tmpfs'));
}

/** The flags of an open step, as the model takes them. */
export function openFlags(flags: number): vfs.OpenFlags {
  const has = (bit: number) => (flags & bit) !== 0;
  return {
    read: has(OPEN.READ),
    write: has(OPEN.WRITE),
    create: has(OPEN.CREATE),
    exclusive: has(OPEN.EXCLUSIVE),
    truncate: has(OPEN.TRUNCATE),
    directory: has(OPEN.DIRECTORY),
    nofollow: has(OPEN.NOFOLLOW),
    place: has(OPEN.PLACE),
    unnamed: has(OPEN.UNNAMED),
  };
}

/** Does a step and says what the kernel should answer. */
export function runRare(
  machine: RareMachine,
  task: MachineTask,
  step: RareStep,
  at: (place: At) => vfs.At,
): Answer {
  const { behaviour, namespace } = machine;
  const other = (number: number | null): MachineTask => {
    const found = number === null ? undefined : machine.tasks.get(number);
    if (found === undefined) throw new Senseless();
    return found;
  };
  switch (step.op) {
    case 'guarded': {
      const target = other(step.target);
      if (target === task) {
        if (step.by === 'seize') throw new Senseless();
        return { errno: 0 };
      }
      const decision = ptrace(behaviour, task.credential, target as Task);
      // Links of /proc turn a refusal of whatever kind into their own.
      const link = step.by === 'exe' || step.by === 'cwd' || step.by === 'ns';
      return link && !decision.allowed ? { errno: ERRNO.EACCES, decision } : asked(decision);
    }
    case 'traceme':
      return asked(ptrace(behaviour, other(task.parent).credential, task as Task));
    case 'deathsig':
      task.deathSignal = true;
      return { errno: 0 };
    case 'end': {
      const ending = other(step.target);
      machine.tasks.delete(step.target);
      const children = [...machine.tasks.values()].filter(
        (one) => one.parent === step.target && one.deathSignal,
      );
      const decisions = children.map((child) => {
        const decision = signal(behaviour, ending as Task, child as Task);
        if (decision.allowed) child.pending = true;
        return decision;
      });
      return { errno: 0, decisions };
    }
    case 'execkill': {
      task.credential = executed(task.credential);
      const answer = asked(signal(behaviour, task as Task, other(step.target) as Task));
      machine.tasks.delete(step.task);
      return answer;
    }
    case 'pivot': {
      const place = at(step.at);
      const { object } = namespace.find(place.path, true, place.base);
      if (object?.dentry.inode?.type !== 'dir') throw new Senseless();
      const decision = changeTopology(behaviour, task.credential, { kind: 'path', path: object });
      return decision.allowed ? { errno: ERRNO.EBUSY } : asked(decision);
    }
    case 'graft': {
      const [from, to] = [at(step.at), at(step.to)].map(
        (place) => namespace.find(place.path, true, place.base).object,
      );
      if (from?.dentry.inode?.type !== 'dir' || to?.dentry.inode?.type !== 'dir') throw new Senseless();
      if (to === machine.namespace.root || from.dentry.dead || to.dentry.dead) throw new Senseless();
      const decision = changeTopology(behaviour, task.credential, { kind: 'path', path: to });
      if (decision.allowed) namespace.attach(from.dentry, to);
      return asked(decision);
    }
    case 'handle': {
      const place = at(step.at);
      const { object } = namespace.find(place.path, false, place.base);
      if (object?.dentry.inode == null || object.dentry.inode.links > 1) throw new Senseless();
      return opened(task, vfs.openFile(caller(machine, task), place, openFlags(step.flags)), step.slot);
    }
    case 'queue':
      return queue(machine, task, step);
    case 'ring':
      task.slots.set(step.slot, { kind: 'ring', personality: task.credential });
      return { errno: 0 };
    case 'ringopen': {
      const ring = slot(task, step.slot, 'ring');
      const credential = step.personality ? ring.personality : task.credential;
      const { errno, decision } = vfs.openFile(
        { ...caller(machine, task), credential },
        at(step.at),
        openFlags(step.flags),
      );
      return { errno, decision };
    }
    case 'reopen': {
      const kernel = new MountNamespace(new MemorySuperblock('other', true));
      const root = kernel.root.dentry;
      const dentry = root.add(
        'x',
        new MemoryInode(step.what === 'pipe' ? 'fifo' : 'reg', root.inode!.superblock),
      );
      const mode = { read: true, write: step.what === 'memfd' };
      const file = open(behaviour, task.credential, { mount: kernel.root.mount, dentry }, mode);
      if (!file.allowed) return asked(file);
      const path = { mount: kernel.root.mount, dentry };
      task.slots.set(step.slot, {
        kind: 'file',
        file: { path, rights: file.rights, write: mode.write, place: false },
      });
      return { errno: 0 };
    }
    case 'sibling': {
      const thread = { credential: task.credential, noNewPrivs: false, sysAdmin: true };
      const call = (number: number, flags: number) => ({
        fd: { ...slot(task, number, 'ruleset'), read: true, write: true } as const,
        flags,
      });
      const own = step.own < 0 ? null : restrictSelf(behaviour, thread, call(step.own, 0));
      if (own?.ok === false) return { errno: own.errno };
      const result = restrictSelf(behaviour, thread, call(step.slot, step.flags), [
        own?.value.caller ?? thread,
      ]);
      if (!result.ok) return { errno: result.errno };
      task.credential = result.value.caller.credential;
      const { credential } = result.value.siblings[0]!;
      return vfs.make({ ...caller(machine, task), credential }, at(step.at), 'dir');
    }
    case 'tcp':
      task.slots.set(step.slot, {
        kind: 'stream',
        socket: newSocket(task.credential, { family: 'inet', type: 'stream', protocol: 6 }),
      });
      return { errno: 0 };
    case 'stream':
      return stream(behaviour, task, step);
  }
}

function caller({ behaviour, namespace }: RareMachine, { credential }: MachineTask): vfs.Caller {
  return { behaviour, namespace, credential };
}

function slot<Kind extends Slot['kind']>(
  task: MachineTask,
  number: number,
  kind: Kind,
): Slot & { kind: Kind } {
  const found = task.slots.get(number);
  if (found?.kind !== kind) throw new Senseless();
  return found as Slot & { kind: Kind };
}

function opened(task: MachineTask, outcome: ReturnType<typeof vfs.openFile>, number: number): Answer {
  if (outcome.file !== undefined && number >= 0) task.slots.set(number, { kind: 'file', file: outcome.file });
  return outcome;
}

/** Making a queue is not mediated, opening it is: a queue stays behind that its maker may not open. */
function queue(machine: RareMachine, task: MachineTask, step: RareStep & { op: 'queue' }): Answer {
  const flags = openFlags(step.flags);
  const root = machine.queues.root.dentry;
  const exists = root.child('landward').inode !== null;
  if (!exists && !flags.create) return { errno: ERRNO.ENOENT };
  if (exists && flags.create && flags.exclusive) return { errno: ERRNO.EEXIST };
  if (!exists) root.add('landward', new MemoryInode('reg', root.inode!.superblock));
  const plain = { read: flags.read, write: flags.write };
  const queues = { ...caller(machine, task), namespace: machine.queues };
  return opened(task, vfs.openFile(queues, { path: '/landward' }, plain), step.slot);
}

/** A call on a TCP socket: Landlock with the caller's credential first, then the network stack. */
function stream(behaviour: Behaviour, task: MachineTask, step: RareStep & { op: 'stream' }): Answer {
  const held = slot(task, step.slot, 'stream');
  const operation = operationOf(step);
  const rules = { behaviour, mode: 'caller', layer: () => PLAIN_SOCKETS } as const;
  const decision = decideSocket(rules, { caller: task.credential, socket: held.socket, operation });
  if (!decision.allowed) return { errno: decision.errno };
  const pending = step.call === 'start connecting';
  const result = perform(held.socket, operation, pending);
  if (!result.ok) return { errno: result.errno };
  if (step.call === 'accept') {
    task.slots.set(step.accepted!, {
      kind: 'stream',
      socket: accepted(held.socket, task.credential, 0),
    });
    return { errno: 0 };
  }
  held.socket = result.value;
  return { errno: pending ? ERRNO.EINPROGRESS : 0 };
}

function operationOf({ call, port = 0 }: RareStep & { op: 'stream' }): SocketOperation {
  const address = { length: 16, family: 'inet', port } as const;
  switch (call) {
    case 'bind':
      return { kind: 'bind', address };
    case 'connect':
    case 'start connecting':
      return { kind: 'connect', address };
    case 'dissolve':
      return { kind: 'disassociate' };
    case 'listen':
    case 'listen for one':
      return { kind: 'listen' };
    case 'accept':
      return { kind: 'accept' };
    case 'shutdown read':
      return { kind: 'shutdown', how: 'read' };
    case 'shutdown write':
      return { kind: 'shutdown', how: 'write' };
    case 'shutdown both':
      return { kind: 'shutdown', how: 'both' };
  }
}
