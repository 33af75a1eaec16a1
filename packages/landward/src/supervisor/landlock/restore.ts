/**
 * The domains of a run made again from a checkpoint, with the same identifiers, names and rules.
 *
 * Owns the making. Every object must be the one that the rule was made for: a domain that would mean something else is not made.
 */

import { LandwardError } from '../../errors.ts';
import { ARCH, attempt } from '../../kernel/call.ts';
import { type Domain, type Inode, type Ruleset, stack } from '../../model/landlock/index.ts';
import type { SavedDomain, SavedLandlock, SavedPath } from '../../model/saved-run.ts';
import { AT_FDCWD, O } from '../../uapi/open.ts';
import { pathBytes } from '../target/proc.ts';
import { lookAtLevel } from './ancestors.ts';
import { handleOf, type Inodes } from './inodes.ts';
import type { LandlockRun } from './landlock-run.ts';
import type { ThreadState } from './threads.ts';

/** Makes the domains and states again. The generator goes on where it was, so that no identifier comes twice. */
export function restoreLandlock(landlock: LandlockRun, saved: SavedLandlock): void {
  const domains: Domain[] = [];
  const taken = new Set<bigint>();
  for (const one of saved.domains) {
    const id = one.id === null ? null : BigInt(one.id);
    if (id !== null) {
      const kept = landlock.ids.restore(id, true, (other) => taken.has(other));
      if (!kept.ok) throw changed(`the identifier ${one.id} cannot be given again`);
      taken.add(id);
    }
    const parent = one.parent === null ? null : domains[one.parent]!;
    const domain = stack(parent, rulesetOf(landlock.inodes, one), { id, log: one.log });
    const [tid, version] = one.name.split('.').map(Number);
    if (tid !== 0) landlock.names.restore(domain.node, { tids: [tid!], version: version! });
    domains.push(domain);
  }
  landlock.threads.restore(
    saved.states.map((state): ThreadState | undefined =>
      state === null
        ? undefined
        : {
            credential: {
              domain: state.domain === null ? null : domains[state.domain]!,
              sameExec: 0,
              subdomainsMuted: state.muted,
            },
            noNewPrivs: state.noNewPrivs,
            programs: null,
          },
    ),
  );
}

function rulesetOf(inodes: Inodes, saved: SavedDomain): Ruleset {
  const { parent: _parent, id: _id, log: _log, name: _name, paths, ports, ...handled } = saved;
  let rules: Ruleset['rules'] = null;
  for (const { port, access, quiet } of ports) rules = { kind: 'port', port, access, quiet, before: rules };
  for (const one of paths) {
    const { access, quiet } = one;
    rules = { kind: 'path', inode: inodeOf(inodes, one), access, quiet, before: rules };
  }
  return { ...handled, rules, version: paths.length + ports.length, id: null };
}

function inodeOf(inodes: Inodes, { path, dev, ino, handle, type }: SavedPath): Inode {
  const flags = O[ARCH].PATH | O[ARCH].CLOEXEC | O[ARCH].NOFOLLOW;
  const fd = attempt('openat', AT_FDCWD, pathBytes(path ?? ''), flags, 0);
  try {
    const level = fd < 0 ? fd : lookAtLevel(fd);
    const here = new Uint8Array(1);
    const same =
      typeof level !== 'number' &&
      `${level.dev >> 32n}:${level.dev & 0xffff_ffffn}` === dev &&
      String(level.ino) === ino &&
      level.type === type &&
      handleOf(fd, here) === handle;
    if (!same) throw changed(`${JSON.stringify(path)} is another object now, or none`);
    return inodes.rule(level.dev, level.ino, level.type, fd, here);
  } finally {
    if (fd >= 0) attempt('close', fd);
  }
}

function changed(what: string): LandwardError {
  return new LandwardError('PATH_CHANGED', `The domains of the run cannot be made again: ${what}`, {
    fix: 'Restore where every object of the rules is still the same',
  });
}
