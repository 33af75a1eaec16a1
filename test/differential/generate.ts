/**
 * Makes random cases: a world, policies in nested tasks, and operations, each step chosen from what exists at that
 * moment in the model's world. Biased towards what is hard: renames between directories, hard links, mounts, directories
 * that were moved out of a bind mount, files opened in one domain and used in another.
 */

import type { Behaviour } from '../../packages/landward/src/model/index.ts';
import { FREE_IOCTLS } from '../../packages/landward/src/model/index.ts';
import { abiRow } from '../../packages/landward/src/uapi/landlock.ts';
import { ACCESS_FILE } from '../../packages/landward/src/uapi/masks.ts';
import type { Answer } from './answer.ts';
import {
  DEVICES,
  DISCONNECTED,
  inetStep,
  makeStep,
  NAMES,
  notDot,
  OPENED,
  openFlags,
  REAL_RULESETS,
  rareStep,
  safe,
} from './generate-steps.ts';
import { Machine } from './machine.ts';
import { Random } from './random.ts';
import { GUARDS } from './rare-steps.ts';
import { type At, OPEN, type Step } from './steps.ts';
import { Senseless } from './task.ts';

/** A case: its steps, what the model answers to each, and where the operations start. */
export interface Case {
  readonly seed: number;
  readonly steps: readonly Step[];
  readonly answers: readonly Answer[];
}

/** Makes the case of a seed: about 20 steps to build, 10 to restrict, and `operations` to try. */
export function generate(behaviour: Behaviour, seed: number, operations = 60): Case {
  return new Generator(behaviour, seed).make(operations);
}

class Generator {
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #behaviour: Behaviour;
  readonly #seed: number;
  readonly #steps: Step[] = [];
  readonly #answers: Answer[] = [];

  constructor(behaviour: Behaviour, seed: number) {
    this.#behaviour = behaviour;
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#machine = new Machine(behaviour);
  }

  make(operations: number): Case {
    this.#world();
    this.#policies();
    const tasks = [...this.#machine.tasks.keys()];
    for (let index = 0; index < operations; index++) {
      const task = this.#random.chance(8) ? 0 : this.#random.pick(tasks);
      this.#operation(task);
    }
    return { seed: this.#seed, steps: this.#steps, answers: this.#answers };
  }

  #do(step: Step): Answer | null {
    try {
      const answer = this.#machine.run(step);
      this.#steps.push(step);
      this.#answers.push(answer);
      return answer;
    } catch (error) {
      if (error instanceof Senseless) return null;
      throw error;
    }
  }

  /** An existing path, of a kind if there is one. */
  #some(kind?: 'dir' | 'other'): string {
    const all = this.#machine.existing();
    const fitting =
      kind === undefined ? all : all.filter((entry) => (entry.type === 'dir') === (kind === 'dir'));
    return this.#random.pick(fitting.length > 0 ? fitting : all).path;
  }

  #new(): string {
    return `${this.#some('dir')}/${this.#random.pick(NAMES)}`;
  }

  #world(): void {
    const random = this.#random;
    for (let count = 5 + random.below(8); count > 0; count--)
      this.#do({ task: 0, op: 'mkdir', at: { path: this.#new() } });
    for (let count = 5 + random.below(10); count > 0; count--) this.#object();
    // A kernel without the module has no overlay to try.
    if (random.chance(25) && process.env.LANDWARD_WITHOUT_OVERLAY === undefined) this.#overlay();
    for (let count = random.below(4); count > 0; count--) {
      const to = { path: this.#some(random.chance(80) ? 'dir' : 'other') };
      if (to.path === '/tmp') continue;
      if (random.chance(70)) this.#do({ task: 0, op: 'bind', at: { path: this.#some() }, to });
      else this.#do({ task: 0, op: 'tmpfs', at: to });
      if (random.chance(60)) this.#do({ task: 0, op: 'mkdir', at: { path: this.#new() } });
      if (random.chance(60)) this.#object();
    }
    if (random.chance(20)) this.#disconnect();
    if (random.chance(30)) this.#open(0);
  }

  #object(): void {
    const at = { path: this.#new() };
    const random = this.#random;
    switch (random.weighted({ file: 50, link: 14, symlink: 10, device: 8, fifo: 4, script: 10, socket: 4 })) {
      case 'file':
        this.#do({ task: 0, op: 'open', at, flags: OPEN.WRITE | OPEN.CREATE, slot: -1 });
        return;
      case 'link':
        this.#do({
          task: 0,
          op: 'link',
          at: { path: this.#some('other') },
          to: at,
          follow: random.chance(30),
        });
        return;
      case 'symlink':
        this.#do({
          task: 0,
          op: 'symlink',
          at,
          target: random.chance(60) ? this.#some() : random.pick(NAMES),
        });
        return;
      case 'device':
        this.#do({
          task: 0,
          op: 'mknod',
          at,
          mode: random.chance(80) ? 0o020000 : 0o060000,
          rdev: random.pick(DEVICES),
        });
        return;
      case 'fifo':
        this.#do({ task: 0, op: 'mknod', at, mode: 0o010000, rdev: 0 });
        return;
      case 'script':
        this.#do({ task: 0, op: 'script', at, target: this.#some('other') });
        return;
      case 'socket':
        this.#do({ task: 0, op: 'mknod', at, mode: 0o140000, rdev: 0 });
    }
  }

  /** Two small trees and their merged view. The trees themselves are not changed any more by what follows. */
  #overlay(): void {
    const root = { path: this.#some('dir') };
    const base = `${root.path}/o`;
    if (base.length > 30 || this.#do({ task: 0, op: 'mkdir', at: { path: base } })?.errno !== 0) return;
    for (const name of ['l', 'u', 'w', 'm', 'l/a', 'l/b', 'u/a', 'l/a/c', 'u/d']) {
      this.#do({ task: 0, op: 'mkdir', at: { path: `${base}/${name}` } });
    }
    for (const name of ['l/x', 'l/a/y', 'u/a/z', 'u/v']) {
      this.#do({
        task: 0,
        op: 'open',
        at: { path: `${base}/${name}` },
        flags: OPEN.WRITE | OPEN.CREATE,
        slot: -1,
      });
    }
    const step = {
      task: 0,
      op: 'overlay',
      lower: { path: `${base}/l` },
      upper: { path: `${base}/u` },
    } as const;
    this.#do({ ...step, work: `${base}/w`, to: `${base}/m` });
  }

  /** Opens a directory through a bind mount and moves it out of the mount's source. */
  #disconnect(): void {
    const source = this.#some('dir');
    if (source === '/tmp' || source.length > 40) return;
    for (const name of ['s', 's/d', 's/d/e', 's/f', 't']) {
      this.#do({ task: 0, op: 'mkdir', at: { path: `${source}/${name}` } });
    }
    this.#do({
      task: 0,
      op: 'open',
      at: { path: `${source}/s/d/e/g` },
      flags: OPEN.WRITE | OPEN.CREATE,
      slot: -1,
    });
    const over = this.#random.chance(50) ? `${source}/t` : this.#some('dir');
    if (over.startsWith(`${source}/s`) || over === '/tmp' || source.startsWith(over)) return;
    this.#do({ task: 0, op: 'bind', at: { path: `${source}/s` }, to: { path: over } });
    const slot = this.#random.chance(50) ? 'd' : 'd/e';
    this.#do({ task: 0, op: 'open', at: { path: `${over}/${slot}` }, flags: OPEN.PLACE, slot: DISCONNECTED });
    this.#do({ task: 0, op: 'rename', at: { path: `${source}/s/d` }, to: { path: this.#new() }, flags: 0 });
  }

  #policies(): void {
    const random = this.#random;
    this.#restrict(0, 30);
    for (let task = 1; task <= 1 + random.below(4); task++) {
      const parent = random.below(task);
      if (random.chance(25)) this.#socket(parent);
      if (random.chance(15)) this.#open(parent);
      this.#do({ task: parent, op: 'fork', child: task });
      for (let layers = task === 1 || random.chance(70) ? 1 + random.below(3) : 0; layers > 0; layers--)
        this.#restrict(task, 100);
    }
  }

  #restrict(task: number, percent: number): void {
    if (task === 0 || !this.#random.chance(percent)) return;
    const slot = this.#ruleset(task);
    const random = this.#random;
    if (slot === null) return;
    if (random.chance(4)) {
      for (let layers = 0; layers < 17; layers++) this.#do({ task, op: 'restrict', slot, flags: 0 });
    }
    const flags = random.chance(10) ? random.below(64) : 0;
    this.#do({
      task,
      op: 'restrict',
      slot: random.chance(4) ? -1 : slot,
      flags: safe(flags, this.#behaviour),
    });
  }

  #ruleset(task: number): number | null {
    const random = this.#random;
    const row = abiRow(this.#behaviour.abi);
    const subset = (mask: number) => mask & random.next();
    const fs = random.pick([
      row.fs,
      row.fs,
      row.fs,
      row.fs & ~0x2000,
      subset(row.fs),
      subset(row.fs),
      subset(row.fs) & subset(row.fs),
      0,
    ]);
    const net = random.pick([row.net, subset(row.net), 0]);
    const scoped = random.pick([row.scoped, subset(row.scoped), 0]);
    const slot = random.pick(REAL_RULESETS);
    const stray = random.chance(2) ? 1 << 20 : 0;
    const quiets = random.chance(this.#behaviour.abi >= 10 ? 40 : 2);
    const quiet = quiets
      ? ([subset(fs), subset(net), subset(random.chance(95) ? scoped : 3)] as const)
      : undefined;
    const made = { task, op: 'ruleset', slot, fs: (fs | stray) >>> 0, net, scoped } as const;
    if (this.#do(quiet === undefined ? made : { ...made, quiet })?.errno !== 0) return null;
    const flags = () => (random.chance(quiets ? 40 : 1) ? 1 : 0);
    for (let count = random.below(7); count > 0; count--) {
      const path = random.chance(6) ? '/' : random.chance(12) ? '/tmp' : this.#some();
      const isFile = this.#machine.namespace.find(path, true).object?.dentry.inode?.type !== 'dir';
      let access = random.pick([fs, fs, subset(fs), subset(fs), subset(fs) | (fs & 0x2000), subset(row.fs)]);
      if (isFile && random.chance(95)) access &= ACCESS_FILE;
      if (!random.chance(97)) access |= 1 << random.below(20);
      const at: At =
        random.chance(8) && this.#machine.tasks.get(task)!.slots.has(DISCONNECTED)
          ? { path: '.', slot: DISCONNECTED }
          : { path };
      this.#do({ task, op: 'addpath', slot, access: access >>> 0, at, flags: flags() });
    }
    for (let count = random.below(3); count > 0; count--) {
      const port = random.chance(3) ? 70000 : random.pick([0, 80, 443, 5000]);
      this.#do({
        task,
        op: 'addport',
        slot,
        access: random.chance(90) ? subset(net) || net : 1 << random.below(5),
        port,
        flags: flags(),
      });
    }
    return slot;
  }

  #socket(task: number): void {
    const random = this.#random;
    const slot = 5 + random.below(3);
    this.#do({ task, op: 'socket', slot, type: random.chance(50) ? 'stream' : 'dgram' });
    if (random.chance(70)) this.#do({ task, op: 'name', slot, name: random.below(3) });
    else this.#do({ task, op: 'namepath', slot, at: { path: this.#new() } });
  }

  #open(task: number): void {
    const random = this.#random;
    const mode = random.pick([OPEN.READ, OPEN.WRITE, OPEN.WRITE, OPEN.READ | OPEN.WRITE, 0]);
    const device = this.#machine.existing().filter(({ type }) => type === 'char');
    const path = device.length > 0 && random.chance(30) ? random.pick(device).path : this.#some('other');
    this.#do({ task, op: 'open', at: { path }, flags: mode, slot: OPENED + random.below(1) });
  }

  /** A place: usually a path, sometimes below the disconnected directory. */
  #at(task: number, path: () => string): At {
    const below = this.#machine.tasks.get(task)!.slots.get(DISCONNECTED);
    if (below === undefined || !this.#random.chance(35)) return { path: path() };
    const names = ['e', 'e/g', 'g', 'e/a', 'a', 'b', '.', 'e/b'];
    return { path: this.#random.pick(names), slot: DISCONNECTED };
  }

  #operation(task: number): void {
    const random = this.#random;
    const some = (kind?: 'dir' | 'other') => this.#at(task, () => this.#some(kind));
    const fresh = () => this.#at(task, () => this.#new());
    const kind = random.weighted({
      rename: 24,
      exchange: 8,
      whiteout: 2,
      link: 12,
      open: 20,
      create: 7,
      make: 8,
      remove: 8,
      truncate: 4,
      exec: 5,
      opened: 9,
      tmpfile: 3,
      signal: 4,
      ptrace: 4,
      reach: 4,
      reachpath: 2,
      inet: 7,
      mount: 2,
      pass: 2,
      socket: 2,
      stack: 1,
      sigio: 2,
      guarded: 3,
      rare: 3,
    });
    switch (kind) {
      case 'rename':
        this.#do({
          task,
          op: 'rename',
          at: notDot(some()),
          to: notDot(random.chance(75) ? fresh() : some()),
          flags: random.chance(5) ? 1 : 0,
        });
        return;
      case 'exchange':
        this.#do({ task, op: 'rename', at: notDot(some()), to: notDot(some()), flags: 2 });
        return;
      case 'whiteout':
        this.#do({ task, op: 'rename', at: notDot(some()), to: notDot(fresh()), flags: 4 });
        return;
      case 'link':
        this.#do({
          task,
          op: 'link',
          at: some(random.chance(90) ? 'other' : undefined),
          to: notDot(fresh()),
          follow: random.chance(30),
        });
        return;
      case 'open':
        this.#do({
          task,
          op: 'open',
          at: some(random.chance(70) ? 'other' : undefined),
          flags: openFlags(random),
          slot: -1,
        });
        return;
      case 'create': {
        const flags =
          OPEN.CREATE | random.pick([OPEN.WRITE, OPEN.READ, 3]) | (random.chance(25) ? OPEN.EXCLUSIVE : 0);
        this.#do({
          task,
          op: 'open',
          at: random.chance(60) ? fresh() : some('other'),
          flags: flags | (random.chance(30) ? OPEN.TRUNCATE : 0),
          slot: -1,
        });
        return;
      }
      case 'make':
        this.#do(makeStep(random, task, notDot(fresh()), this.#some()));
        return;
      case 'remove':
        this.#do({ task, op: random.chance(50) ? 'unlink' : 'rmdir', at: notDot(some()) });
        return;
      case 'truncate':
        this.#do({ task, op: 'truncate', at: some('other') });
        return;
      case 'exec':
        this.#do({ task, op: 'exec', at: some('other') });
        return;
      case 'opened':
        this.#opened(task);
        return;
      case 'tmpfile':
        if (
          this.#do({
            task,
            op: 'open',
            at: { path: this.#some('dir') },
            flags: OPEN.UNNAMED | random.pick([2, 3]),
            slot: 8,
          })?.errno === 0
        ) {
          this.#do({ task, op: 'linkfd', slot: 8, to: { path: this.#new() } });
        }
        return;
      case 'signal':
      case 'ptrace':
        this.#do({ task, op: kind, target: random.pick([...this.#machine.tasks.keys()]) });
        return;
      case 'reach':
        this.#do({ task, op: 'reach', name: random.below(3), type: random.chance(50) ? 'stream' : 'dgram' });
        return;
      case 'reachpath':
        this.#do({
          task,
          op: 'reachpath',
          at: { path: this.#some('other') },
          type: random.chance(50) ? 'stream' : 'dgram',
        });
        return;
      case 'inet':
        this.#do(inetStep(random, task));
        return;
      case 'mount':
        this.#mount(task);
        return;
      case 'pass': {
        const to = random.pick([...this.#machine.tasks.keys()]);
        if (this.#do({ task, op: 'give', slot: OPENED }) !== null)
          this.#do({ task: to, op: 'take', slot: OPENED });
        return;
      }
      case 'socket':
        this.#socket(task);
        return;
      case 'sigio': {
        const tasks = [...this.#machine.tasks.keys()];
        this.#do({ task, op: 'sigio', target: random.chance(50) ? -1 : random.pick(tasks) });
        for (const target of tasks) this.#do({ task: target, op: 'pending' });
        return;
      }
      case 'stack':
        this.#restrict(task, 100);
        return;
      case 'guarded': {
        const target = random.pick([...this.#machine.tasks.keys()]);
        this.#do({ task, op: 'guarded', target, by: random.pick(GUARDS) });
        return;
      }
      case 'rare':
        this.#do(rareStep(random, task, { path: this.#some('dir') }, { path: this.#some('dir') }));
    }
  }

  #opened(task: number): void {
    const random = this.#random;
    const slots = this.#machine.tasks.get(task)!.slots;
    if (!slots.has(OPENED) || random.chance(30)) this.#open(task);
    if (slots.get(OPENED)?.kind !== 'file') return;
    const commands = [
      ...Object.values(FREE_IOCTLS).filter((command) => command !== 0xc0045877),
      0x541b,
      0x5401,
      0x80086601,
      0x5413,
      0x12345678,
    ];
    if (random.chance(50)) this.#do({ task, op: 'ftruncate', slot: OPENED });
    else this.#do({ task, op: 'ioctl', slot: OPENED, command: random.pick(commands) });
  }

  #mount(task: number): void {
    const random = this.#random;
    const to = { path: this.#some('dir') };
    if (to.path === '/tmp') return;
    switch (random.weighted({ bind: 4, tmpfs: 3, umount: 3, move: 2, remount: 1 })) {
      case 'bind':
        this.#do({ task, op: 'bind', at: { path: this.#some('dir') }, to });
        return;
      case 'tmpfs':
        this.#do({ task, op: 'tmpfs', at: to });
        return;
      case 'umount':
        this.#do({ task, op: 'umount', at: to });
        return;
      case 'move':
        this.#do({ task, op: 'move', at: { path: this.#some('dir') }, to });
        return;
      case 'remount':
        this.#do({ task, op: 'remount', at: to });
    }
  }
}
