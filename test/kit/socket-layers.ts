/**
 * Programs that use sockets made before, inside and outside, under layers: what each call came to, and what was told of it.
 *
 * Owns the giver, a process that no layer binds and that hands sockets over a UNIX socket.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NotifyGroup } from '../../packages/landward/src/filter/notify.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import type { Rule, RuleLayer, SocketControl } from '../../packages/landward/src/model/rules.ts';
import { root } from './needs.ts';
import { supervised } from './supervised.ts';

const script = join(root, 'test/fixtures/socket-layers.py');
const origin = { file: 'test', line: 1, column: 1 } as const;

/** A layer about the network: what its rules do not allow is denied. */
export function netLayer(
  rules: readonly Rule[],
  sockets: Partial<SocketControl> = {},
  name = 'test',
): RuleLayer {
  return {
    kind: 'limit',
    name,
    categories: ['net'],
    rules,
    sockets: { subject: 'caller', aim: 'any', lock: false, origin, ...sockets },
  };
}

/** A layer that says nothing about addresses. */
export function controlLayer(sockets: Partial<SocketControl>, name = 'test'): RuleLayer {
  return { ...netLayer([], sockets, name), categories: [] };
}

export interface SocketCalls {
  /** Of each call, `0` or the name of its errno. */
  readonly results: readonly string[];
  readonly events: readonly DenialEvent[];
}

/** A process outside that gives sockets. */
export class Giver implements AsyncDisposable {
  readonly path: string;
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(folder: string, process: ChildProcess) {
    this.#folder = folder;
    this.path = join(folder, 'door');
    this.#process = process;
  }

  static async start(): Promise<Giver> {
    const folder = mkdtempSync(join(tmpdir(), 'landward-giver-'));
    const process = spawn('python3', [script, 'give', join(folder, 'door')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(process.stdout!, 'data');
    return new Giver(folder, process);
  }

  /** Runs calls in a program under layers; under none where they are `null`. */
  async calls(
    layers: readonly RuleLayer[] | null,
    lines: readonly string[],
    groups: readonly NotifyGroup[] = ['connect', 'bind', 'send', 'socket'],
  ): Promise<SocketCalls> {
    const env = { PATH: process.env.PATH!, GIVER: this.path };
    if (layers === null) {
      const free = spawn('python3', [script, ...lines], { stdio: ['ignore', 'pipe', 'inherit'], env });
      const [output] = await Promise.all([text(free), once(free, 'exit')]);
      return { results: output.trim().split('\n'), events: [] };
    }
    const result = await supervised({ layers, groups }, ['python3', script, ...lines], { env });
    if (result.defects.length > 0 || result.stderr !== '')
      throw new Error([...result.defects, result.stderr].join('\n'));
    return { results: result.stdout.trim().split('\n'), events: result.events };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function text({ stdout }: ChildProcess): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stdout!) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}
