/**
 * The ruleset with which the deciding thread of the supervisor restricts itself: the plan's own, and reading /proc, where it
 * looks at targets. Whatever it does for a target, it can do no more than the kernel's part of the plan.
 */

import type { Fd } from '../kernel/fd.ts';
import { openPaths } from '../kernel/files.ts';
import { addPaths, addPorts } from '../kernel/landlock.ts';
import type { Plan } from '../policy/plan.ts';
import { fsMask, netMask } from '../uapi/masks.ts';
import { buildRuleset } from './prepare.ts';

/**
 * Builds the floor of a plan that was prepared just before.
 *
 * @param created identities of the directories that were made for the plan
 * @param ports of landward's own name server on this host, to which the deciding thread connects targets
 * @returns the ruleset, the caller's to close; `null` where the plan has none
 */
export function buildFloor(
  { ruleset }: Plan,
  created: ReadonlySet<string>,
  ports: readonly number[] = [],
): Fd | null {
  if (ruleset === null) return null;
  const floor = buildRuleset(ruleset, created, []);
  const reach = ruleset.handledNet & netMask('net.connect_tcp', 'net.connect_send_udp');
  const rules = ports.map((port) => ({ port, access: reach }));
  // A UDP socket takes a port of its own when it is connected.
  const free = { port: 0, access: ruleset.handledNet & netMask('net.bind_udp') };
  if (ports.length > 0)
    addPorts(
      floor,
      [...rules, free].filter((rule) => rule.access !== 0),
    );
  const access = ruleset.handledFs & fsMask('fs.read_file', 'fs.read_dir');
  if (access === 0) return floor;
  const [proc] = openPaths(['/proc']);
  using fd = proc?.fd;
  if (fd !== undefined) addPaths(floor, [{ fd: fd.number, access, name: '/proc' }]);
  return floor;
}
