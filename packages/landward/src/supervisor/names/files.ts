/** What this machine's files say of names: which name servers there are, and which names have addresses without asking. */

/** Reads `resolv.conf`: the name servers in order, or this host where none is named. */
export function resolversOf(text: string): readonly string[] {
  const found: string[] = [];
  for (const line of text.split('\n')) {
    const address = /^\s*nameserver\s+([0-9a-fA-F:.]+(?:%[\w.-]+)?)\s*(?:[#;].*)?$/.exec(line)?.[1];
    if (address !== undefined) found.push(address);
  }
  // Resolvers look at the first three; a longer list costs nothing here.
  return found.length === 0 ? ['127.0.0.1'] : found;
}

/** A name and an address that the hosts file gives it. */
export interface HostsEntry {
  readonly name: string;
  readonly address: string;
}

/** Reads the hosts file. Lines that are none are passed over, as resolvers do. */
export function hostsOf(text: string): readonly HostsEntry[] {
  return text.split('\n').flatMap((line) => {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address === undefined || !/^[0-9a-fA-F:.]+(%[\w.-]+)?$/.test(address)) return [];
    return names.map((name) => ({ name: name.toLowerCase().replace(/\.$/, ''), address }));
  });
}
