/** Sizes and durations as people write them, in base units. The schema has refused every other spelling. */

const SIZE = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const;
const TIME = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Bytes of `512M`, `4G`, `1GiB` or a number of bytes; units are powers of 1024. Null past the exact numbers. */
export function readSize(value: string | number): number | null {
  if (typeof value === 'number') return value;
  const match = /^([0-9]+)([KMGT]?)(?:iB)?$/.exec(value);
  if (match === null) return null;
  const bytes = Number(match[1]) * SIZE[match[2] as keyof typeof SIZE];
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Milliseconds of `500ms`, `30s`, `15m`, `2h`, `1d`. */
export function readDuration(value: string): number | null {
  const match = /^([0-9]+)(ms|s|m|h|d)$/.exec(value);
  return match === null ? null : Number(match[1]) * TIME[match[2] as keyof typeof TIME];
}

/** Bytes in the largest unit that divides them. */
export function writeSize(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K'] as const) {
    if (bytes > 0 && bytes % SIZE[unit] === 0) return `${bytes / SIZE[unit]}${unit}`;
  }
  return `${bytes}`;
}

/** Milliseconds in the largest unit that divides them. */
export function writeDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (ms > 0 && ms % TIME[unit] === 0) return `${ms / TIME[unit]}${unit}`;
  }
  return `${ms}ms`;
}
