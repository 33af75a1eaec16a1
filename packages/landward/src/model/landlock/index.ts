/** Landlock itself, as a model: what a room outside of `model` may use of this folder. */

export { type Behaviour, fixed, type Knobs, linux, rung } from './behaviour.ts';
export { addRuleCall, type Created, createRulesetCall, type Memory, type RulesetFd } from './calls.ts';
export {
  ALLOWED,
  type Asker,
  type Blocker,
  blockers,
  type Class,
  type Decision,
  type Denial,
  type Denied,
  type Lack,
  type Subject,
} from './decision.ts';
export {
  type Creator,
  type Disclosed,
  type DisclosureField,
  type DomainName,
  disclose,
  discloseCall,
  HIDDEN_NAME,
  type Lineage,
  nextName,
  openDomain,
  type PidNamespace,
  packName,
  readName,
  tellsSandboxed,
} from './disclosure.ts';
export {
  type Credential,
  type Domain,
  executed,
  forked,
  isSameOrNested,
  type Layer,
  type LogFlags,
  type Node,
  rulesetOf,
  stack,
  UNRESTRICTED,
} from './domain.ts';
export { accessPath, changeTopology, make, mknod, remove, truncate } from './files.ts';
export { FIRST_ID, IdGenerator, printId, type RandomBelow } from './ids.ts';
export { bind, connect, type SocketAddress, send } from './inet.ts';
export { FREE_IOCTLS, isFreeIoctl } from './ioctl.ts';
export { deliverOwned, ptrace, setOwner, signal } from './ipc.ts';
export { ALL_RIGHTS, fileIoctl, fileTruncate, type Opened, open } from './open.ts';
export { OPERATIONS, type OpenMode, type Operation, openRequest } from './operations.ts';
export {
  type PlainAnswer,
  type PlainLandlock,
  type PlainObject,
  type PlainRuleset,
  type PlainTree,
  plainLandlock,
} from './plain.ts';
export { type Refer, refer } from './refer.ts';
export {
  type Import,
  type Restricted,
  type Restriction,
  restrictAs,
  restrictSelf,
  type Thread,
} from './restrict.ts';
export type { Errname, Result } from './result.ts';
export {
  addPathRule,
  addPortRule,
  createRuleset,
  type ParentFd,
  type Ruleset,
  type RulesetAttr,
} from './ruleset.ts';
export { reachSocket, resolveUnix } from './sockets.ts';
export { pathAllows } from './walk.ts';
export type {
  Dentry,
  FileOwner,
  FileRights,
  InetSocket,
  Inode,
  InodeType,
  Mount,
  OpenFile,
  Path,
  Process,
  Superblock,
  Task,
  UnixSocket,
} from './world.ts';
