/**
 * Rules to a program: calls are told apart by a search tree over their numbers, so that a call that no rule concerns
 * is through after a few comparisons, and the kernel can learn once that it is always allowed.
 *
 * Owns the shape of programs. Calls of another architecture and of x32 end the process before anything else, because
 * their numbers mean something else.
 */

import { bug } from '../errors.ts';
import { AUDIT_ARCH, X32_SYSCALL_BIT } from '../uapi/audit-arch.ts';
import { BPF } from '../uapi/bpf.ts';
import { ERRNO } from '../uapi/errno.ts';
import { type Arch, SYSCALLS, type SyscallName } from '../uapi/syscalls.ts';
import { type Action, ALLOW, encodeAction, fail, KILL_PROCESS } from './action.ts';
import { assemble, at, goto, jump, type Label, type Line, label, plain } from './assemble.ts';
import { checkProgram } from './check.ts';
import { conditionLines } from './conditions.ts';
import type { Instruction } from './program.ts';
import type { FilterRule } from './rules.ts';

export interface CompileOptions {
  readonly arch: Arch;
  /** What meets numbers that the tables of `uapi` don't know. */
  readonly unknown: Action;
}

/** Offsets in `seccomp_data`, bytes. */
const NR = 0;
const ARCH = 4;

/** Calls that programs make most; the search tree keeps them near its root. */
// biome-ignore format: a list of words
const HOT: ReadonlySet<SyscallName> = new Set<SyscallName>([
  'read', 'write', 'openat', 'close', 'fstat', 'newfstatat', 'lseek', 'mmap', 'munmap', 'futex', 'poll', 'ppoll',
  'epoll_wait', 'epoll_pwait', 'readv', 'writev', 'pread64', 'pwrite64', 'recvfrom', 'recvmsg', 'sendto', 'sendmsg',
  'rt_sigprocmask', 'rt_sigaction', 'ioctl', 'fcntl', 'statx', 'getrandom', 'clock_gettime', 'clock_nanosleep',
]);
const HOT_WEIGHT = 32;

/** A run of numbers that meet the same rules; it ends where the next begins. */
interface Segment {
  readonly first: number;
  readonly weight: number;
  readonly handler: Label;
}

/**
 * Compiles rules.
 *
 * @returns a program that the kernel accepts
 * @throws a bug where the rules make a program that is too long
 */
export function compileRules(rules: readonly FilterRule[], { arch, unknown }: CompileOptions): Instruction[] {
  const answers = new Map<number, Label>();
  const answer = (action: Action): Label => {
    const word = encodeAction(action);
    const known = answers.get(word) ?? label(`return 0x${word.toString(16)}`);
    answers.set(word, known);
    return known;
  };

  // One handler for all calls that the same rules concern.
  const handlers = new Map<string, { readonly label: Label; readonly lines: readonly Line[] }>();
  const allowed = answer(ALLOW);
  const concerned = rulesByCall(rules);
  const handlerOf = (name: SyscallName): Label => {
    const concerning = concerned.get(name);
    if (concerning === undefined) return allowed;
    const first = rules[concerning[0]!]!;
    if (isUnconditional(first)) return answer(first.action);
    const key = concerning.join();
    const known = handlers.get(key);
    if (known !== undefined) return known.label;
    const place = label(`rules ${key}`);
    handlers.set(key, {
      label: place,
      lines: [at(place), ...handlerLines(concerning.map((i) => rules[i]!))],
    });
    return place;
  };

  const segments = segmentsOf(arch, handlerOf, answer(unknown));
  const search = searchLines(segments);
  const lines = [
    plain(BPF.LD_ABS, ARCH),
    jump(BPF.JEQ_K, AUDIT_ARCH[arch], null, answer(KILL_PROCESS)),
    plain(BPF.LD_ABS, NR),
    ...(arch === 'x86_64' ? x32Lines(answer) : []),
    ...search,
    ...[...handlers.values()].flatMap((handler) => handler.lines),
  ];
  const program = assemble([
    ...lines,
    ...[...answers].flatMap(([word, place]) => [at(place), plain(BPF.RET_K, word)]),
  ]);
  const refusal = checkProgram(program);
  if (refusal !== null) bug(`the kernel would refuse the filter: ${refusal}`);
  return program;
}

/**
 * Ends the process for a call with the x32 bit. All bits set is no x32 call but what a tracer leaves to skip a call,
 * and programs use it to ask for ENOSYS.
 */
function x32Lines(answer: (action: Action) => Label): Line[] {
  const native = label('not x32');
  return [
    jump(BPF.JGE_K, X32_SYSCALL_BIT, null, native),
    jump(BPF.JEQ_K, 0xffff_ffff, answer(fail(ERRNO.ENOSYS)), answer(KILL_PROCESS)),
    at(native),
  ];
}

function isUnconditional(rule: FilterRule): boolean {
  return rule.when === undefined || rule.when.length === 0;
}

/** The indices of the rules that concern each call, in order. */
function rulesByCall(rules: readonly FilterRule[]): ReadonlyMap<SyscallName, readonly number[]> {
  const concerned = new Map<SyscallName, number[]>();
  for (const [i, rule] of rules.entries()) {
    for (const name of rule.syscalls) {
      const known = concerned.get(name);
      if (known === undefined) concerned.set(name, [i]);
      else if (known.at(-1) !== i) known.push(i);
    }
  }
  return concerned;
}

/** The first rule whose conditions hold decides; the call is allowed where none does. */
function handlerLines(rules: readonly FilterRule[]): Line[] {
  const lines: Line[] = [];
  for (const rule of rules) {
    const next = label('next rule');
    lines.push(...(rule.when ?? []).flatMap((condition) => conditionLines(condition, next)));
    lines.push(plain(BPF.RET_K, encodeAction(rule.action)), at(next));
    if (isUnconditional(rule)) return lines;
  }
  return [...lines, plain(BPF.RET_K, encodeAction(ALLOW))];
}

function segmentsOf(arch: Arch, handlerOf: (name: SyscallName) => Label, unknown: Label): Segment[] {
  const calls = (Object.entries(SYSCALLS[arch]) as [SyscallName, number][]).sort((a, b) => a[1] - b[1]);
  const segments: { first: number; weight: number; handler: Label }[] = [];
  const add = (first: number, weight: number, handler: Label) => {
    const previous = segments.at(-1);
    if (previous?.handler === handler) previous.weight += weight;
    else segments.push({ first, weight, handler });
  };
  let next = 0;
  for (const [name, number] of calls) {
    if (number > next) add(next, 1, unknown);
    add(number, HOT.has(name) ? HOT_WEIGHT : 1, handlerOf(name));
    next = number + 1;
  }
  add(next, 1, unknown);
  return segments;
}

/** A search tree whose halves weigh about the same. The number is in the accumulator. */
function searchLines(segments: readonly Segment[]): Line[] {
  if (segments.length === 1) return [goto(segments[0]!.handler)];
  const cut = balancedCut(segments);
  const left = segments.slice(0, cut);
  const right = segments.slice(cut);
  const upper = right.length === 1 ? right[0]!.handler : label(`from ${right[0]!.first}`);
  const lower = left.length === 1 ? left[0]!.handler : null;
  return [
    jump(BPF.JGE_K, right[0]!.first, upper, lower),
    ...(left.length === 1 ? [] : searchLines(left)),
    ...(right.length === 1 ? [] : [at(upper), ...searchLines(right)]),
  ];
}

/** Where to cut a list so that both parts weigh about the same; both get at least one segment. */
function balancedCut(segments: readonly Segment[]): number {
  const total = segments.reduce((sum, segment) => sum + segment.weight, 0);
  let best = 1;
  let left = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (let cut = 1; cut < segments.length; cut++) {
    left += segments[cut - 1]!.weight;
    const difference = Math.abs(total - 2 * left);
    if (difference < smallest) {
      smallest = difference;
      best = cut;
    }
  }
  return best;
}
