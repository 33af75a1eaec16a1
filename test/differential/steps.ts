/**
 * The steps of a differential case: what a task does, as data that the model runs (`machine.ts`), the kernel runs
 * (`executor.c`), and a person reads in a shrunken failure. Owns the vocabulary and the line format between the two.
 */

import { isRare, RARE_OPS, type RareStep, rareOperands } from './rare-steps.ts';

/** A path, absolute or relative to the directory in a slot of the task. */
export interface At {
  readonly path: string;
  readonly slot?: number;
}

/** Bits of the `flags` of an open step. Neither READ nor WRITE is access mode 3. */
export const OPEN = {
  READ: 1,
  WRITE: 2,
  CREATE: 4,
  EXCLUSIVE: 8,
  TRUNCATE: 16,
  DIRECTORY: 32,
  NOFOLLOW: 64,
  PLACE: 128,
  UNNAMED: 256,
} as const;

/** Bits of the `flags` of a rename step, as `renameat2` has them. */
export const RENAME = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;

/** A step of any kind. */
export type Step = CommonStep | RareStep;

export type CommonStep = { readonly task: number } & (
  | {
      readonly op: 'mkdir' | 'rmdir' | 'unlink' | 'truncate' | 'exec' | 'umount' | 'tmpfs' | 'remount';
      readonly at: At;
    }
  | { readonly op: 'symlink' | 'script'; readonly at: At; readonly target: string }
  | { readonly op: 'mknod'; readonly at: At; readonly mode: number; readonly rdev: number }
  | { readonly op: 'rename'; readonly at: At; readonly to: At; readonly flags: number }
  | { readonly op: 'link'; readonly at: At; readonly to: At; readonly follow: boolean }
  | { readonly op: 'linkfd'; readonly slot: number; readonly to: At }
  | { readonly op: 'open'; readonly at: At; readonly flags: number; readonly slot: number }
  | { readonly op: 'close' | 'ftruncate' | 'give' | 'take'; readonly slot: number }
  | { readonly op: 'ioctl'; readonly slot: number; readonly command: number }
  | { readonly op: 'bind' | 'move'; readonly at: At; readonly to: At }
  | {
      readonly op: 'overlay';
      readonly lower: At;
      readonly upper: At;
      readonly work: string;
      readonly to: string;
    }
  | {
      readonly op: 'ruleset';
      readonly slot: number;
      readonly fs: number;
      readonly net: number;
      readonly scoped: number;
      /** Quiet masks of ABI 10: file-system rights, port rights, scopes. */
      readonly quiet?: readonly [number, number, number];
    }
  | {
      readonly op: 'addpath';
      readonly slot: number;
      readonly access: number;
      readonly at: At;
      /** Flags of `landlock_add_rule`. */
      readonly flags?: number;
    }
  | {
      readonly op: 'addport';
      readonly slot: number;
      readonly access: number;
      readonly port: number;
      readonly flags?: number;
    }
  | { readonly op: 'restrict'; readonly slot: number; readonly flags: number }
  | { readonly op: 'fork'; readonly child: number }
  | { readonly op: 'signal' | 'ptrace'; readonly target: number }
  /** A pipe whose owner is a task, or everybody's process group (-1), is written to; `pending` asks who got the SIGIO. */
  | { readonly op: 'sigio'; readonly target: number }
  | { readonly op: 'pending' }
  | { readonly op: 'socket'; readonly slot: number; readonly type: SocketType }
  | { readonly op: 'name'; readonly slot: number; readonly name: number }
  | { readonly op: 'reach'; readonly name: number; readonly type: SocketType }
  | { readonly op: 'namepath'; readonly slot: number; readonly at: At }
  | { readonly op: 'reachpath'; readonly at: At; readonly type: SocketType }
  | {
      readonly op: 'inet';
      readonly call: 'bind' | 'connect' | 'send' | 'fastopen';
      readonly family: 4 | 6;
      readonly type: 'tcp' | 'udp' | 'mptcp';
      /** AF_* number of the address: 0 unspec, 2 inet, 10 inet6, 1 as another. */
      readonly address: number;
      readonly port: number;
      readonly length: number;
      /** Whether the IPv4 address is 0.0.0.0 (else loopback). */
      readonly any: boolean;
    }
);

export type SocketType = 'stream' | 'dgram';

/** The operation names in the order of their numbers in `executor.c`. */
const COMMON_OPS = [
  'mkdir',
  'rmdir',
  'unlink',
  'truncate',
  'exec',
  'umount',
  'tmpfs',
  'remount',
  'symlink',
  'script',
  'mknod',
  'rename',
  'link',
  'linkfd',
  'open',
  'close',
  'ftruncate',
  'give',
  'take',
  'ioctl',
  'bind',
  'move',
  'overlay',
  'ruleset',
  'addpath',
  'addport',
  'restrict',
  'fork',
  'signal',
  'ptrace',
  'socket',
  'name',
  'reach',
  'namepath',
  'reachpath',
  'inet',
  'sigio',
  'pending',
] as const satisfies readonly CommonStep['op'][];

export const OPS: readonly Step['op'][] = [...COMMON_OPS, ...RARE_OPS];

const CALLS = ['bind', 'connect', 'send', 'fastopen'];
const TYPES = ['tcp', 'udp', 'mptcp'];

/**
 * One line for the executor: operation, task, two base slots, six numbers, three paths (`-` for none).
 * No path has a space.
 */
export function line(step: Step): string {
  const bases = [
    slotOf('at' in step ? step.at : 'lower' in step ? step.lower : null),
    slotOf('to' in step && typeof step.to === 'object' ? step.to : 'upper' in step ? step.upper : null),
  ];
  const [numbers, paths] = isRare(step) ? rareOperands(step) : operands(step);
  const six = [...numbers, 0, 0, 0, 0, 0, 0].slice(0, 6);
  const three = [...paths, '-', '-', '-'].slice(0, 3);
  return [OPS.indexOf(step.op), step.task, ...bases, ...six, ...three].join(' ');
}

function slotOf(at: At | null): number {
  return at?.slot ?? -1;
}

function rulesetNumbers({
  slot,
  fs,
  net,
  scoped,
  quiet = [0, 0, 0],
}: CommonStep & { op: 'ruleset' }): number[] {
  return [slot, fs, net, scoped, quiet[0], quiet[1] | (quiet[2] << 8)];
}

function operands(step: CommonStep): readonly [readonly number[], readonly string[]] {
  switch (step.op) {
    case 'symlink':
    case 'script':
      return [[], [step.at.path, step.target]];
    case 'mknod':
      return [[step.mode, step.rdev], [step.at.path]];
    case 'rename':
      return [[step.flags], [step.at.path, step.to.path]];
    case 'link':
      return [[step.follow ? 1 : 0], [step.at.path, step.to.path]];
    case 'linkfd':
      return [[step.slot], ['-', step.to.path]];
    case 'open':
      return [[step.flags, step.slot], [step.at.path]];
    case 'close':
    case 'ftruncate':
    case 'give':
    case 'take':
      return [[step.slot], []];
    case 'ioctl':
      return [[step.slot, step.command], []];
    case 'bind':
    case 'move':
      return [[], [step.at.path, step.to.path]];
    case 'overlay':
      return [
        [],
        [
          step.to,
          `lowerdir=${step.lower.path},upperdir=${step.upper.path},workdir=${step.work},redirect_dir=off,index=off,metacopy=off`,
        ],
      ];
    case 'ruleset':
      return [rulesetNumbers(step), []];
    case 'addpath':
      return [[step.slot, step.access, step.flags ?? 0], [step.at.path]];
    case 'addport':
      return [[step.slot, step.access, step.port, step.flags ?? 0], []];
    case 'restrict':
      return [[step.slot, step.flags], []];
    case 'fork':
      return [[step.child], []];
    case 'pending':
      return [[], []];
    case 'sigio':
    case 'signal':
    case 'ptrace':
      return [[step.target], []];
    case 'socket':
      return [[step.slot, step.type === 'stream' ? 0 : 1], []];
    case 'name':
      return [[step.slot, step.name], []];
    case 'reach':
      return [[step.name, step.type === 'stream' ? 0 : 1], []];
    case 'namepath':
      return [[step.slot], [step.at.path]];
    case 'reachpath':
      return [[0, step.type === 'stream' ? 0 : 1], [step.at.path]];
    case 'inet': {
      const { call, family, type, address, port, length, any } = step;
      return [
        [CALLS.indexOf(call) + 10 * TYPES.indexOf(type), family, address, port, length, any ? 1 : 0],
        [],
      ];
    }
    default:
      return [[], [step.at.path]];
  }
}
