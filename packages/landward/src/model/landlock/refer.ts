/**
 * Renames, links and exchanges. Within one directory they are a simple request; between directories the destination must
 * not give the object a right that it lacks where it is, and both ends need fs.refer.
 *
 * The comparison is made layer by layer, never on the domain as a whole.
 */

import { ACCESS_FILE, ACCESS_INITIALLY_DENIED } from '../../uapi/masks.ts';
import { type Behaviour, fixed } from './behaviour.ts';
import { ALLOWED, blame, type Decision, type Denial, denied, refuse } from './decision.ts';
import { type Credential, type Domain, grantedLayer, grantedQuietly } from './domain.ts';
import { accessPath } from './files.ts';
import { makeRequest, removeRequest, whiteoutRequest } from './operations.ts';
import { clear, isExempt, isFulfilled } from './walk.ts';
import type { Dentry, InodeType, Mount } from './world.ts';

/** A rename or link within one mount. */
export interface Refer {
  readonly operation: 'rename' | 'exchange' | 'whiteout' | 'link';
  /** The mount of both ends: the kernel refuses others before Landlock is asked. */
  readonly mount: Mount;
  readonly source: Dentry;
  readonly directory: Dentry;
  /** What is at the destination name; its inode is `null` where there is nothing. */
  readonly target: Dentry;
}

const REFER = ACCESS_INITIALLY_DENIED;

/**
 * Decides a rename, exchange, whiteout rename or link.
 *
 * @returns allowed, ENOENT where an end is missing, EACCES where a right other than refer is missing, else EXDEV.
 */
export function refer(behaviour: Behaviour, credential: Credential, call: Refer): Decision {
  const domain = credential.domain;
  if (domain === null || domain.handledFs === 0) return ALLOWED;
  const moved = call.source.inode?.type;
  const replaced = call.target.inode?.type;
  if (moved === undefined) return refuse('ENOENT');
  if (call.operation === 'exchange' && replaced === undefined) return refuse('ENOENT');
  const [atSource, atTarget] = requests(behaviour, call.operation, moved, replaced);
  // The root of a file system counts as its own parent.
  if ((call.source.parent ?? call.source) === call.directory) {
    return accessPath(
      behaviour,
      credential,
      { mount: call.mount, dentry: call.directory },
      atSource | atTarget,
    );
  }
  return reparent(behaviour, { ...credential, domain }, call, atSource | REFER, atTarget | REFER);
}

/** What the two ends ask, without refer. */
export function requests(
  behaviour: Behaviour,
  operation: Refer['operation'],
  moved: InodeType,
  replaced: InodeType | undefined,
): readonly [number, number] {
  const renames = operation !== 'link';
  let source = operation === 'exchange' ? makeRequest(replaced!) : 0;
  let target = makeRequest(moved);
  if (renames) source |= removeRequest(moved);
  if (renames && replaced !== undefined) target |= removeRequest(replaced);
  if (operation === 'whiteout') source |= whiteoutRequest(behaviour);
  return [source, target];
}

/** One end of a request: what it asks, and what each layer still lacks there. */
interface End {
  readonly directory: Dentry;
  readonly missing: Uint32Array;
  /** What counts at the end: everything while the ends are compared, then the request. */
  asked: number;
  readonly request: number;
  allowed: boolean;
  /** Layers that met a quiet mark. */
  quiet: number;
}

function reparent(
  behaviour: Behaviour,
  credential: Credential & { readonly domain: Domain },
  call: Refer,
  atSource: number,
  atTarget: number,
): Decision {
  const { domain } = credential;
  const parent = call.source === call.mount.root ? call.source : call.source.parent!;
  const source = collect(domain, call.mount, parent, atSource);
  const target = collect(domain, call.mount, call.directory, atTarget);
  if (source.allowed && target.allowed) return ALLOWED;
  if (climb(behaviour, domain, call, source, target)) return ALLOWED;

  const asker = { behaviour, domain, sameExec: credential.sameExec };
  const denials: Denial[] = [];
  for (const end of [source, target]) {
    if (end.allowed) continue;
    const object = { kind: 'path', path: { mount: call.mount, dentry: end.directory } } as const;
    const denial = blame(asker, { class: 'fs', request: end.asked, object }, end.missing, end.quiet);
    if (denial !== null) denials.push(denial);
  }
  const other = [source, target].some((end) =>
    end.missing.some((missing) => (missing & end.request & ~REFER) !== 0),
  );
  return denied(other ? 'EACCES' : 'EXDEV', ...denials);
}

/** What each layer lacks of everything that it denies, from a directory up to the mount's root. */
function collect(domain: Domain, mount: Mount, directory: Dentry, request: number): End {
  const missing = domain.denies.slice();
  const end: End = {
    directory,
    missing,
    asked: domain.handledFs | REFER,
    request,
    allowed: isExempt(directory),
    quiet: 0,
  };
  for (let dentry: Dentry | null = directory; dentry !== null && !end.allowed; dentry = dentry.parent) {
    apply(domain, dentry, end);
    if (dentry === mount.root) break;
  }
  return end;
}

/** Clears at one end what the rule on a dentry grants. */
function apply(domain: Domain, dentry: Dentry, end: End): void {
  const grants = dentry.inode === null ? undefined : domain.paths.get(dentry.inode);
  if (grants !== undefined) {
    clear(grants, end.missing);
    for (const word of grants) if (grantedQuietly(word)) end.quiet |= 1 << grantedLayer(word);
  }
  end.allowed = isFulfilled(end.missing);
}

/** Climbs from the mount's root with both ends at once; `true` when both requests are granted. */
function climb(behaviour: Behaviour, domain: Domain, call: Refer, source: End, target: End): boolean {
  if (isExempt(call.mount.root)) return true;
  const ofSource = exceptOwnRule(domain, call.source);
  const ofTarget = call.operation === 'exchange' ? exceptOwnRule(domain, call.target) : null;
  source.allowed = isFulfilled(source.missing);
  target.allowed = isFulfilled(target.missing);
  let comparing = true;
  let mount = call.mount;
  let dentry: Dentry = mount.root;
  for (;;) {
    if (
      comparing &&
      nothingMore(source.missing, ofSource, target.missing, call.source.inode!.type === 'dir') &&
      (ofTarget === null ||
        nothingMore(target.missing, ofTarget, source.missing, call.target.inode!.type === 'dir'))
    ) {
      comparing = false;
      for (const end of [source, target]) {
        end.asked = end.request;
        if (!end.allowed) end.allowed = shrink(end);
      }
      if (source.allowed && target.allowed) return true;
    }
    for (const end of [source, target]) if (!end.allowed) apply(domain, dentry, end);
    if (source.allowed && target.allowed) return true;
    while (dentry === mount.root) {
      if (mount.parent === null || mount.mountpoint === null) return false;
      dentry = mount.mountpoint;
      mount = mount.parent;
    }
    if (dentry.parent !== null) dentry = dentry.parent;
    else if (mount.internal) return true;
    else if (fixed(behaviour, 3)) dentry = mount.root;
    else return false;
  }
}

/** What each layer would lack for the object if only a rule on the object itself counted. */
function exceptOwnRule(domain: Domain, dentry: Dentry): Uint32Array {
  const missing = domain.denies.slice();
  clear(domain.paths.get(dentry.inode!), missing);
  return missing;
}

/** Whether the destination lacks, in every layer, at least what the object lacks where it is. */
function nothingMore(from: Uint32Array, own: Uint32Array, to: Uint32Array, directory: boolean): boolean {
  const meaningful = directory ? -1 : ACCESS_FILE;
  for (let layer = 0; layer < from.length; layer++) {
    if ((from[layer]! & own[layer]! & ~to[layer]! & meaningful) !== 0) return false;
  }
  return true;
}

function shrink(end: End): boolean {
  for (let layer = 0; layer < end.missing.length; layer++) end.missing[layer]! &= end.request;
  return isFulfilled(end.missing);
}
