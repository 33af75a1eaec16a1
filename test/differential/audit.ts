/**
 * The blame: what the kernel's audit records say of each denial against what the model says. The executor reads the
 * records; here they are assigned to the case by the process that was denied, and compared in order.
 */

import { spawn } from 'node:child_process';
import { type Behaviour, blockers, type Denial, type Node } from '../../packages/landward/src/model/index.ts';
import type { MemoryMount } from '../../packages/landward/src/model/landlock/memory/mounts.ts';
import type { MemoryDentry } from '../../packages/landward/src/model/landlock/memory/tree.ts';
import { Machine } from './machine.ts';
import { line, OPEN, type Step } from './steps.ts';

/** What is compared of a record; `object` is `null` where the model's world can't name it as the kernel does. */
export interface Blame {
  readonly blockers: string;
  readonly object: string | null;
}

interface Expected extends Blame {
  readonly step: number;
  readonly node: Node;
}

interface Recorded extends Blame {
  readonly domain: string;
}

/** One case as the kernel ran it. */
export interface Observed {
  readonly errnos: readonly number[];
  readonly pids: readonly number[];
  readonly records: readonly Recorded[];
  /** Why records are missing, if they are. */
  readonly lost: string | null;
}

/** Runs cases with audit on. Only one program on a machine does this at a time; the executor holds a lock. */
export async function runWithAudit(
  cases: readonly (readonly Step[])[],
  executor: string,
): Promise<Observed[]> {
  const child = spawn(executor, ['audit'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const chunks: string[] = [];
  child.stdout.setEncoding('latin1').on('data', (text: string) => chunks.push(text));
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  child.stdin.end(cases.map((steps) => `${steps.map(line).join('\n')}\nrun\n`).join(''));
  const status = await closed;
  const blocks = chunks.join('').split('\n\n').slice(0, -1);
  if (status !== 0 || blocks.length !== cases.length) {
    throw new Error(
      `the executor ended with status ${status} after ${blocks.length} of ${cases.length} cases`,
    );
  }
  return blocks.map(observed);
}

function observed(block: string): Observed {
  const [first, second, ...rest] = block.split('\n');
  const pids = second!.split(' ').slice(1).map(Number);
  const ours = new Set<string>();
  const called = new Set<string>();
  const accesses: { serial: string; text: string }[] = [];
  for (const text of rest) {
    const serial = /^A \d+ audit\(([^)]*)\)/.exec(text)?.[1];
    if (serial === undefined) continue;
    if (text.startsWith('A 1423')) accesses.push({ serial, text });
    else {
      called.add(serial);
      if (pids.includes(Number(/ pid=(\d+)/.exec(text)?.[1]))) ours.add(serial);
    }
  }
  return {
    errnos: first!.split(' ').map(Number),
    pids,
    records: accesses
      // What a task does while it ends (the death signal) has no record of a call; the target tells whose it is.
      .filter(({ serial, text }) => ours.has(serial) || (!called.has(serial) && isAbout(text, pids)))
      .map(({ text }) => recorded(text))
      // The coordinator is in the process group too, and no task of the case.
      .filter(({ object }) => !object?.startsWith('pid ') || pids.includes(Number(object.slice(4)))),
    lost: rest.find((text) => text.startsWith('X')) ?? null,
  };
}

function isAbout(text: string, pids: readonly number[]): boolean {
  return pids.includes(Number(/ opid=(\d+)/.exec(text)?.[1]));
}

function recorded(text: string): Recorded {
  const field = (name: string) => new RegExp(` ${name}=("[^"]*"|\\S+)`).exec(text)?.[1];
  const path = field('path') ?? field('name');
  const object =
    path !== undefined
      ? `path ${path.startsWith('"') ? path.slice(1, -1) : Buffer.from(path, 'hex').toString('latin1')}`
      : field('opid') !== undefined
        ? `pid ${field('opid')}`
        : `port ${field('src') ?? field('dest') ?? 'none'}`;
  return { domain: field('domain')!, blockers: field('blockers')!, object };
}

/** What the model says that the kernel records, step by step. */
function expected(behaviour: Behaviour, steps: readonly Step[], pids: readonly number[]): Expected[] {
  const machine = new Machine(behaviour);
  return steps.flatMap((step, index) => {
    const { decision, decisions } = machine.run(step);
    return (decisions ?? [decision])
      .flatMap((one) => (one === undefined || one.allowed ? [] : one.denials))
      .filter((denial) => denial.logged)
      .map((denial) => ({
        step: index,
        node: denial.node,
        blockers: blockers(denial).join(','),
        object: objectOf(machine, denial, step, pids),
      }));
  });
}

function objectOf(machine: Machine, denial: Denial, step: Step, pids: readonly number[]): string | null {
  const { object } = denial;
  switch (object.kind) {
    case 'path': {
      const path = printed(machine, object.path.mount as MemoryMount, object.path.dentry as MemoryDentry);
      return path === null ? null : `path ${path}`;
    }
    case 'mount':
      return null;
    case 'task':
      for (const [number, task] of machine.tasks) if (task === object.task) return `pid ${pids[number]}`;
      return null;
    case 'port':
      return `port ${object.port === 0 || object.port === null ? 'none' : object.port}`;
    case 'socket':
      return step.op === 'reach' ? `path \0landward-${step.name}` : null;
  }
}

/** A path as the kernel prints it, or `null` where the object was removed or is out of reach. */
function printed(machine: Machine, mount: MemoryMount, dentry: MemoryDentry): string | null {
  const names: string[] = [];
  let at = mount;
  let name = dentry;
  for (;;) {
    while (name === at.root) {
      if (at === machine.namespace.root.mount) return `/${names.reverse().join('/')}`;
      if (at.parent === null || at.mountpoint === null) return null;
      name = at.mountpoint;
      at = at.parent;
    }
    if (name.parent?.children.get(name.name) !== name) return null;
    names.push(name.name);
    name = name.parent;
  }
}

/** The first disagreement about blame, said in a sentence, or `null`. */
export function blameDifference(
  behaviour: Behaviour,
  steps: readonly Step[],
  kernel: Observed,
): string | null {
  if (kernel.lost !== null) return `records were lost: ${kernel.lost}`;
  const model = expected(behaviour, steps, kernel.pids);
  const domains = new Map<Node, string>();
  const nodes = new Map<string, Node>();
  const records = [...kernel.records];
  for (let index = 0; index < Math.max(model.length, records.length); index++) {
    const says = model[index];
    const between = steps.slice(model[index - 1]?.step ?? 0, says === undefined ? undefined : says.step + 1);
    while (says?.blockers !== 'fs.make_reg' && isUncachedCreate(between, records[index]))
      records.splice(index, 1);
    const has = records[index];
    if (says === undefined && has === undefined) break;
    const where =
      says === undefined
        ? 'after the last denial'
        : `step ${says.step} (${JSON.stringify(steps[says.step])})`;
    if (says === undefined || has === undefined) {
      return `${where}: the model records ${JSON.stringify(says?.blockers)}, the kernel ${JSON.stringify(has)}`;
    }
    if (says.blockers !== has.blockers)
      return `${where}: the model blames ${says.blockers}, the kernel ${has.blockers}`;
    // An overlay drops the name that it opened when it copies a file up, and then finds it anew.
    const named = has.object?.replace(/ \(deleted\)$/, '');
    if (says.object !== null && says.object !== named) {
      return `${where}: the model names ${says.object}, the kernel ${has.object}`;
    }
    if (
      (domains.get(says.node) ?? has.domain) !== has.domain ||
      (nodes.get(has.domain) ?? says.node) !== says.node
    ) {
      return `${where}: the model blames another layer than the kernel's domain ${has.domain}`;
    }
    domains.set(says.node, has.domain);
    nodes.set(has.domain, says.node);
  }
  return null;
}

/**
 * Whether a record is about a creation that does not happen: an open with O_CREAT of a file that exists, but whose name
 * is not cached, asks for fs.make_reg before it looks, and goes on without creating when that is denied. Only names on
 * an overlay are ever uncached here.
 */
function isUncachedCreate(between: readonly Step[], record: Recorded | undefined): boolean {
  const creates = between.some((step) => step.op === 'open' && (step.flags & OPEN.CREATE) !== 0);
  return creates && record?.blockers === 'fs.make_reg' && record.object!.includes('/o/m');
}

/** How many records a case has, for figures. */
export function recordCount(kernel: Observed): number {
  return kernel.records.length;
}
