/** A task of a differential case on the model: its credential, what its descriptors refer to, and what waits for it. */

import type { Credential, Domain, Ruleset } from '../../packages/landward/src/model/index.ts';
import type { MemoryFile } from '../../packages/landward/src/model/landlock/memory/vfs.ts';
import type { NetSocket } from '../../packages/landward/src/model/sockets/index.ts';
import type { SocketType } from './steps.ts';

/** A UNIX socket. */
export interface Socket {
  readonly creator: Domain | null;
  readonly type: SocketType;
  bound: 'unnamed' | 'abstract' | 'path';
}

export type Slot =
  | { readonly kind: 'file'; readonly file: MemoryFile }
  | { readonly kind: 'ruleset'; ruleset: Ruleset }
  | { readonly kind: 'socket'; readonly socket: Socket }
  /** A TCP socket; who got its descriptor holds the same slot object. */
  | { readonly kind: 'stream'; socket: NetSocket }
  /** An io_uring and the credential that is registered with it. */
  | { readonly kind: 'ring'; readonly personality: Credential };

export interface MachineTask {
  readonly process: object;
  /** The number of the task that forked it; `null` for the first. */
  readonly parent: number | null;
  credential: Credential;
  readonly slots: Map<number, Slot>;
  /** Whether a SIGIO waits. */
  pending: boolean;
  /** Whether it gets a SIGIO when its parent ends. */
  deathSignal: boolean;
}

/** A step that names a task, slot or child that isn't there: the case means nothing. */
export class Senseless extends Error {}
