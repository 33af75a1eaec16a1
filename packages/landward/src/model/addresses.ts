/**
 * IP addresses as text and as 128-bit numbers, prefixes, and the address classes that policies name.
 *
 * An IPv4 address is kept as its IPv4-mapped IPv6 form, so that `::ffff:10.0.0.1` and `10.0.0.1` are one object.
 */

/** An address: `bits` is the 128-bit value, IPv4 as `::ffff:0:0/96`. */
export interface Address {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

/** A prefix in 128-bit terms: an IPv4 prefix counts 96 bits more. */
export interface Prefix {
  readonly bits: bigint;
  readonly length: number;
}

const MAPPED = 0xffffn << 32n;

function parse4(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let bits = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return null;
    bits = (bits << 8n) | BigInt(part);
  }
  return bits;
}

function parse6(text: string): bigint | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const groups = (half: string, last: boolean): number[] | null => {
    if (half === '') return [];
    const found: number[] = [];
    const parts = half.split(':');
    for (const [index, part] of parts.entries()) {
      if (last && index === parts.length - 1 && part.includes('.')) {
        const tail = parse4(part);
        if (tail === null) return null;
        found.push(Number(tail >> 16n), Number(tail & 0xffffn));
      } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
        found.push(Number.parseInt(part, 16));
      } else {
        return null;
      }
    }
    return found;
  };
  const head = groups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const gap = 8 - head.length - tail.length;
  if (halves.length === 1 ? gap !== 0 : gap < 1) return null;
  return [...head, ...new Array<number>(gap).fill(0), ...tail].reduce(
    (bits, group) => (bits << 16n) | BigInt(group),
    0n,
  );
}

/**
 * Reads an address. A zone (`fe80::1%eth0`) is dropped: it names an interface, not another host.
 *
 * @returns `null` for anything that is not one dotted-quad IPv4 or one IPv6 address
 * @example parseAddress('::ffff:192.0.2.1') // { family: 4, bits: … }
 */
export function parseAddress(text: string): Address | null {
  const four = parse4(text);
  if (four !== null) return { family: 4, bits: MAPPED | four };
  if (!text.includes(':')) return null;
  const six = parse6(text.replace(/%[^%]*$/, ''));
  if (six === null) return null;
  return { family: six >> 32n === 0xffffn ? 4 : 6, bits: six };
}

/** A prefix in 128-bit terms; `null` where the address is none or the length is out of range. */
export function parsePrefix(address: string, length: number): Prefix | null {
  const parsed = parseAddress(address);
  if (parsed === null || !Number.isInteger(length) || length < 0) return null;
  // A mapped address written in IPv6 counts its prefix in IPv6 bits already.
  const bits = parsed.family === 4 && !address.includes(':') ? length + 96 : length;
  return bits > 128 ? null : { bits: parsed.bits, length: bits };
}

/** Whether a prefix is one of IPv4, in whichever notation. */
export function isIpv4(prefix: Prefix): boolean {
  return prefix.length >= 96 && prefix.bits >> 32n === 0xffffn;
}

/** Whether a prefix holds an address. No prefix of IPv6, however short, holds an address of IPv4. */
export function contains(prefix: Prefix, address: Address): boolean {
  if (isIpv4(prefix) !== (address.family === 4)) return false;
  const rest = BigInt(128 - prefix.length);
  return prefix.bits >> rest === address.bits >> rest;
}

/** The address classes that a policy can name, as prefixes. */
export const ADDRESS_CLASSES = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
  'link-local': ['169.254.0.0/16', 'fe80::/10'],
  multicast: ['224.0.0.0/4', 'ff00::/8'],
} as const satisfies Record<string, readonly string[]>;

export type AddressClass = keyof typeof ADDRESS_CLASSES;

const classPrefixes = Object.fromEntries(
  Object.entries(ADDRESS_CLASSES).map(([name, texts]) => [
    name,
    texts.map((text) => {
      const [address, length] = text.split('/');
      return parsePrefix(address!, Number(length))!;
    }),
  ]),
) as unknown as Readonly<Record<AddressClass, readonly Prefix[]>>;

/** Whether an address belongs to a class. */
export function inClass(name: AddressClass, address: Address): boolean {
  return classPrefixes[name].some((prefix) => contains(prefix, address));
}

/** Whether this is `0.0.0.0` or `::`. */
export function isUnspecified(address: Address): boolean {
  return address.bits === 0n || address.bits === MAPPED;
}

/** Where a connection to the address ends: Linux takes `0.0.0.0` and `::` as this host. */
export function destination(address: Address): Address {
  if (address.bits === 0n) return { family: 6, bits: 1n };
  if (address.bits === MAPPED) return { family: 4, bits: MAPPED | 0x7f000001n };
  return address;
}
