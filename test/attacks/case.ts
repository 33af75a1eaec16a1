/**
 * The form of an attack, and how it is run: once with its defence, where it must be held, and once without, where it
 * must succeed. A case whose attack fails without the defence proves nothing and is a failure of the suite.
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { type ChildOptions, type ChildResult, runChild, runLandward } from '../kit/child.ts';
import { type Needs, needs } from '../kit/needs.ts';
import { makeWorld, type PolicyChange, policyText, type World } from './world.ts';

/** What surrounds one run: descriptors, environment, a process outside; `release` undoes it. */
export interface Surroundings {
  readonly options?: ChildOptions;
  readonly release?: () => void | Promise<void>;
}

type Judge = (result: ChildResult, world: World) => void | Promise<void>;

export interface Attack {
  /** The number in `coverage.ts`. */
  readonly id: number;
  readonly name: string;
  readonly needs?: Needs;
  readonly prepare?: (world: World) => void;
  readonly surround?: (world: World) => Surroundings | Promise<Surroundings>;
  /** The arguments of the probe, or a whole command where `command` is set. */
  readonly action: (world: World) => readonly string[];
  readonly command?: true;
  /** Changes to the confined policy that leave only the defence in question. */
  readonly on?: (world: World) => PolicyChange;
  /** What is taken away in the second run, for people; and the policy without it, or no landward at all. */
  readonly without: string;
  readonly off: ((world: World) => PolicyChange) | 'unconfined';
  /** Fails unless the attack was held. */
  readonly held: Judge;
  /** Fails unless the attack succeeded. */
  readonly succeeded: Judge;
}

/** Registers both runs of an attack as tests. */
export function attackTest(attack: Attack): void {
  const options = needs({ abi: 6, ...attack.needs });
  test(`${attack.id} ${attack.name}: held`, options, () =>
    attempt(attack, attack.on ?? (() => ({})), attack.held),
  );
  test(`${attack.id} ${attack.name}: succeeds without ${attack.without}`, options, () =>
    attempt(attack, attack.off, attack.succeeded),
  );
}

async function attempt(attack: Attack, change: Attack['off'], judge: Judge): Promise<void> {
  const world = makeWorld();
  let release: Surroundings['release'];
  try {
    attack.prepare?.(world);
    const around = (await attack.surround?.(world)) ?? {};
    release = around.release;
    const options: ChildOptions = { cwd: world.project, ...around.options };
    const words = attack.command ? attack.action(world) : [world.probe, ...attack.action(world)];
    const result = await start(world, words, change, options);
    assert.equal(result.timedOut, false, 'the attack did not end');
    await judge(result, world);
  } finally {
    await release?.();
    world.remove();
  }
}

function start(
  world: World,
  words: readonly string[],
  change: Attack['off'],
  options: ChildOptions,
): Promise<ChildResult> {
  if (change === 'unconfined') return runChild(words[0]!, words.slice(1), options);
  const file = join(world.top, 'policy.toml');
  writeFileSync(file, policyText(world, change(world)));
  return runLandward(['run', '-p', file, '--', ...words], options);
}

const shown = (result: ChildResult) => JSON.stringify(result);

/** Held by a refusal with one of these errnos, and the secret is nowhere in the output. */
export function refused(...errnos: readonly number[]): Judge {
  return (result, world) => {
    const errno = Number(/^ERRNO (\d+) /m.exec(result.stdout)?.[1]);
    assert.ok(errnos.includes(errno), `expected errno ${errnos.join(' or ')}: ${shown(result)}`);
    assert.equal(result.stdout.includes(world.token), false, 'the secret leaked');
  };
}

/** Succeeded: the probe printed DONE, and nothing was refused. */
export const done: Judge = (result) => {
  assert.match(result.stdout, /^DONE/m, shown(result));
  assert.doesNotMatch(result.stdout, /^ERRNO/m, shown(result));
};

/** Succeeded: the secret is in the output. */
export const leaked: Judge = (result, world) => {
  assert.ok(result.stdout.includes(world.token), shown(result));
};

/** Held by a kill: the process died of SIGSYS. */
export const killedBySigsys: Judge = (result) => {
  assert.ok(result.signal === 'SIGSYS' || result.code === 128 + 31, shown(result));
};
