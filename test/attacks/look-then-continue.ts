/**
 * What the supervisor must not be: a deciding Worker that looks, and lets the kernel run the call when it may. The decisions
 * are the real ones; only the act is the kernel's, on memory, names and descriptors that have changed meanwhile. Attacks
 * that fail against the supervisor must succeed against this one.
 */

import type { Question } from '../../packages/landward/src/supervisor/authority.ts';
import { type Call, type CallTable, CONTINUE, refuse } from '../../packages/landward/src/supervisor/call.ts';
import { legacyHow, rightsOf } from '../../packages/landward/src/supervisor/files/open-how.ts';
import { resolve, resolveEntry } from '../../packages/landward/src/supervisor/files/resolve.ts';
import { serve } from '../../packages/landward/src/supervisor/serve.ts';
import { AT_FDCWD } from '../../packages/landward/src/uapi/open.ts';

function look(call: Call, question: Question) {
  const { errno } = call.run.authority.ask(call, question);
  return errno === 0 ? CONTINUE : refuse(errno);
}

function pathAt(call: Call, index: number): Uint8Array {
  return call.target.readPath(call.arg(index));
}

function lookAtOpen(call: Call, dirfd: number, at: number, flags: number) {
  const place = resolve(call, dirfd, pathAt(call, at));
  return look(call, { kind: 'open', at: place, ...rightsOf(place.type, flags) });
}

function lookAtOpenHow(call: Call) {
  const flags = Number(new DataView(call.target.read(call.arg(2), 8).slice().buffer).getBigUint64(0, true));
  return lookAtOpen(call, call.int(0), 1, flags);
}

function lookAtObject(call: Call, right: 'fs.truncate' | 'meta.write') {
  return look(call, { kind: 'access', at: resolve(call, AT_FDCWD, pathAt(call, 0)), rights: [right] });
}

function lookAtMove(
  call: Call,
  operation: 'rename' | 'link',
  olddir: number,
  newdir: number,
  at: readonly [number, number],
) {
  const from = resolveEntry(call, olddir, pathAt(call, at[0]));
  const to = resolveEntry(call, newdir, pathAt(call, at[1]));
  return look(call, { kind: 'refer', from, to, operation });
}

function lookAtMoveAt(call: Call, operation: 'rename' | 'link') {
  return lookAtMove(call, operation, call.int(0), call.int(2), [1, 3]);
}

function lookAtRemoval(call: Call, dirfd: number, at: number) {
  return look(call, {
    kind: 'remove',
    entry: resolveEntry(call, dirfd, pathAt(call, at)),
    right: 'fs.remove_file',
  });
}

const verified = (handle: (call: Call) => ReturnType<typeof look>) =>
  ({ handle, held: 'verified', residual: 'everything' }) as const;

serve({
  open: verified((call) => lookAtOpen(call, AT_FDCWD, 0, legacyHow(call.int(1), 0).flags)),
  openat: verified((call) => lookAtOpen(call, call.int(0), 1, legacyHow(call.int(2), 0).flags)),
  openat2: verified(lookAtOpenHow),
  truncate: verified((call) => lookAtObject(call, 'fs.truncate')),
  chmod: verified((call) => lookAtObject(call, 'meta.write')),
  fchmodat: verified((call) =>
    look(call, { kind: 'access', at: resolve(call, call.int(0), pathAt(call, 1)), rights: ['meta.write'] }),
  ),
  link: verified((call) => lookAtMove(call, 'link', AT_FDCWD, AT_FDCWD, [0, 1])),
  linkat: verified((call) => lookAtMoveAt(call, 'link')),
  rename: verified((call) => lookAtMove(call, 'rename', AT_FDCWD, AT_FDCWD, [0, 1])),
  renameat: verified((call) => lookAtMoveAt(call, 'rename')),
  renameat2: verified((call) => lookAtMoveAt(call, 'rename')),
  unlink: verified((call) => lookAtRemoval(call, AT_FDCWD, 0)),
  unlinkat: verified((call) => lookAtRemoval(call, call.int(0), 1)),
} satisfies CallTable);
