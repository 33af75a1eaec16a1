/**
 * Landlock's three calls, typed. Asks the kernel and reports its refusals; knows no policy, and does not cut rights to
 * what an ABI or an object allows: that is the plan's business, and a refusal here is a defect there.
 */

import { errnoName } from '../uapi/errno.ts';
import { CREATE_RULESET, RULE_TYPE } from '../uapi/landlock.ts';
import {
  LANDLOCK_NET_PORT_ATTR,
  LANDLOCK_PATH_BENEATH_ATTR,
  LANDLOCK_RULESET_ATTR,
} from '../uapi/structs.ts';
import { ARCH, applyImage, attempt, call } from './call.ts';
import { Fd } from './fd.ts';
import { ImageBuilder } from './image.ts';

/** What the kernel answers to the question for its Landlock. */
export interface LandlockStatus {
  /** `absent`: not built in. `disabled`: not switched on at boot. `refused`: a filter around this process. */
  readonly state: 'available' | 'absent' | 'disabled' | 'refused';
  /** 0 unless available. */
  readonly abi: number;
  /** Bit `number - 1` tells that an erratum is fixed; 0 where the kernel does not tell. */
  readonly errata: number;
  /** The name of the errno where there is no Landlock. */
  readonly errname?: string;
}

const STATES: Readonly<Record<string, 'absent' | 'disabled'>> = { ENOSYS: 'absent', EOPNOTSUPP: 'disabled' };

/**
 * Asks whether this thread can use Landlock. A container's filter may also answer ENOSYS: then `absent` is what the
 * kernel seems to be from here.
 */
export function landlockStatus(): LandlockStatus {
  const abi = attempt('landlock_create_ruleset', null, 0, CREATE_RULESET.VERSION);
  if (abi <= 0) {
    const errname = errnoName(abi);
    return { state: STATES[errname] ?? 'refused', abi: 0, errata: 0, errname };
  }
  const errata = attempt('landlock_create_ruleset', null, 0, CREATE_RULESET.ERRATA);
  return { state: 'available', abi, errata: Math.max(errata, 0) };
}

/** What a ruleset handles, as masks. */
export interface RulesetAttr {
  readonly fs?: number;
  readonly net?: number;
  readonly scoped?: number;
  readonly quietFs?: number;
  readonly quietNet?: number;
  readonly quietScoped?: number;
}

/**
 * Makes a ruleset.
 *
 * Passes the newest structure: older kernels take it as long as what they do not know is zero.
 *
 * @throws {KernelError} EINVAL or E2BIG for masks that this kernel does not know, ENOMSG for no mask at all
 * @example using ruleset = createRuleset({ fs: fsMask('fs.read_file') });
 */
export function createRuleset(attr: RulesetAttr): Fd {
  const bytes = LANDLOCK_RULESET_ATTR.encode({
    handled_access_fs: attr.fs ?? 0,
    handled_access_net: attr.net ?? 0,
    scoped: attr.scoped ?? 0,
    quiet_access_fs: attr.quietFs ?? 0,
    quiet_access_net: attr.quietNet ?? 0,
    quiet_scoped: attr.quietScoped ?? 0,
  });
  return new Fd(call('create the ruleset', 'landlock_create_ruleset', bytes, bytes.length, 0));
}

/** A rule for an object that is open (O_PATH suffices). */
export interface OpenPathRule {
  readonly fd: number;
  readonly access: number;
  /** How messages name the object. */
  readonly name: string;
}

/**
 * Adds rules for open objects, all in one go.
 *
 * @param flags `ADD_RULE` flags, 0 below ABI 10
 * @throws {KernelError} naming the rule that was refused; the rules before it are in the ruleset
 */
export function addPaths(ruleset: Fd, rules: readonly OpenPathRule[], flags = 0): void {
  const build = new ImageBuilder(ARCH);
  for (const rule of rules) {
    const attr = build.bytes(
      LANDLOCK_PATH_BENEATH_ATTR.encode({ allowed_access: rule.access, parent_fd: rule.fd }),
      4,
    );
    build.step(
      'landlock_add_rule',
      [ruleset.number, RULE_TYPE.PATH_BENEATH, attr, flags],
      `add the rule for ${rule.name}`,
    );
  }
  applyImage(build.build());
}

/** A rule for a port, 0 to 65535. */
export interface PortRule {
  readonly port: number;
  readonly access: number;
}

/** Adds rules for ports, all in one go. Refusals as with `addPaths`. */
export function addPorts(ruleset: Fd, rules: readonly PortRule[], flags = 0): void {
  const build = new ImageBuilder(ARCH);
  for (const rule of rules) {
    const attr = build.bytes(LANDLOCK_NET_PORT_ATTR.encode({ allowed_access: rule.access, port: rule.port }));
    build.step(
      'landlock_add_rule',
      [ruleset.number, RULE_TYPE.NET_PORT, attr, flags],
      `add the rule for port ${rule.port}`,
    );
  }
  applyImage(build.build());
}

/**
 * Puts the calling thread into a new domain. It can't be left again.
 *
 * @param ruleset `null` with `LOG_SUBDOMAINS_OFF` alone, which makes no domain
 * @param flags `RESTRICT_SELF` flags
 * @throws {KernelError} EPERM without no_new_privs, E2BIG when the thread already has 16 layers
 */
export function restrictSelf(ruleset: Fd | null, flags = 0): void {
  call('enter the domain', 'landlock_restrict_self', ruleset === null ? -1 : ruleset.number, flags);
}
