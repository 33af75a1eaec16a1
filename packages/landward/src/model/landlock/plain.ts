/**
 * Landlock on plain paths: asks the model about rulesets as a plan holds them and a tree given as paths, without mounts,
 * tasks or open files. For policy tests, `why`, and comparing a plan with the rules that it came from.
 *
 * Builds the objects of `world.ts` from strings and decides nothing itself. Paths are absolute, normal and after
 * symbolic links; the whole tree is one file system.
 */

import { KernelError, LandwardError } from '../../errors.ts';
import { errnoName } from '../../uapi/errno.ts';
import { ADD_RULE, type FsRight, type NetRight, SCOPES, type Scope } from '../../uapi/landlock.ts';
import { ACCESS_FILE, ACCESS_OPTIONAL, fsMask, netMask } from '../../uapi/masks.ts';
import type { Behaviour } from './behaviour.ts';
import { ALLOWED, type Blocker, blockers, type Decision } from './decision.ts';
import { type Credential, UNRESTRICTED } from './domain.ts';
import { accessPath } from './files.ts';
import { checkPort } from './inet.ts';
import { scoped } from './ipc.ts';
import { type Refer, refer } from './refer.ts';
import { restrictSelf } from './restrict.ts';
import type { Result } from './result.ts';
import { addPathRule, addPortRule, createRuleset, type Ruleset } from './ruleset.ts';
import { resolveUnix } from './sockets.ts';
import type { Dentry, Inode, InodeType, Mount, Superblock } from './world.ts';

/** A ruleset by paths and ports; a plan's ruleset has this shape. */
export interface PlainRuleset {
  readonly handledFs: number;
  readonly handledNet: number;
  readonly scoped: number;
  readonly quietFs?: number;
  readonly quietNet?: number;
  readonly paths: readonly {
    readonly path: string;
    readonly access: number;
    readonly missing?: 'required' | 'optional' | 'create';
    readonly quiet?: boolean;
  }[];
  readonly ports: readonly { readonly port: number; readonly access: number; readonly quiet?: boolean }[];
  readonly restrictFlags?: number;
}

/** What is at a path: a type, a type with an inode's name where hard links share one, or nothing. */
export type PlainObject = InodeType | { readonly type: InodeType; readonly inode: string } | null | undefined;

/** The tree: what is at a path. What a rule names must be there. */
export type PlainTree = (path: string) => PlainObject;

/** The answer to a plain question. */
export interface PlainAnswer {
  readonly allowed: boolean;
  /** 0 when allowed. */
  readonly errno: number;
  /** The youngest denying layer (0 is the oldest) and what it lacks; two for a rename that fails at both ends. */
  readonly blame: readonly { readonly layer: number; readonly missing: readonly Blocker[] }[];
}

/** Questions that can be asked. */
export interface PlainLandlock {
  /** The credential of a task that carries all the rulesets. */
  readonly credential: Credential;
  /**
   * Rights to do something with the object at a path. Rights that Landlock looks up in the directory (make and remove)
   * are looked up in the parent of `path`; the others on the object, or on its name where it does not exist.
   */
  path(path: string, rights: readonly FsRight[]): PlainAnswer;
  /** A raw check of a mask on the object at a path itself. */
  access(path: string, mask: number): PlainAnswer;
  refer(operation: Refer['operation'], from: string, to: string): PlainAnswer;
  port(right: NetRight, port: number): PlainAnswer;
  /** Reaching a task outside of the domain. */
  scope(scope: Scope): PlainAnswer;
  /** Connecting to the UNIX socket at a path that a task outside of the domain made. */
  unix(path: string): PlainAnswer;
}

/**
 * Enforces rulesets, oldest first, and answers questions about the result.
 *
 * @param tree what exists.
 * @throws PATH_MISSING for a rule on nothing (a `missing: 'create'` rule makes a directory), KERNEL for a ruleset that
 *   the kernel would refuse.
 * @example
 * const asked = plainLandlock(linux(7), [plan.ruleset], (path) => (path === '/etc/passwd' ? 'reg' : null));
 * asked.path('/etc/passwd', ['fs.read_file']).allowed;
 */
export function plainLandlock(
  behaviour: Behaviour,
  rulesets: readonly PlainRuleset[],
  tree: PlainTree,
): PlainLandlock {
  const created = new Set(
    rulesets.flatMap((ruleset) =>
      ruleset.paths.filter((rule) => rule.missing === 'create').map((rule) => rule.path),
    ),
  );
  const world = new PlainWorld((path) => tree(path) ?? (created.has(path) ? 'dir' : null));
  let credential: Credential = UNRESTRICTED;
  for (const plain of rulesets) {
    const restricted = restrictSelf(
      behaviour,
      { credential, noNewPrivs: true, sysAdmin: false },
      {
        fd: { kind: 'ruleset', ruleset: build(behaviour, plain, world), read: true, write: true },
        flags: plain.restrictFlags ?? 0,
      },
    );
    credential = held(restricted, 'landlock_restrict_self').caller.credential;
  }
  const onPath = (path: string, mask: number) =>
    accessPath(behaviour, credential, { mount: world.mount, dentry: world.dentry(path) }, mask);
  return {
    credential,
    access: (path, mask) => answer(onPath(path, mask)),
    path(path, rights) {
      const mask = fsMask(...rights);
      const onObject = mask & (ACCESS_FILE | ACCESS_OPTIONAL | fsMask('fs.read_dir'));
      const object = onPath(path, onObject);
      return answer(object.allowed ? onPath(parentOf(path), mask & ~onObject) : object);
    },
    refer(operation, from, to) {
      const call = {
        operation,
        mount: world.mount,
        source: world.dentry(from),
        directory: world.dentry(parentOf(to)),
        target: world.dentry(to),
      };
      return answer(refer(behaviour, credential, call));
    },
    port(right, port) {
      const tcp = right === 'net.bind_tcp' || right === 'net.connect_tcp';
      const socket = {
        family: 'inet',
        type: tcp ? 'stream' : 'dgram',
        protocol: tcp ? 6 : 17,
        bound: true,
      } as const;
      const handled = ((credential.domain?.handledNet ?? 0) & netMask(right)) !== 0;
      return answer(handled ? checkPort(behaviour, credential, socket, port, right, port) : ALLOWED);
    },
    scope(scope) {
      const { domain, sameExec } = credential;
      const outside = { kind: 'task', task: { process: {}, credential: UNRESTRICTED } } as const;
      const handled = domain !== null && (domain.scoped & (1 << SCOPES[scope].bit)) !== 0;
      return answer(handled ? scoped({ behaviour, domain, sameExec }, null, scope, outside) : ALLOWED);
    },
    unix: (path) =>
      answer(
        resolveUnix(
          behaviour,
          credential,
          { mount: world.mount, dentry: world.dentry(path) },
          { creator: null, bound: 'path' },
        ),
      ),
  };
}

/** The tree of paths as one mounted file system; each path and each inode becomes one object. */
class PlainWorld {
  readonly mount: Mount;
  readonly #tree: PlainTree;
  readonly #superblock: Superblock = { noUser: false };
  readonly #dentries = new Map<string, Dentry>();
  readonly #inodes = new Map<string, Inode>();

  constructor(tree: PlainTree) {
    this.#tree = tree;
    const root: Dentry = { inode: this.#inode('dir', '/'), parent: null };
    this.#dentries.set('/', root);
    this.mount = { root, parent: null, mountpoint: null, internal: false };
  }

  /** The name at a path; its inode is `null` where there is nothing. */
  dentry(path: string): Dentry {
    const known = this.#dentries.get(path);
    if (known !== undefined) return known;
    const dentry: Dentry = { inode: this.#object(path), parent: this.dentry(parentOf(path)) };
    this.#dentries.set(path, dentry);
    return dentry;
  }

  /** Makes sure that there is an object with an identity at a path, for a rule. */
  ruled(path: string): Dentry {
    const dentry = this.dentry(path);
    if (dentry.inode === null) {
      throw new LandwardError('PATH_MISSING', `A rule names ${path}, but nothing is there`, { part: path });
    }
    return dentry;
  }

  #object(path: string): Inode | null {
    const object = this.#tree(path);
    if (object === null || object === undefined) return null;
    return typeof object === 'string'
      ? this.#inode(object, path)
      : this.#inode(object.type, `inode ${object.inode}`);
  }

  #inode(type: InodeType, name: string): Inode {
    const known = this.#inodes.get(name);
    if (known !== undefined) return known;
    const inode: Inode = { type, superblock: this.#superblock, private: false };
    this.#inodes.set(name, inode);
    return inode;
  }
}

function build(behaviour: Behaviour, plain: PlainRuleset, world: PlainWorld): Ruleset {
  let ruleset = held(createRuleset(behaviour, plain), 'landlock_create_ruleset');
  for (const { path, access, quiet } of plain.paths) {
    const flags = quiet ? ADD_RULE.QUIET : 0;
    const parent = { kind: 'path', path: { mount: world.mount, dentry: world.ruled(path) } } as const;
    ruleset = held(addPathRule(behaviour, ruleset, { access, parent, flags }), 'landlock_add_rule', path);
  }
  for (const { port, access, quiet } of plain.ports) {
    const flags = quiet ? ADD_RULE.QUIET : 0;
    ruleset = held(
      addPortRule(behaviour, ruleset, { access, port, flags }),
      'landlock_add_rule',
      `port ${port}`,
    );
  }
  return ruleset;
}

function held<T>(result: Result<T>, syscall: string, part?: string): T {
  if (result.ok) return result.value;
  const { errno } = result;
  throw new KernelError(
    { syscall, errno, errname: errnoName(errno), step: 'enforcing a ruleset in the model' },
    { part },
  );
}

function answer(decision: Decision): PlainAnswer {
  if (decision.allowed) return { allowed: true, errno: 0, blame: [] };
  const blame = decision.denials.map((denial) => ({ layer: denial.layer, missing: blockers(denial) }));
  return { allowed: false, errno: decision.errno, blame };
}

function parentOf(path: string): string {
  const end = path.lastIndexOf('/');
  return end <= 0 ? '/' : path.slice(0, end);
}
