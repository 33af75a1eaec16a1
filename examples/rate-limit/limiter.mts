/**
 * Three TCP connections a minute, for all processes of the sandbox together.
 *
 *     landward run --preset node --connect tcp:443 --decide limiter.mts -- node crawler.js
 *
 * The clock is the request's own time, so that the same requests always get the same answers.
 */

import type { DecideRequest } from 'landward';

/** At most so many connections in any stretch of so many milliseconds. Those that are refused do not count. */
export function limiter(most: number, everyMs: number) {
  const recent: number[] = [];
  return ({ rights, time }: Pick<DecideRequest, 'rights' | 'time'>) => {
    if (rights[0] !== 'net.connect_tcp') return undefined;
    while (recent.length > 0 && recent[0]! <= time - everyMs) recent.shift();
    if (recent.length >= most) return 'deny';
    recent.push(time);
    return undefined;
  };
}

export default { name: 'three a minute', about: ['net'], decide: limiter(3, 60_000) };
