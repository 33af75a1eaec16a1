/**
 * The domains of a run as plain data, for a checkpoint. Owns the writing; what could not be made again is told by name.
 */

import { type Domain, type Node, rulesetOf } from '../../model/landlock/index.ts';
import type { SavedDomain, SavedLandlock, SavedPath, SavedState } from '../../model/saved-run.ts';
import { PLAIN_SOCKETS } from '../../model/sockets/index.ts';
import { readProc } from '../target/proc.ts';
import type { LandlockRun } from './landlock-run.ts';
import { readNumber } from './thread-number.ts';
import { threadsOf } from './threads.ts';

/** The domains of a run, and what of them cannot be saved. */
export function saveLandlock(landlock: LandlockRun, refused: string[]): SavedLandlock {
  const domains: SavedDomain[] = [];
  const known = new Map<Node, number>();
  const place = (domain: Domain): number => {
    let parent: number | null = null;
    for (const { node } of domain.layers) {
      const before = known.get(node);
      const index: number = before ?? domains.push(savedDomain(landlock, domain, node, parent, refused)) - 1;
      known.set(node, index);
      parent = index;
    }
    return parent!;
  };
  const states = landlock.threads.all().map((state): SavedState | null => {
    if (state === undefined) return null;
    const { credential, noNewPrivs, programs } = state;
    if (programs !== null) refused.push('policy programs that a program has enforced on itself');
    const { domain, subdomainsMuted: muted } = credential;
    return { domain: domain === null ? null : place(domain), muted, noNewPrivs };
  });
  if (landlock.mode !== 'caller') refused.push('sockets, whose makers decide about them in this run');
  if (landlock.known.hasLocks) refused.push('sockets that were locked');
  const threads = landlock.members().flatMap((pid) =>
    threadsOf(pid).flatMap((tid) => {
      const state = readNumber(tid);
      return state < 0 ? [] : [{ pid, tid, comm: commOf(tid), state }];
    }),
  );
  return { next: String(landlock.ids.next), domains, states, threads, start: 0 };
}

function savedDomain(
  landlock: LandlockRun,
  domain: Domain,
  node: Node,
  parent: number | null,
  refused: string[],
): SavedDomain {
  if (landlock.says(node) !== PLAIN_SOCKETS) refused.push('what a ruleset says of sockets');
  const { rules, version: _version, id: _id, ...handled } = rulesetOf(domain, node.depth);
  const paths: SavedPath[] = [];
  const ports: SavedDomain['ports'][number][] = [];
  for (let rule = rules; rule !== null; rule = rule.before) {
    const { access, quiet } = rule;
    if (rule.kind === 'port') ports.push({ port: rule.port, access, quiet });
    else paths.push({ ...landlock.inodes.where(rule.inode), type: rule.inode.type, access, quiet });
  }
  if (paths.some(({ path }) => path === null)) refused.push('rules about objects of which no path is known');
  const id = node.id === null ? null : String(node.id);
  return { parent, id, log: node.log, name: landlock.names.shown(node), ...handled, paths, ports };
}

function commOf(tid: number): string {
  const bytes = readProc(`/proc/${tid}/comm`, 64);
  return bytes === null ? '' : Buffer.from(bytes).toString('utf8').trim();
}
