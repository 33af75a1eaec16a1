/** Whether a thread belongs to the caller's run. Owns the question only; the mark is `tag.ts`. */

import type { Call } from '../call.ts';
import { idTag, tagOf } from '../tag.ts';

/** Whether a thread belongs to the run of a call. */
export function isMember(call: Call, tid: number): boolean {
  return tagOf(tid) === idTag(call.run.id);
}
