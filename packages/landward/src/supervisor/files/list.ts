/**
 * Listing directories: `getdents64` and `getdents`, without the names that are hidden.
 *
 * Reads through a duplicate of the target's descriptor, so the position moves as for the target's own call, and what a
 * program keeps of it (`d_off`) stays good. A listing is empty only at its end.
 */

import { attempt } from '../../kernel/call.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { SyscallName } from '../../uapi/syscalls.ts';
import { type Answer, type Call, type CallRow, type CallTable, must, Refused, refuse } from '../call.ts';
import type { Place } from '../place.ts';
import { decodePath } from './look.ts';
import { placeOf } from './place-of.ts';

const BUFFER_BYTES = 64 * 1024;
const SEEK = { SET: 0, CUR: 1 } as const;
/** An entry: its length, and where its name begins (after the type, in the newer form). */
const ENTRY = { length: 16, name: { getdents64: 19, getdents: 18 } } as const;

const buffer = new Uint8Array(BUFFER_BYTES);
const view = new DataView(buffer.buffer);

type Listing = keyof typeof ENTRY.name & SyscallName;

function list(call: Call, name: Listing): Answer {
  const fd = call.target.fd(call.int(0));
  const room = Math.min(call.uint(2), BUFFER_BYTES);
  const place = placeOf(call, fd);
  if (place.type === 'dir') mayBeListed(call, place);
  const before = attempt('lseek', fd, 0, SEEK.CUR);
  for (;;) {
    const read = must(attempt(name, fd, buffer, room));
    if (read === 0) return { kind: 'value', value: 0 };
    const kept = withoutHidden(call, place, ENTRY.name[name], read);
    if (kept === 0) continue;
    try {
      call.target.write(call.arg(1), buffer.subarray(0, kept));
    } catch (error) {
      // Memory that cannot be written must not cost the entries.
      if (error instanceof Refused && before >= 0) attempt('lseek', fd, before, SEEK.SET);
      throw error;
    }
    return { kind: 'value', value: kept };
  }
}

function mayBeListed(call: Call, at: Place): void {
  const { errno } = call.run.authority.ask(call, { kind: 'access', at, rights: ['meta.list'] });
  if (errno !== 0) refuse(errno === ERRNO.ENOENT ? ERRNO.ENOENT : ERRNO.EACCES);
}

/** Moves the entries that may be seen together; how many bytes they take. */
function withoutHidden(call: Call, directory: Place, nameAt: number, read: number): number {
  if (directory.exempt) return read;
  const base = directory.path === '/' ? '/' : `${directory.path}/`;
  let kept = 0;
  for (let at = 0; at < read; ) {
    const length = view.getUint16(at + ENTRY.length, true);
    if (isShown(call, base, nameOf(at + nameAt, at + length))) {
      if (kept !== at) buffer.copyWithin(kept, at, at + length);
      kept += length;
    }
    at += length;
  }
  return kept;
}

function nameOf(start: number, limit: number): string {
  const end = buffer.indexOf(0, start);
  return decodePath(buffer.subarray(start, end < 0 || end > limit ? limit : end));
}

function isShown(call: Call, base: string, name: string): boolean {
  if (name === '.' || name === '..') return true;
  return call.run.authority.would(call, { kind: 'find', path: base + name }).errno !== ERRNO.ENOENT;
}

const row = (handle: CallRow['handle']): CallRow => ({ handle, held: 'emulated', residual: '' });

/** Handlers of the group `list`. */
export const LIST_CALLS = {
  getdents64: row((call) => list(call, 'getdents64')),
  getdents: row((call) => list(call, 'getdents')),
} as const satisfies CallTable;
