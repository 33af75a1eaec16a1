/**
 * Names as the deciding thread knows them: what the name server's thread has told so far, read without waiting.
 *
 * Owns how long an address is believed to belong to a name. Nothing is told to a program before it is told to this table.
 */

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { parseAddress } from '../../model/addresses.ts';
import type { RuleLayer } from '../../model/rules.ts';
import type { NameView, RefusedName } from './view.ts';

/** What the name server's thread tells. */
export type NameNews =
  | {
      readonly kind: 'given';
      readonly name: string;
      /** `until` in milliseconds since 1970. */
      readonly addresses: readonly { readonly address: string; readonly until: number }[];
    }
  /** A program was refused a name; it asked from this port. */
  | { readonly kind: 'refused'; readonly port: number; readonly refused: RefusedName }
  | { readonly kind: 'resolvers'; readonly addresses: readonly string[] };

/** What a deciding thread needs to follow a name server. It is sent there with its port. */
export interface NameHandle {
  readonly port: MessagePort;
  readonly ports: NameView['ports'];
}

const MOST_ADDRESSES = 65_536;
const MOST_CLAIMS = 4096;
/** Names of one address. More are not taken, so that nobody can make a question about the address endless. */
const MOST_NAMES = 256;

/** The names of one policy. */
export class NameTable implements NameView {
  readonly ports: NameView['ports'];
  readonly #port: Pick<MessagePort, 'close' | 'postMessage'>;
  readonly #next: () => NameNews | undefined;
  readonly #now: () => number;
  readonly #names = new Map<bigint, Map<string, number>>();
  readonly #claims = new Map<number, (name: RefusedName) => void>();
  #resolvers: ReadonlySet<bigint> = new Set();

  constructor({ port, ports }: NameHandle, now: () => number = Date.now) {
    this.ports = ports;
    this.#port = port;
    this.#next = () => receiveMessageOnPort(port)?.message as NameNews | undefined;
    this.#now = now;
  }

  namesOf(address: string): readonly string[] {
    this.hear();
    const key = parseAddress(address)?.bits;
    const names = key === undefined ? undefined : this.#names.get(key);
    if (names === undefined) return [];
    this.#forget(names);
    return [...names.keys()];
  }

  #forget(names: Map<string, number>): void {
    const now = this.#now();
    for (const [name, until] of names) if (until < now) names.delete(name);
  }

  isResolver(address: string): boolean {
    this.hear();
    const key = parseAddress(address)?.bits;
    return key !== undefined && this.#resolvers.has(key);
  }

  follow(layers: readonly RuleLayer[]): void {
    this.#port.postMessage(layers);
  }

  claim(port: number, refused: (name: RefusedName) => void): void {
    this.#claims.delete(port);
    this.#claims.set(port, refused);
    if (this.#claims.size > MOST_CLAIMS) this.#claims.delete(this.#claims.keys().next().value!);
  }

  /** Takes in what was told. */
  hear(): void {
    for (let news = this.#next(); news !== undefined; news = this.#next()) this.#take(news);
  }

  #take(news: NameNews): void {
    switch (news.kind) {
      case 'resolvers':
        this.#resolvers = new Set(news.addresses.flatMap((address) => parseAddress(address)?.bits ?? []));
        break;
      case 'refused':
        this.#claims.get(news.port)?.(news.refused);
        break;
      case 'given':
        for (const { address, until } of news.addresses) this.#give(news.name, address, until);
    }
  }

  #give(name: string, address: string, until: number): void {
    const key = parseAddress(address)?.bits;
    if (key === undefined) return;
    const names = this.#names.get(key) ?? new Map<string, number>();
    if (names.size >= MOST_NAMES && !names.has(name)) this.#forget(names);
    if (names.size < MOST_NAMES || names.has(name)) names.set(name, Math.max(until, names.get(name) ?? 0));
    // The address that was told of last is kept longest.
    this.#names.delete(key);
    this.#names.set(key, names);
    if (this.#names.size > MOST_ADDRESSES) this.#names.delete(this.#names.keys().next().value!);
  }

  [Symbol.dispose](): void {
    this.#port.close();
  }
}
