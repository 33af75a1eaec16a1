/**
 * The thread that waits for an answer, as far as handlers look at it: its memory, descriptors, directories, identity.
 *
 * Owns the contract. Whatever is read here may have changed a moment later: a handler reads each thing once.
 */

/** Identity and settings that emulated calls depend on; read from the kernel when first asked in a call. */
export interface TaskStatus {
  /** The process (thread group), in the supervisor's PID namespace. */
  readonly pid: number;
  readonly umask: number;
  readonly uid: number;
  readonly euid: number;
  readonly fsuid: number;
  readonly gid: number;
  readonly egid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  /** Effective capabilities. */
  readonly capabilities: bigint;
  readonly threads: number;
  readonly noNewPrivs: boolean;
  /** The ids of the thread in each PID namespace, outermost first. */
  readonly namespacedTids: readonly number[];
  readonly namespacedPids: readonly number[];
}

export interface Target {
  /** The thread, in the supervisor's PID namespace. */
  readonly tid: number;
  /**
   * Copies memory.
   *
   * @throws {Refused} EFAULT where the range cannot be read whole
   */
  read(address: number, length: number): Uint8Array;
  /** Copies up to `length` bytes: what is readable before the first hole, maybe nothing. */
  readSome(address: number, length: number): Uint8Array;
  /**
   * Copies a path: the bytes before its NUL.
   *
   * @throws {Refused} EFAULT, or ENAMETOOLONG where there is no NUL within 4096 bytes
   */
  readPath(address: number): Uint8Array;
  /** @throws {Refused} EFAULT */
  write(address: number, bytes: Uint8Array): void;
  /**
   * A duplicate of a descriptor of the target, owned by the call. The object that it had at this moment: decide and act
   * on the duplicate.
   *
   * @throws {Refused} EBADF (a closed number, and O_PATH ones are fine)
   */
  fd(number: number): number;
  /** The target's root directory as an O_PATH descriptor owned by the call. */
  root(): number;
  /** Whether the target's root is the supervisor's: then absolute paths mean the same. */
  readonly sharesRoot: boolean;
  /** The target's working directory as an O_PATH descriptor owned by the call. */
  cwd(): number;
  /** @throws {Refused} ESRCH where the target is gone */
  status(): TaskStatus;
  comm(): string;
  exe(): string | undefined;
  /**
   * Runs a part of the handler with the file system identity (fsuid, fsgid, groups, capabilities) and umask of
   * the target, where they differ from the supervisor's.
   */
  as<T>(act: () => T, options?: ActingOptions): T;
  /** Whom `as` acts as; `null` where that is this process itself. */
  readonly other: TaskStatus | null;
  /**
   * Does something with this process's own identity in the middle of `as`: looking at the target takes rights that the target
   * itself may not have.
   */
  asSupervisor<T>(act: () => T): T;
  /** Tells that this thread is about to change its identity: from now on it is looked at for every act. */
  changesIdentity(): void;
  /** The same for its root directory. */
  changesRoot(): void;
}

export interface ActingOptions {
  /** Whether the act may make something, so that the target's umask counts; yes when absent. */
  readonly umask?: boolean;
}
