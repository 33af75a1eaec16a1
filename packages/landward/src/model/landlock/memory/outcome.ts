/** Who calls on the in-memory world, with which path, and how the call ends. Shapes and the words for ends; no checks. */

import { ERRNO } from '../../../uapi/errno.ts';
import type { Behaviour } from '../behaviour.ts';
import { ALLOWED, type Decision } from '../decision.ts';
import type { Credential } from '../domain.ts';
import type { Errname } from '../result.ts';
import type { MemoryPath, MountNamespace } from './mounts.ts';

/** Who calls, on which system. */
export interface Caller {
  readonly behaviour: Behaviour;
  readonly credential: Credential;
  readonly namespace: MountNamespace;
}

/** A path as given: absolute, or relative to a directory that is open. */
export interface At {
  readonly base?: MemoryPath | undefined;
  readonly path: string;
}

/** How a call ended: 0 or an errno, and Landlock's decision where it was asked. */
export interface Outcome {
  readonly errno: number;
  readonly decision: Decision;
}

/** Ends with an errno that Landlock did not give. */
export function fails(name: Errname, decision: Decision = ALLOWED): Outcome {
  return { errno: ERRNO[name], decision };
}

/** Ends well. */
export const OK: Outcome = { errno: 0, decision: ALLOWED };

/** The end of a call that Landlock refuses, or `null`. */
export function byLandlock(decision: Decision): Outcome | null {
  return decision.allowed ? null : { errno: decision.errno, decision };
}
