/**
 * A network and files of name resolution of one's own: a test file is run again in new network and mount namespaces, where
 * it may add addresses and be the name server. Nothing outside sees any of it.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChild } from './child.ts';

export interface OwnNetwork {
  /** Addresses of the loopback interface, besides its own. */
  readonly addresses: readonly string[];
  readonly resolv: string;
  readonly hosts: string;
  readonly nsswitch?: string;
}

/** Whether the namespaces can be made here. */
export async function lacksOwnNetwork(): Promise<string | undefined> {
  const { code, stderr } = await runChild('unshare', [...flags(), 'true']);
  return code === 0 ? undefined : `needs a network namespace: ${stderr.trim()}`;
}

function flags(): readonly string[] {
  return process.getuid?.() === 0 ? ['-n', '-m'] : ['-r', '-n', '-m'];
}

/** Runs a test file with Node in a network of its own. */
export async function inOwnNetwork(file: string, network: OwnNetwork, timeout = 120_000) {
  const folder = mkdtempSync(join(tmpdir(), 'landward-network-'));
  try {
    const files = {
      'resolv.conf': network.resolv,
      hosts: network.hosts,
      'nsswitch.conf': network.nsswitch ?? 'passwd: files\ngroup: files\nhosts: files dns\n',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const script = [
      'set -e',
      'ip link set lo up',
      ...network.addresses.map(
        (address) => `ip addr add ${address} dev lo nodad 2>/dev/null || ip addr add ${address} dev lo`,
      ),
      // A link to elsewhere is mounted on where it leads.
      ...Object.keys(files).map((name) => `mount --bind '${folder}/${name}' "$(readlink -f /etc/${name})"`),
      'exec "$0" --test --test-reporter=tap "$1"',
    ].join('\n');
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    return await runChild('unshare', [...flags(), 'sh', '-c', script, process.execPath, file], {
      env,
      timeout,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
