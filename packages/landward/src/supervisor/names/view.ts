/**
 * What the deciding thread sees of names: which ones mean an address for a run, and where its questions to name servers
 * go. Owns the contract.
 */

/** The names of one policy, kept current by the thread that asks for them. */
export interface NameView {
  /** Names that a name server (or the hosts file) gave this address for, as long as that holds. */
  namesOf(address: string): readonly string[];
  /** Whether the address is one of the name servers of this machine. */
  isResolver(address: string): boolean;
  /**
   * The loopback ports of landward's own name server: `strict` answers only names that the policy allows, `open` passes
   * every name on.
   */
  readonly ports: { readonly strict: number; readonly open: number };
}
