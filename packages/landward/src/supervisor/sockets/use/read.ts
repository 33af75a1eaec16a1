/**
 * `read`, `readv`, `preadv2` where each use is asked about: done on the pin, given out from a copy.
 *
 * Owns those calls. One call gives at most what one operation moves here; fewer bytes than asked is what readers are used to.
 */

import { ERRNO } from '../../../uapi/errno.ts';
import { type Answer, type Call, CONTINUE, refuse } from '../../call.ts';
import { lengthOf, type Part, readParts } from '../message.ts';
import { asksUses, bytesOf, holdFor, performUse } from './held.ts';

const FROM_HERE = -1n;
const IOV_MAX = 1024;

export function read(call: Call): Answer {
  if (!asksUses(call)) return CONTINUE;
  const length = call.arg(2);
  return readTo(call, length === 0 ? [] : [{ address: call.arg(1), length }], FROM_HERE, 0);
}

export function readv(call: Call): Answer {
  return asksUses(call) ? readTo(call, partsOf(call), FROM_HERE, 0) : CONTINUE;
}

export function preadv2(call: Call): Answer {
  return asksUses(call) ? readTo(call, partsOf(call), BigInt.asIntN(64, call.big(3)), call.int(5)) : CONTINUE;
}

/** The stretches of memory of a vector. @throws {Refused} EINVAL, EFAULT */
export function partsOf(call: Call): readonly Part[] {
  const count = call.arg(2);
  if (count > IOV_MAX) refuse(ERRNO.EINVAL);
  return readParts(call, call.arg(1), count);
}

function readTo(call: Call, parts: readonly Part[], at: bigint, flags: number): Answer {
  const held = holdFor(call, call.int(0), 'receive');
  const size = Math.min(lengthOf(parts), held.most);
  return performUse(
    call,
    {
      name: 'preadv2',
      lay: (build) => {
        const vector = build.reserve(16);
        const data = build.reserve(Math.max(size, 1));
        build.point(vector, 0, data);
        return { args: [held.fd, vector, 1, at, 0, flags], places: { vector, data } };
      },
      fill: (view, { vector }) => view(vector, 16).setBigUint64(8, BigInt(size), true),
      finish: (result, view, { data }) => {
        if (result < 0) return refuse(-result);
        scatter(call, parts, bytesOf(view(data, Math.min(result, size))));
        return { kind: 'value', value: result };
      },
    },
    held.waits,
    held.isSocket ? { fd: held.fd, sends: false } : undefined,
  );
}

/** Writes data over stretches of the target's memory. @throws {Refused} EFAULT */
export function scatter(call: Call, parts: readonly Part[], data: Uint8Array): void {
  let at = 0;
  for (const { address, length } of parts) {
    if (at >= data.length) return;
    call.target.write(address, data.subarray(at, at + length));
    at += length;
  }
}
