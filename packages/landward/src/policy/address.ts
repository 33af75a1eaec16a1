/**
 * IP addresses as people write them in rules: strict reading, normal form.
 *
 * Refuses every spelling that programs read differently: octal, hexadecimal, short and decimal IPv4, zones.
 */

/** An address in normal form. */
export interface Address {
  readonly family: 4 | 6;
  /** Dotted quad, or the shortest lower-case form of RFC 5952. */
  readonly text: string;
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
}

/** Reads a dotted quad; null when it is anything else. */
export function readIpv4(text: string): Address | null {
  if (!/^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$/.test(text)) return null;
  const bytes = text.split('.').map(Number);
  return bytes.every((byte) => byte <= 255) ? { family: 4, text, bytes } : null;
}

/** Whether a program might read this as an IPv4 address although it is not a dotted quad: `0x7f.1`, `127.1`, `2130706433`. */
export function looksLikeIpv4(text: string): boolean {
  return /^(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}\.?$/i.test(text);
}

/** Reads an IPv6 address without brackets; null when it is not one. */
export function readIpv6(text: string): Address | null {
  if (!/^[0-9a-fA-F:.]+$/.test(text) || !text.includes(':')) return null;
  const tail = /^(.*:)([0-9.]+\.[0-9.]+)$/.exec(text);
  let head = text;
  let ending: number[] = [];
  if (tail !== null) {
    const v4 = readIpv4(tail[2]!);
    if (v4 === null) return null;
    ending = [(v4.bytes[0]! << 8) | v4.bytes[1]!, (v4.bytes[2]! << 8) | v4.bytes[3]!];
    head = tail[1]!.endsWith('::') ? tail[1]! : tail[1]!.slice(0, -1);
  } else if (text.includes('.')) return null;
  const halves = head.split('::');
  if (halves.length > 2) return null;
  const left = groupsOf(halves[0]!);
  const right = halves.length === 2 ? groupsOf(halves[1]!) : [];
  if (left === null || right === null) return null;
  const given = left.length + right.length + ending.length;
  if (halves.length === 2 ? given > 7 : given !== 8) return null;
  const groups = [...left, ...Array<number>(8 - given).fill(0), ...right, ...ending];
  return { family: 6, text: shortIpv6(groups), bytes: groups.flatMap((group) => [group >> 8, group & 255]) };
}

function groupsOf(text: string): number[] | null {
  if (text === '') return [];
  const groups = text.split(':');
  return groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : null;
}

function shortIpv6(groups: readonly number[]): string {
  let start = -1;
  let length = 1;
  for (let index = 0; index < 8; index++) {
    let end = index;
    while (end < 8 && groups[end] === 0) end++;
    if (end - index > length) {
      start = index;
      length = end - index;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** The IPv4 address that an IPv4-mapped IPv6 address stands for; null for any other. */
export function mappedIpv4(address: Address): Address | null {
  if (address.family !== 6) return null;
  const { bytes } = address;
  if (!bytes.slice(0, 10).every((byte) => byte === 0) || bytes[10] !== 255 || bytes[11] !== 255) return null;
  return readIpv4(bytes.slice(12).join('.'));
}

/** Whether all bits after the prefix are zero. */
export function isNetwork(address: Address, prefix: number): boolean {
  return address.bytes.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix - index * 8));
    return (byte & (0xff >> bits)) === 0;
  });
}
