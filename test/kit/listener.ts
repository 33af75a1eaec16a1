/**
 * Starts programs whose calls are notified to an inbox of the calling thread, without any policy: what the tests of the
 * native part of the supervisor need. The real start is `launch`'s.
 */

import { ALLOW, NOTIFY } from '../../packages/landward/src/filter/action.ts';
import { compileRules } from '../../packages/landward/src/filter/compile.ts';
import { packProgram } from '../../packages/landward/src/filter/program.ts';
import { ARCH, attempt, call } from '../../packages/landward/src/kernel/call.ts';
import { ImageBuilder, readSlot } from '../../packages/landward/src/kernel/image.ts';
import type { Inbox, JobOptions } from '../../packages/landward/src/kernel/inbox.ts';
import { EFD } from '../../packages/landward/src/uapi/open.ts';
import { PR } from '../../packages/landward/src/uapi/prctl.ts';
import { SECCOMP, SECCOMP_FILTER_FLAG } from '../../packages/landward/src/uapi/seccomp.ts';
import { SOCK_FPROG } from '../../packages/landward/src/uapi/structs.ts';
import type { SyscallName } from '../../packages/landward/src/uapi/syscalls.ts';

/** A program that waits for its listener to be taken, or runs. */
export interface Watched {
  readonly pid: number;
  readonly listener: number;
  /** The job of the start. */
  readonly job: number;
}

export interface WatchOptions extends JobOptions {
  readonly env?: readonly string[];
  /** The program's working directory. */
  readonly cwd?: string;
  /** A descriptor of this process that becomes the program's standard output. */
  readonly stdout?: number;
  /** Steps before the filter. */
  readonly before?: (build: ImageBuilder) => void;
  /** Further flags of the filter besides NEW_LISTENER; WAIT_KILLABLE_RECV when absent. */
  readonly flags?: number;
  /** Whether the inbox receives from the listener; true when absent. */
  readonly receive?: boolean;
  /** Entries that came while the start was under way. */
  readonly onEntry?: (index: number) => void;
}

const ONE = new BigUint64Array([1n]);

/** A program that notifies the calls with these names; everything else is allowed. */
export function notifying(names: readonly SyscallName[]): Uint8Array<ArrayBuffer> {
  const rules = [{ syscalls: names, action: NOTIFY, because: 'a test asks' }];
  return packProgram(compileRules(rules, { arch: ARCH, unknown: ALLOW }));
}

/**
 * Starts a program with a listener that the inbox receives from under `key`. Returns once the program is let go; it may
 * still be before its execve.
 */
export function watch(
  inbox: Inbox,
  key: number,
  names: readonly SyscallName[],
  words: readonly string[],
  options: WatchOptions = {},
): Watched {
  const go = call('make an eventfd', 'eventfd2', 0, EFD.CLOEXEC);
  const build = new ImageBuilder(ARCH);
  const listener = build.slot(-1);
  const pid = build.slot(-1);
  const program = notifying(names);
  const header = build.bytes(SOCK_FPROG.encode({ len: program.length / 8 }));
  build.point(header, SOCK_FPROG.fields.filter[0], build.bytes(program));
  if (options.stdout !== undefined) build.step('dup3', [options.stdout, 1, 0], 'connect the output');
  if (options.cwd !== undefined) build.step('chdir', [build.string(options.cwd)], 'enter the directory');
  options.before?.(build);
  build.step('getpid', [], 'ask for the process id', { store: pid });
  build.step('prctl', [PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0], 'give up new privileges');
  const flags = SECCOMP_FILTER_FLAG.NEW_LISTENER | (options.flags ?? SECCOMP_FILTER_FLAG.WAIT_KILLABLE_RECV);
  build.step('seccomp', [SECCOMP.SET_MODE_FILTER, flags, header], 'install the filter', { store: listener });
  build.step('write', [inbox.wakeFd, build.bytes(new Uint8Array(ONE.buffer)), 8], 'tell of the listener');
  build.step('read', [go, build.reserve(8), 8], 'wait until it is taken');
  const env = build.strings(options.env ?? []);
  build.step('execve', [build.string(words[0]!), build.strings(words), env], `execute ${words[0]}`);
  const image = build.build();
  const job = inbox.submit(image, { ...options, spawn: true });
  if (job < 0) throw new Error(`submit: ${job}`);
  try {
    for (;;) {
      const count = inbox.next(1000);
      for (let i = 0; i < count; i++) {
        if (inbox.kind(i) === 'job' && inbox.job(i).job === job) {
          const { step, errno } = inbox.job(i);
          throw new Error(`${image.steps[step]?.what ?? 'start'}: errno ${errno}`);
        }
        if (inbox.kind(i) !== 'wake') options.onEntry?.(i);
      }
      inbox.peek(job, image);
      if (readSlot(image, listener) < 0) continue;
      const process = call('open the process', 'pidfd_open', readSlot(image, pid), 0);
      const taken = call('take the listener', 'pidfd_getfd', process, readSlot(image, listener), 0);
      attempt('close', process);
      const added = options.receive === false ? 0 : inbox.add(taken, key);
      if (added < 0) throw new Error(`add: ${added}`);
      return { pid: readSlot(image, pid), listener: taken, job };
    }
  } finally {
    attempt('write', go, ONE, 8);
    attempt('close', go);
  }
}
