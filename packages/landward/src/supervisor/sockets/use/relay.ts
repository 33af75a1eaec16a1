/**
 * `sendfile` and `splice` where each use is asked about, and two ways around reading and writing that are closed there:
 * requests of the kernel's asynchronous input and output, and pages of a TCP socket.
 *
 * Owns those calls. Both ends are pinned; the pages go from one to the other without being copied here.
 */

import type { Place } from '../../../kernel/image.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { type Answer, type Call, CONTINUE, refuse } from '../../call.ts';
import { asksUses, bytesOf, type HeldFile, holdFor, performUse } from './held.ts';
import { roomOf } from './write.ts';

/** An offset that the target keeps, as it is before and after. */
interface Offset {
  readonly pointer: number;
  readonly value: bigint;
}

function offsetAt(call: Call, pointer: number): Offset | null {
  if (pointer === 0) return null;
  return { pointer, value: new DataView(call.target.read(pointer, 8).slice().buffer).getBigInt64(0, true) };
}

export function sendfile(call: Call): Answer {
  if (!asksUses(call)) return CONTINUE;
  const to = holdFor(call, call.int(0), 'send');
  const from = holdFor(call, call.int(1), 'receive');
  const offset = offsetAt(call, call.arg(2));
  return move(call, from, to, [offset], call.arg(3), (places, size) => ({
    name: 'sendfile',
    args: [to.fd, from.fd, places[0]!, size],
  }));
}

export function splice(call: Call): Answer {
  if (!asksUses(call)) return CONTINUE;
  const from = holdFor(call, call.int(0), 'receive');
  const to = holdFor(call, call.int(2), 'send');
  const offsets = [offsetAt(call, call.arg(1)), offsetAt(call, call.arg(3))];
  const flags = call.uint(5);
  return move(call, from, to, offsets, call.arg(4), (places, size) => ({
    name: 'splice',
    args: [from.fd, places[0]!, to.fd, places[1]!, size, flags],
  }));
}

type Places = readonly (Place | null)[];

function move(
  call: Call,
  from: HeldFile,
  to: HeldFile,
  offsets: readonly (Offset | null)[],
  count: number,
  step: (
    places: Places,
    size: number,
  ) => { readonly name: 'sendfile' | 'splice'; readonly args: readonly (Places[number] | number)[] },
): Answer {
  // Where a file ends up being written, its limit counts from where it is.
  const end = offsets.length === 2 ? (offsets[1]?.value ?? -1n) : -1n;
  const size = Math.min(count, count === 0 ? 0 : roomOf(call, to, end, 0));
  return performUse<Places>(
    call,
    {
      name: step([null, null], 0).name,
      lay: (build) => {
        const places = offsets.map((offset) => (offset === null ? null : build.reserve(8)));
        return { args: step(places, size).args, places };
      },
      fill: (view, places) => {
        for (const [index, offset] of offsets.entries())
          if (offset !== null) view(places[index]!, 8).setBigInt64(0, offset.value, true);
      },
      finish: (result, view, places) => {
        if (result < 0) return refuse(-result);
        for (const [index, offset] of offsets.entries())
          if (offset !== null) call.target.write(offset.pointer, bytesOf(view(places[index]!, 8)));
        return { kind: 'value', value: result };
      },
    },
    from.waits || to.waits,
  );
}

/** Requests in memory that the kernel reads itself: programs fall back to reading and writing. */
export function ioSubmit(call: Call): Answer {
  return asksUses(call) ? refuse(ERRNO.ENOSYS) : CONTINUE;
}

/** TCP_ZEROCOPY_RECEIVE, as a kernel without it answers. The filter asks about no other option. */
export function getsockopt(call: Call): Answer {
  return asksUses(call) ? refuse(ERRNO.ENOPROTOOPT) : CONTINUE;
}
