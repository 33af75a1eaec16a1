/**
 * What the deciding thread sees of names: which ones mean an address for a run, and where its questions to name servers
 * go. Owns the contract.
 */

import type { RuleLayer } from '../../model/rules.ts';

/** A name that a program asked for and was told that there is none. */
export interface RefusedName {
  readonly name: string;
  /** The address that was not believed; absent where no rule allows the name. */
  readonly address?: string;
}

/** The names of one policy, kept current by the thread that asks for them. */
export interface NameView {
  /** Names that a name server (or the hosts file) gave this address for, as long as that holds. */
  namesOf(address: string): readonly string[];
  /** Whether the address is one of the name servers of this machine. */
  isResolver(address: string): boolean;
  /**
   * Says whose socket has a port of this host, to hear of the names that it is refused.
   *
   * @param refused is told such a name, while the deciding thread looks at names
   */
  claim(port: number, refused: (name: RefusedName) => void): void;
  /** Has names answered by these layers from now on. */
  follow(layers: readonly RuleLayer[]): void;
  /** Takes in what has happened meanwhile. */
  hear(): void;
  /**
   * The loopback ports of landward's own name server: `strict` answers only names that the policy allows, `open` passes
   * every name on.
   */
  readonly ports: { readonly strict: number; readonly open: number };
}
