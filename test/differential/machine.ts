/**
 * Runs steps on the model: tasks with credentials and descriptors, on the in-memory world. Answers each step with the
 * errno that the kernel should give, or with PASSED where Landlock allows and what follows is not modelled.
 */

import {
  addPathRule,
  addPortRule,
  type Behaviour,
  bind,
  changeTopology,
  connect,
  createRuleset,
  deliverOwned,
  fileIoctl,
  fileTruncate,
  forked,
  type InodeType,
  ptrace,
  reachSocket,
  resolveUnix,
  restrictSelf,
  send,
  setOwner,
  signal,
  type Task,
  UNRESTRICTED,
} from '../../packages/landward/src/model/index.ts';
import { MountNamespace } from '../../packages/landward/src/model/landlock/memory/mounts.ts';
import {
  type MemoryDentry,
  MemoryInode,
  MemorySuperblock,
  merged,
} from '../../packages/landward/src/model/landlock/memory/tree.ts';
import * as vfs from '../../packages/landward/src/model/landlock/memory/vfs.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { type Answer, asked, PASSED, passed } from './answer.ts';
import { newQueues, openFlags, runRare } from './rare-machine.ts';
import { isRare } from './rare-steps.ts';
import { type At, type CommonStep, OPEN, RENAME, type Step } from './steps.ts';
import { type MachineTask, Senseless, type Slot, type Socket } from './task.ts';

const MKNOD_TYPES: ReadonlyMap<number, InodeType> = new Map([
  [0, 'reg'],
  [0o010000, 'fifo'],
  [0o020000, 'char'],
  [0o060000, 'block'],
  [0o100000, 'reg'],
  [0o140000, 'sock'],
]);

export class Machine {
  readonly behaviour: Behaviour;
  readonly namespace = new MountNamespace();
  readonly tasks = new Map<number, MachineTask>([
    [
      0,
      {
        process: {},
        parent: null,
        credential: UNRESTRICTED,
        slots: new Map(),
        pending: false,
        deathSignal: false,
      },
    ],
  ]);
  readonly queues = newQueues();
  readonly #names = new Map<string, Socket>();
  readonly #bound = new Map<MemoryInode, Socket>();
  readonly #channel: Slot[] = [];
  /** The layers of overlays. */
  readonly #frozen: MemoryDentry[] = [];

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
    const { mount, dentry } = this.namespace.root;
    const tmp = dentry.add('tmp', new MemoryInode('dir', dentry.inode!.superblock));
    this.namespace.attach(new MemorySuperblock('tmpfs').root, { mount, dentry: tmp });
  }

  /** Does a step and says what the kernel should answer. */
  run(step: Step): Answer {
    const task = this.tasks.get(step.task);
    if (task === undefined) throw new Senseless();
    const caller: vfs.Caller = {
      behaviour: this.behaviour,
      credential: task.credential,
      namespace: this.namespace,
    };
    const at = (place: At): vfs.At => {
      const found = { path: place.path, base: this.#base(task, place) };
      this.#refuseFrozen(found, step.op === 'addpath');
      return found;
    };
    if (isRare(step)) return runRare(this, task, step, at);
    switch (step.op) {
      case 'mkdir':
        return vfs.make(caller, at(step.at), 'dir');
      case 'symlink':
        return vfs.make(caller, at(step.at), 'lnk', { target: step.target });
      case 'mknod':
        return vfs.make(caller, at(step.at), MKNOD_TYPES.get(step.mode)!, { rdev: step.rdev, mknod: true });
      case 'rmdir':
      case 'unlink':
        return vfs.remove(caller, at(step.at), step.op);
      case 'truncate':
        return vfs.truncate(caller, at(step.at));
      case 'exec':
        return vfs.execute(caller, at(step.at));
      case 'script':
        return this.#script(caller, at(step.at), step.target);
      case 'rename':
        return vfs.rename(caller, at(step.at), at(step.to), {
          exchange: (step.flags & RENAME.EXCHANGE) !== 0,
          noReplace: (step.flags & RENAME.NOREPLACE) !== 0,
          whiteout: (step.flags & RENAME.WHITEOUT) !== 0,
        });
      case 'link':
        return vfs.link(caller, { ...at(step.at), follow: step.follow }, at(step.to));
      case 'linkfd':
        return vfs.link(caller, this.#file(task, step.slot).path, at(step.to));
      case 'open':
        return this.#open(task, caller, at(step.at), step);
      case 'close':
        this.#slot(task, step.slot);
        task.slots.delete(step.slot);
        return { errno: 0 };
      case 'give':
        this.#channel.push(this.#slot(task, step.slot));
        return { errno: 0 };
      case 'take': {
        const given = this.#channel.shift();
        if (given === undefined) throw new Senseless();
        task.slots.set(step.slot, given);
        return { errno: 0 };
      }
      case 'ftruncate':
        return this.#truncate(this.#file(task, step.slot));
      case 'ioctl': {
        const file = this.#file(task, step.slot);
        if (file.place) return { errno: ERRNO.EBADF };
        return passed(fileIoctl(this.behaviour, file, step.command));
      }
      case 'bind':
      case 'move':
      case 'tmpfs':
      case 'overlay':
      case 'umount':
      case 'remount':
        return this.#mount(task, step, at);
      case 'ruleset': {
        const [quietFs, quietNet, quietScoped] = step.quiet ?? [0, 0, 0];
        const handled = { handledFs: step.fs, handledNet: step.net, scoped: step.scoped };
        const made = createRuleset(this.behaviour, { ...handled, quietFs, quietNet, quietScoped });
        if (!made.ok) return { errno: made.errno };
        task.slots.set(step.slot, { kind: 'ruleset', ruleset: made.value });
        return { errno: 0 };
      }
      case 'addpath':
      case 'addport':
        return this.#addRule(task, step, at);
      case 'restrict':
        return this.#restrict(task, step.slot, step.flags);
      case 'fork': {
        if (this.tasks.has(step.child)) throw new Senseless();
        const credential = forked(task.credential, this.behaviour.knobs.mutedSubdomainsSurviveFork);
        this.tasks.set(step.child, {
          process: {},
          parent: step.task,
          credential,
          slots: new Map(task.slots),
          pending: false,
          deathSignal: false,
        });
        return { errno: 0 };
      }
      case 'signal':
        return asked(signal(this.behaviour, task as Task, this.#task(step.target)));
      case 'sigio': {
        // The kernel keeps the members of a group newest first.
        const group = [...this.tasks.values()].reverse();
        const owner = step.target < 0 ? group : this.#task(step.target);
        const record = setOwner(this.behaviour, task, owner);
        const targets = step.target < 0 ? group : [this.#task(step.target)];
        const decisions = targets.map((target) => {
          const decision = deliverOwned(this.behaviour, record, target);
          if (decision.allowed) target.pending = true;
          return decision;
        });
        return { errno: 0, decisions };
      }
      case 'pending': {
        const errno = task.pending ? 0 : ERRNO.EAGAIN;
        task.pending = false;
        return { errno };
      }
      case 'ptrace':
        if (step.target === step.task) return { errno: 0 };
        return asked(ptrace(this.behaviour, task.credential, this.#task(step.target)));
      case 'socket':
        // Replacing the last descriptor of a socket frees its name, and who holds which descriptor is not modelled.
        if (task.slots.has(step.slot)) throw new Senseless();
        task.slots.set(step.slot, {
          kind: 'socket',
          socket: { creator: task.credential.domain, type: step.type, bound: 'unnamed' },
        });
        return { errno: 0 };
      case 'name':
      case 'reach':
      case 'namepath':
      case 'reachpath':
        return this.#unix(task, caller, step, at);
      case 'inet':
        return this.#inet(task, step);
    }
  }

  /** Everything that exists below /tmp, as paths with what is there. */
  existing(): { readonly path: string; readonly type: InodeType }[] {
    const list: { path: string; type: InodeType }[] = [];
    const visit = (path: string, depth: number) => {
      const found = this.namespace.find(path, false);
      const dentry: MemoryDentry | undefined = found.object?.dentry;
      if (dentry?.inode === null || dentry === undefined) return;
      list.push({ path, type: dentry.inode.type });
      if (depth < 7) for (const name of dentry.children.keys()) visit(`${path}/${name}`, depth + 1);
    };
    visit('/tmp', 0);
    return list;
  }

  /** An overlay's layers change with it, and changing them below its feet has no defined result: only rules may name their roots. */
  #refuseFrozen({ path, base }: vfs.At, rule: boolean): void {
    const visited: MemoryDentry[] = base === undefined ? [] : [base.dentry];
    const found = this.namespace.find(path, true, base, (name) => visited.push(name));
    if (found.object !== undefined) visited.push(found.object.dentry);
    if (rule && found.object !== undefined && this.#frozen.includes(found.object.dentry)) return;
    if (visited.some((name) => this.#frozen.some((root) => name.isWithin(root)))) throw new Senseless();
  }

  #slot(task: MachineTask, slot: number): Slot {
    const held = task.slots.get(slot);
    if (held === undefined) throw new Senseless();
    return held;
  }

  #file(task: MachineTask, slot: number): vfs.MemoryFile {
    const held = this.#slot(task, slot);
    if (held.kind !== 'file') throw new Senseless();
    return held.file;
  }

  #base(task: MachineTask, place: At) {
    return place.slot === undefined ? undefined : this.#file(task, place.slot).path;
  }

  #task(number: number): MachineTask {
    const task = this.tasks.get(number);
    if (task === undefined) throw new Senseless();
    return task;
  }

  #open(task: MachineTask, caller: vfs.Caller, at: vfs.At, step: CommonStep & { op: 'open' }): Answer {
    const has = (bit: number) => (step.flags & bit) !== 0;
    if (has(OPEN.UNNAMED) && this.behaviour.abi < 3) {
      const found = this.namespace.find(at.path, true, at.base);
      // Overlays of those kernels have no unnamed files.
      if (found.object?.dentry.inode?.superblock.kind === 'overlay') throw new Senseless();
    }
    const opened = vfs.openFile(caller, at, openFlags(step.flags));
    const inode = opened.file?.path.dentry.inode;
    if (opened.file === undefined || inode === null || inode === undefined) return opened;
    if (!opened.file.place) {
      const nullDevice = inode.type === 'char' && inode.rdev === 0x103;
      if (inode.type === 'sock' || inode.type === 'block' || (inode.type === 'char' && !nullDevice))
        return { errno: ERRNO.ENXIO };
      if (inode.type === 'fifo' && !has(OPEN.READ)) {
        // Whether it succeeds depends on who reads, so nothing may be done with the result.
        if (step.slot >= 0) throw new Senseless();
        return { errno: PASSED };
      }
    }
    if (step.slot >= 0) task.slots.set(step.slot, { kind: 'file', file: opened.file });
    return opened;
  }

  #script(caller: vfs.Caller, at: vfs.At, program: string): Answer {
    const opened = vfs.openFile(caller, at, { read: false, write: true, create: true, truncate: true });
    if (opened.file === undefined) return opened;
    const inode = opened.file.path.dentry.inode!;
    if (inode.type !== 'reg') throw new Senseless();
    inode.script = program;
    return opened;
  }

  #truncate(file: vfs.MemoryFile): Answer {
    if (file.place) return { errno: ERRNO.EBADF };
    const inode = file.path.dentry.inode!;
    if (inode.type !== 'reg' || !file.write) return { errno: ERRNO.EINVAL };
    const decision = fileTruncate(this.behaviour, file);
    if (decision.allowed) inode.script = null;
    return asked(decision);
  }

  #mount(task: MachineTask, step: CommonStep, at: (place: At) => vfs.At): Answer {
    const place = (one: At) => {
      const { path, base } = at(one);
      const found = this.namespace.find(path, true, base);
      if (found.object === undefined) return found.errno;
      return found.object.dentry.inode === null ? ERRNO.ENOENT : found.object;
    };
    const refused = (object: Parameters<typeof changeTopology>[2]) => {
      const decision = changeTopology(this.behaviour, task.credential, object);
      return decision.allowed ? null : asked(decision);
    };
    const target = place(
      step.op === 'overlay' ? { path: step.to } : 'to' in step ? (step.to as At) : (step as { at: At }).at,
    );
    if (typeof target === 'number') return { errno: target };
    if (step.op === 'umount') {
      if (target.dentry !== target.mount.root) return { errno: ERRNO.EINVAL };
      const refusal = refused({ kind: 'mount', mount: target.mount, root: target.dentry });
      if (refusal === null) this.namespace.detach(target.mount);
      return refusal ?? { errno: 0 };
    }
    const refusal = refused({ kind: 'path', path: target });
    if (refusal !== null) return refusal;
    if (step.op === 'tmpfs' || step.op === 'overlay') {
      if (target.dentry.inode!.type !== 'dir') return { errno: ERRNO.ENOTDIR };
      if (step.op === 'tmpfs') this.namespace.attach(new MemorySuperblock('tmpfs').root, target);
      else this.#overlay(step as CommonStep & { op: 'overlay' }, target);
      return { errno: 0 };
    }
    if (step.op === 'remount') return { errno: target.dentry === target.mount.root ? 0 : ERRNO.EINVAL };
    if (step.op !== 'bind' && step.op !== 'move') throw new Senseless();
    const source = place(step.at);
    if (typeof source === 'number') return { errno: source };
    const sourceIsDirectory = source.dentry.inode!.type === 'dir';
    if (step.op === 'bind') {
      if (sourceIsDirectory !== (target.dentry.inode!.type === 'dir')) return { errno: ERRNO.ENOTDIR };
      if (target.dentry.dead || source.dentry.dead) throw new Senseless();
      this.namespace.attach(source.dentry, target);
      return { errno: 0 };
    }
    if (source.dentry !== source.mount.root) return { errno: ERRNO.EINVAL };
    if (sourceIsDirectory !== (target.dentry.inode!.type === 'dir')) return { errno: ERRNO.EINVAL };
    for (let mount = target.mount as typeof target.mount | null; mount !== null; mount = mount.parent) {
      if (mount === source.mount) return { errno: ERRNO.ELOOP };
    }
    this.namespace.lift(source.mount);
    this.namespace.place(source.mount, target);
    return { errno: 0 };
  }

  #overlay(step: CommonStep & { op: 'overlay' }, target: Parameters<MountNamespace['attach']>[1]): void {
    const lower = this.namespace.find(step.lower.path, true).object?.dentry;
    const upper = this.namespace.find(step.upper.path, true).object?.dentry;
    const work = this.namespace.find(step.work, true).object?.dentry;
    const mergeable = [lower, upper, work].every(
      (dentry) => dentry?.inode?.type === 'dir' && dentry.inode.superblock.kind === 'tmpfs',
    );
    if (!mergeable || lower === undefined || upper === undefined) throw new Senseless();
    this.#frozen.push(lower, upper, work!);
    this.namespace.attach(merged(lower, upper).root, target);
  }

  #addRule(
    task: MachineTask,
    step: CommonStep & { op: 'addpath' | 'addport' },
    at: (place: At) => vfs.At,
  ): Answer {
    const slot = this.#slot(task, step.slot);
    if (slot.kind !== 'ruleset') throw new Senseless();
    let added: ReturnType<typeof addPathRule>;
    if (step.op === 'addpath') {
      const { path, base } = at(step.at);
      const found = this.namespace.find(path, true, base);
      if (found.object === undefined) return { errno: found.errno };
      if (found.object.dentry.inode === null) return { errno: ERRNO.ENOENT };
      added = addPathRule(this.behaviour, slot.ruleset, {
        access: step.access,
        flags: step.flags ?? 0,
        parent: { kind: 'path', path: found.object },
      });
    } else {
      if (this.behaviour.abi < 4) return { errno: ERRNO.EINVAL };
      added = addPortRule(this.behaviour, slot.ruleset, {
        access: step.access,
        port: step.port,
        flags: step.flags ?? 0,
      });
    }
    if (!added.ok) return { errno: added.errno };
    // A descriptor that was inherited refers to the same ruleset, so the slot object is changed, not replaced.
    slot.ruleset = added.value;
    return { errno: 0 };
  }

  #restrict(task: MachineTask, slot: number, flags: number): Answer {
    const held = slot < 0 ? null : this.#slot(task, slot);
    if (held !== null && held.kind !== 'ruleset') throw new Senseless();
    const fd =
      held === null ? -1 : ({ kind: 'ruleset', ruleset: held.ruleset, read: true, write: true } as const);
    const thread = { credential: task.credential, noNewPrivs: false, sysAdmin: true };
    const result = restrictSelf(this.behaviour, thread, { fd, flags });
    if (!result.ok) return { errno: result.errno };
    task.credential = result.value.caller.credential;
    return { errno: 0 };
  }

  #unix(
    task: MachineTask,
    caller: vfs.Caller,
    step: CommonStep & { op: 'name' | 'reach' | 'namepath' | 'reachpath' },
    at: (place: At) => vfs.At,
  ): Answer {
    if (step.op === 'name' || step.op === 'namepath') {
      const slot = this.#slot(task, step.slot);
      if (slot.kind !== 'socket' || slot.socket.bound !== 'unnamed') throw new Senseless();
      if (step.op === 'name') {
        const name = `${step.name} ${slot.socket.type}`;
        if (this.#names.has(name)) return { errno: ERRNO.EADDRINUSE };
        this.#names.set(name, slot.socket);
        slot.socket.bound = 'abstract';
        return { errno: 0 };
      }
      const made = vfs.make(caller, at(step.at), 'sock');
      if (made.errno === ERRNO.EEXIST) return { errno: ERRNO.EADDRINUSE };
      if (made.errno !== 0) return made;
      const { path, base } = at(step.at);
      this.#bound.set(this.namespace.find(path, false, base).object!.dentry.inode!, slot.socket);
      slot.socket.bound = 'path';
      return made;
    }
    if (step.op === 'reach') {
      const peer = this.#names.get(`${step.name} ${step.type}`);
      if (peer === undefined) return { errno: ERRNO.ECONNREFUSED };
      return asked(reachSocket(this.behaviour, task.credential, peer));
    }
    const { path, base } = at(step.at);
    const found = this.namespace.find(path, true, base);
    if (found.object === undefined) return { errno: found.errno };
    const inode = found.object.dentry.inode;
    if (inode === null) return { errno: ERRNO.ENOENT };
    const peer = this.#bound.get(inode);
    if (peer === undefined) return { errno: ERRNO.ECONNREFUSED };
    if (peer.type !== step.type) return { errno: ERRNO.EPROTOTYPE };
    return asked(resolveUnix(this.behaviour, task.credential, found.object, peer));
  }

  #inet(task: MachineTask, step: CommonStep & { op: 'inet' }): Answer {
    const protocol = { tcp: 6, udp: 17, mptcp: 262 }[step.type];
    const socket = {
      family: step.family === 4 ? 'inet' : 'inet6',
      type: step.type === 'udp' ? 'dgram' : 'stream',
      protocol,
      bound: false,
    } as const;
    const families = { 0: 'unspec', 2: 'inet', 10: 'inet6' } as const;
    const address = {
      length: step.length,
      family: families[step.address as keyof typeof families] ?? 'other',
      port: step.port,
      any: step.any,
    } as const;
    const calls = {
      bind: () => bind(this.behaviour, task.credential, socket, address),
      connect: () => connect(this.behaviour, task.credential, socket, address),
      send: () => send(this.behaviour, task.credential, socket, address),
      fastopen: () => send(this.behaviour, task.credential, socket, address, true),
    };
    return passed(calls[step.call]());
  }
}
