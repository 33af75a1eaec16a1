/**
 * Socket addresses as the kernel takes them.
 *
 * Owns the three layouts that landward speaks of. Addresses are bytes in network order: reading and printing IP text
 * belongs to the policy.
 */

import { bug } from '../errors.ts';
import { layout } from './layout.ts';
import { AF } from './socket.ts';

/** The address of a socket. A UNIX `path` is bytes without the ending NUL; an `abstract` name is without its leading NUL. */
export type SocketAddress =
  | { readonly family: 'inet'; readonly address: Uint8Array; readonly port: number }
  | {
      readonly family: 'inet6';
      readonly address: Uint8Array;
      readonly port: number;
      readonly flowinfo?: number;
      readonly scope?: number;
    }
  | { readonly family: 'unix'; readonly path: Uint8Array }
  | { readonly family: 'unix'; readonly abstract: Uint8Array }
  | { readonly family: 'unix'; readonly unnamed: true }
  | { readonly family: 'unspec' }
  | { readonly family: 'other'; readonly number: number; readonly data: Uint8Array };

/** `sun_path`, bytes. */
export const UNIX_PATH_MAX = 108;

export const SOCKADDR_IN = layout('sockaddr_in', 16, { family: [0, 'u16'], port: [2, 'u16be'] });
export const SOCKADDR_IN6 = layout('sockaddr_in6', 28, {
  family: [0, 'u16'],
  port: [2, 'u16be'],
  flowinfo: [4, 'u32be'],
  scope_id: [24, 'u32'],
});

/** The memory of an address; its length is the length to pass beside it. */
export function encodeSockaddr(address: SocketAddress): Uint8Array {
  switch (address.family) {
    case 'inet': {
      if (address.address.length !== 4) bug(`an IPv4 address has 4 bytes, not ${address.address.length}`);
      const bytes = SOCKADDR_IN.encode({ family: AF.INET, port: address.port });
      bytes.set(address.address, 4);
      return bytes;
    }
    case 'inet6': {
      if (address.address.length !== 16) bug(`an IPv6 address has 16 bytes, not ${address.address.length}`);
      const { port, flowinfo = 0, scope = 0 } = address;
      const bytes = SOCKADDR_IN6.encode({ family: AF.INET6, port, flowinfo, scope_id: scope });
      bytes.set(address.address, 8);
      return bytes;
    }
    case 'unix': {
      if ('unnamed' in address) return Uint8Array.of(AF.UNIX, 0);
      const name = 'path' in address ? [...address.path, 0] : [0, ...address.abstract];
      // A path that fills all 108 bytes goes without its NUL.
      if ('path' in address && name.length === UNIX_PATH_MAX + 1) name.pop();
      if (name.length > UNIX_PATH_MAX)
        bug(`a UNIX address has ${name.length} bytes, more than ${UNIX_PATH_MAX}`);
      return Uint8Array.of(AF.UNIX, 0, ...name);
    }
    case 'unspec':
      return Uint8Array.of(AF.UNSPEC, 0);
    case 'other':
      return Uint8Array.of(address.number & 0xff, address.number >> 8, ...address.data);
  }
}

/**
 * What an address in memory means to the kernel.
 *
 * @param bytes exactly as long as the length given beside it
 * @returns the address, or `null` where its length is wrong for its family
 */
export function decodeSockaddr(bytes: Uint8Array): SocketAddress | null {
  if (bytes.length < 2) return null;
  const family = bytes[0]! | (bytes[1]! << 8);
  switch (family) {
    case AF.UNSPEC:
      return { family: 'unspec' };
    case AF.INET: {
      if (bytes.length < SOCKADDR_IN.size) return null;
      return { family: 'inet', address: bytes.slice(4, 8), port: SOCKADDR_IN.decode(bytes).port };
    }
    case AF.INET6: {
      // The kernel accepts addresses without the scope, as RFC 2133 had them.
      if (bytes.length < 24) return null;
      const whole = new Uint8Array(SOCKADDR_IN6.size);
      whole.set(bytes.subarray(0, SOCKADDR_IN6.size));
      const { port, flowinfo, scope_id } = SOCKADDR_IN6.decode(whole);
      return { family: 'inet6', address: whole.slice(8, 24), port, flowinfo, scope: scope_id };
    }
    case AF.UNIX: {
      if (bytes.length > 2 + UNIX_PATH_MAX) return null;
      const name = bytes.slice(2);
      if (name.length === 0) return { family: 'unix', unnamed: true };
      if (name[0] === 0) return { family: 'unix', abstract: name.slice(1) };
      const end = name.indexOf(0);
      return { family: 'unix', path: end < 0 ? name : name.slice(0, end) };
    }
    default:
      return { family: 'other', number: family, data: bytes.slice(2) };
  }
}
