/**
 * Every error that landward raises on purpose: one table of stable codes, and the classes that carry them.
 *
 * A message says what was asked, what is so, and what to do; `part` is the offending piece. Nothing else in
 * landward invents an error class. What cannot happen goes through `bug()`.
 */

/** Stable codes: what happened, and how a person solves it. The error reference in docs/ is generated from this table. */
export const CODES = {
  POLICY_SYNTAX: { exit: 125, solve: 'Correct the text at the place shown' },
  POLICY_INVALID: { exit: 125, solve: 'Correct the key or value at the place shown' },
  POLICY_NOT_FOUND: { exit: 125, solve: 'Check the name of the policy file or preset' },
  POLICY_GAP: {
    exit: 125,
    solve: 'Change the rule, use a kernel that holds it, or accept the gap by name with --degrade',
  },
  POLICY_FLOOR: { exit: 125, solve: 'Use a newer kernel or lower the floor in [require]' },
  PATH_MISSING: { exit: 125, solve: 'Create the path, or mark the rule optional or create' },
  PATH_CHANGED: { exit: 125, solve: 'Compile the policy again: the object at this path was replaced' },
  USAGE: { exit: 125, solve: 'See landward --help' },
  KERNEL: { exit: 125, solve: 'Run landward status to see what this system can enforce' },
  UNSUPPORTED: { exit: 125, solve: 'Run landward status to see what this system can enforce' },
  SUPERVISOR: {
    exit: 125,
    solve:
      "Run landward status to see whether the supervisor works here, or write enforce = 'kernel' in [require]",
  },
  THREADS: { exit: 125, solve: 'Restrict the process before the threads named here exist' },
  COMMAND_NOT_EXECUTABLE: {
    exit: 126,
    solve: 'Check the permissions of the file, and that the policy grants fs.execute on it',
  },
  COMMAND_NOT_FOUND: { exit: 127, solve: 'Check the name and PATH of the command' },
  COMMAND_FAILED: {
    exit: 1,
    solve: 'See what the program printed; landward why tells which rule would allow what it did',
  },
  SOURCE: {
    exit: 125,
    solve: 'Check that the log or the kernel interface exists, and that this user may read it',
  },
  NATIVE_MISSING: {
    exit: 125,
    solve: 'Install the package for this architecture, or run npm run native in a clone',
  },
  STORE: {
    exit: 125,
    solve:
      'Check the state directory ($XDG_STATE_HOME/landward): its owner, its space, the version of its files',
  },
  PEER_MISSING: { exit: 125, solve: 'Install the package named here beside landward: npm install NAME' },
  PROGRAM_INVALID: {
    exit: 125,
    solve: 'Correct the program at the instruction shown; docs/programs.md has the rules',
  },
  CONFIG_INVALID: { exit: 125, solve: 'Correct the value at the place shown' },
} as const satisfies Record<string, { readonly exit: number; readonly solve: string }>;

export type Code = keyof typeof CODES;

/** A place in a policy text; line and column count from 1, columns in UTF-16 units. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Detail {
  /** The offending piece, verbatim (escape before printing). */
  readonly part?: string | undefined;
  readonly at?: Position | undefined;
  /** The source line of `at`, verbatim. */
  readonly source?: string | undefined;
  /** What to do, more exact than the code's own advice. */
  readonly fix?: string | undefined;
  readonly cause?: unknown;
}

/** The base of every error that landward raises on purpose. */
export class LandwardError extends Error {
  override readonly name: string = 'LandwardError';
  readonly code: Code;
  readonly part: string | undefined;
  readonly at: Position | undefined;
  readonly source: string | undefined;
  readonly fix: string | undefined;

  constructor(code: Code, message: string, detail: Detail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.part = detail.part;
    this.at = detail.at;
    this.source = detail.source;
    this.fix = detail.fix;
  }

  /** The exit status that a command ends with after this error. */
  get exitCode(): number {
    return CODES[this.code].exit;
  }
}

/** A refusal by the kernel: which call, which errno, at which step of the work. */
export class KernelError extends LandwardError {
  override readonly name = 'KernelError';
  readonly syscall: string;
  readonly errno: number;
  readonly step: string;

  constructor(
    refusal: { syscall: string; errno: number; errname: string; step: string },
    detail: Detail & { code?: Code } = {},
  ) {
    super(
      detail.code ?? 'KERNEL',
      `${refusal.step}: ${refusal.syscall} failed with ${refusal.errname}`,
      detail,
    );
    this.syscall = refusal.syscall;
    this.errno = refusal.errno;
    this.step = refusal.step;
  }
}

/** Several problems of one policy, reported together. */
export class PolicyErrors extends LandwardError {
  override readonly name = 'PolicyErrors';
  readonly errors: readonly LandwardError[];

  constructor(errors: readonly LandwardError[]) {
    super(errors[0]!.code, errors.map((error) => error.message).join('\n'), { at: errors[0]!.at });
    this.errors = errors;
  }
}

/** What cannot happen: a defect of landward itself. */
export function bug(what: string): never {
  throw new Error(`bug in landward: ${what}: please report this`);
}
