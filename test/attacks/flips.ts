/**
 * The flip attacks: what a call means is exchanged by another thread while the call is decided. Each runs against the
 * supervisor and against a supervisor that only looks, which must be broken: else the attack proves nothing.
 *
 * Owns the list and how one is run; the attackers are `test/fixtures/flips.c`.
 */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NotifyGroup } from '../../packages/landward/src/filter/notify.ts';
import type { DecideOptions } from '../../packages/landward/src/model/decide-request.ts';
import type { PathRule } from '../../packages/landward/src/model/rules.ts';
import { FS_RIGHTS, type FsRight } from '../../packages/landward/src/uapi/landlock.ts';
import { layer, path } from '../kit/rules.ts';
import { supervised } from '../kit/supervised.ts';

/** One attack. */
export interface Flip {
  readonly name: string;
  /** What is decided by the supervisor. Everything else runs in the kernel, at full speed. */
  readonly groups: readonly NotifyGroup[];
  /** What may be done with the forbidden object after all. */
  readonly shut?: PathRule['rights'];
  /** Whether a program outside, which nobody asks, does the exchanging. */
  readonly outside?: true;
  /** The module that only looks. */
  readonly control: 'look-then-continue' | 'look-then-continue-opened';
}

const looking = 'look-then-continue';
const READ = ['fs.read_file', 'fs.read_dir', 'fs.execute'] as const;
const ALL = Object.keys(FS_RIGHTS) as FsRight[];
const WRITE = [...READ, 'fs.write_file'] as const;

/** The attacks; sockets have theirs elsewhere. */
export const FLIPS: readonly Flip[] = [
  { name: 'path-open', groups: ['open'], control: looking },
  { name: 'path-truncate', groups: ['truncate'], control: looking },
  { name: 'path-link', groups: ['refer'], control: looking },
  { name: 'path-rename', groups: ['refer'], control: looking },
  { name: 'rename-swapped', groups: ['refer'], outside: true, control: looking },
  { name: 'path-unlink', groups: ['remove'], control: looking },
  { name: 'path-chmod', groups: ['metadata'], control: looking },
  { name: 'open-how', groups: ['open'], shut: READ, control: looking },
  { name: 'symlink-component', groups: ['open'], control: looking },
  { name: 'directory-rename', groups: ['open'], control: looking },
  { name: 'descriptor-openat', groups: ['open'], control: looking },
  {
    name: 'descriptor-ftruncate',
    groups: ['open', 'opened'],
    shut: WRITE,
    control: 'look-then-continue-opened',
  },
  { name: 'descriptor-ioctl', groups: ['open', 'opened'], control: 'look-then-continue-opened' },
];

/** What became of the attempts. */
export interface Outcome {
  readonly passed: number;
  readonly refused: number;
  readonly escaped: number;
  readonly flips: number;
  /** Whether the supervisor ended the program, which then tells nothing. */
  readonly ended?: true;
}

/** Exchanges `swap/x` and `swap/y` in a directory until it is disposed. */
function outsider(program: string, cwd: string): Disposable {
  const child = spawn(program, ['exchange'], { cwd, stdio: 'ignore' });
  return { [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

/** A function that refuses what the rules of a flip would. It takes its time, so that much changes meanwhile. */
function refusing(top: string): DecideOptions {
  const shut = (name = '') => name.startsWith(`${top}/shut`) || /\/swap\/[xy]\/secret$/.test(name);
  return {
    name: 'refusing',
    timeoutMs: 60_000,
    async decide({ object }) {
      await new Promise((resolve) => setImmediate(resolve));
      return object.kind === 'path' && (shut(object.path) || shut(object.to)) ? 'deny' : undefined;
    },
  };
}

/**
 * Runs an attack.
 *
 * @param program the compiled attackers
 * @param control whether against the supervisor that only looks
 * @param by whether rules forbid the object, or rules allow it and a function refuses it
 */
export async function runFlip(
  flip: Flip,
  program: string,
  attempts: number,
  control = false,
  by: 'rules' | 'function' = 'rules',
): Promise<Outcome> {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'landward-flip-')));
  try {
    mkdirSync(join(top, 'open/deep/in'), { recursive: true });
    for (const [name, text] of [
      ['open', 'open content'],
      ['open/shut', 'open content'],
      ['shut', 'shut content'],
    ] as const) {
      mkdirSync(join(top, name), { recursive: true });
      writeFileSync(join(top, name, 'file'), text);
    }
    mkdirSync(join(top, 'swap/y'), { recursive: true });
    writeFileSync(join(top, 'swap/x'), '');
    writeFileSync(join(top, 'swap/y/secret'), '');
    using _outsider = flip.outside ? outsider(program, top) : null;
    const forbidden = [
      path('deny', `${top}/swap/[xy]/secret`, []),
      path(
        'deny',
        join(top, 'shut'),
        [...ALL, 'meta.write' as const].filter((right) => !flip.shut?.includes(right)),
      ),
    ];
    const rules = [
      ...(by === 'rules' ? forbidden : []),
      path('allow', '/', READ),
      path('allow', top, ALL),
      path('allow', '/dev', WRITE),
      path('allow', '/dev/zero', [...WRITE, 'fs.ioctl_dev']),
    ];
    const worker = control ? new URL(`${flip.control}.ts`, import.meta.url).pathname : undefined;
    const result = await supervised(
      {
        layers: [layer(rules, 'grant', ['fs'])],
        groups: flip.groups,
        ...(by === 'rules' ? {} : { decides: ['fs'] }),
        ...(worker === undefined ? {} : { worker }),
      },
      [program, flip.name, `${attempts}`],
      { cwd: top, timeout: 3_600_000, ...(by === 'rules' ? {} : { functions: [refusing(top)] }) },
    );
    const told = /^(\d+) passed, (\d+) refused, (\d+) escaped, (\d+) flips$/m.exec(result.stdout);
    // The attempt that made the supervisor do this was not answered.
    if (flip.outside && result.killed.length > 0 && result.stdout === '')
      return { passed: 0, refused: 0, escaped: 0, flips: 0, ended: true };
    if (told === null || result.defects.length > 0)
      throw new Error(`${flip.name}: ${result.stdout}${result.stderr}${result.defects.join('\n')}`);
    const [passed, refused, escaped, flips] = told.slice(1).map(Number) as [number, number, number, number];
    return { passed, refused, escaped, flips };
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
}
