/**
 * The domain of a process as its owner may see it from outside: its layers with their identifiers, names and rules.
 *
 * Owns the description. Who may see it is decided before; what becomes of it, such as a policy that says the same, is the
 * owner's.
 */

import { type Domain, type Layer, printId, rulesetOf } from '../../model/landlock/index.ts';
import { PLAIN_SOCKETS } from '../../model/sockets/index.ts';
import type { Where } from './inodes.ts';
import type { LandlockRun } from './landlock-run.ts';

/** A layer of a domain. Rights are masks as Landlock's calls take them. */
export interface SeenLayer {
  /** As audit prints it. */
  readonly id: string | null;
  /** `TID.version` in the PID namespace of the supervising process; `0.0` where its maker is not seen there. */
  readonly name: string;
  readonly handledFs: number;
  readonly handledNet: number;
  readonly scoped: number;
  /** Whether it says nothing of sockets beyond ports. */
  readonly plainSockets: boolean;
  readonly paths: readonly SeenPath[];
  readonly ports: readonly { readonly port: number; readonly access: number }[];
}

/** A rule about a file or directory, which is named in the view of the supervising process. */
export interface SeenPath extends Where {
  readonly access: number;
}

/** A domain: its layers, the outermost first. */
export interface SeenDomain {
  readonly layers: readonly SeenLayer[];
  /** Whether the thread has enforced policy programs on itself, which no layer tells of. */
  readonly programs?: true;
}

/** The domain of a process's first thread; `null` where nothing restricts it, `undefined` where there is no such process of the run. */
export function seenDomain(landlock: LandlockRun, pid: number): SeenDomain | null | undefined {
  const state = landlock.state(pid);
  if (state === undefined) return undefined;
  const { domain } = state.credential;
  if (domain === null && state.programs === null) return null;
  return {
    layers: domain?.layers.map((layer) => seenLayer(landlock, domain, layer)) ?? [],
    ...(state.programs === null ? {} : { programs: true }),
  };
}

function seenLayer(landlock: LandlockRun, domain: Domain, { node }: Layer): SeenLayer {
  const { handledFs, handledNet, scoped, rules } = rulesetOf(domain, node.depth);
  const paths: SeenPath[] = [];
  const ports: SeenLayer['ports'][number][] = [];
  for (let rule = rules; rule !== null; rule = rule.before) {
    const { access } = rule;
    if (rule.kind === 'path') paths.push({ ...landlock.inodes.where(rule.inode), access });
    else ports.push({ port: rule.port, access });
  }
  return {
    id: node.id === null ? null : printId(node.id),
    name: landlock.names.shown(node),
    handledFs,
    handledNet,
    scoped,
    plainSockets: landlock.says(node) === PLAIN_SOCKETS,
    paths,
    ports,
  };
}
