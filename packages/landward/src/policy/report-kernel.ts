/**
 * A plan as the kernel gets it, for `landward policy print --kernel`: handled rights, each rule by object and by right,
 * the filter instruction by instruction, variables and limits.
 *
 * Owns the form. Lines are not yet escaped.
 */

import { disassemble } from '../filter/disassemble.ts';
import { unpackProgram } from '../filter/program.ts';
import { fsRights, netRights, scopes } from '../uapi/masks.ts';
import type { Plan, PortAccess } from './plan.ts';

/**
 * Prints a plan for the kernel.
 *
 * @returns lines of text, not yet escaped
 */
export function printKernel(plan: Plan): readonly string[] {
  const lines = [`# Landlock ABI ${plan.abi}, ${plan.arch}`];
  const { ruleset } = plan;
  if (ruleset === null) {
    lines.push('no ruleset');
  } else {
    lines.push(
      `handled_access_fs  ${words(fsRights(ruleset.handledFs))}`,
      `handled_access_net ${words(netRights(ruleset.handledNet))}`,
      ...(ruleset.quietFs === undefined ? [] : [`quiet_access_fs    ${words(fsRights(ruleset.quietFs))}`]),
      ...(ruleset.quietNet === undefined ? [] : [`quiet_access_net   ${words(netRights(ruleset.quietNet))}`]),
      `scoped             ${words(scopes(ruleset.scoped))}`,
      `restrict_self flags 0x${ruleset.restrictFlags.toString(16)}`,
      '',
      '# rules on paths',
      ...ruleset.paths.map(
        ({ path, access, missing, quiet }) =>
          `${path}${quiet ? ' (quiet)' : ''}${missing === 'create' ? ' (made before the start)' : ''}: ${words(fsRights(access))}`,
      ),
      '',
      '# rules on ports',
      ...portLines(ruleset.ports),
    );
  }
  lines.push('', '# seccomp filter');
  if (plan.filter === null) lines.push('no filter');
  else lines.push(...disassemble(unpackProgram(plan.filter)).split('\n'));
  lines.push(
    '',
    '# variables',
    `pass  ${plan.env.pass === null ? 'all' : words(plan.env.pass)}`,
    `scrub ${words(plan.env.scrub)}`,
  );
  for (const [name, value] of Object.entries(plan.env.set)) lines.push(`set   ${name}=${value}`);
  lines.push('', '# limits');
  for (const { name, value } of plan.limits.rlimits) lines.push(`${name} ${value}`);
  for (const [file, value] of Object.entries(plan.limits.cgroup)) lines.push(`cgroup ${file} ${value}`);
  if (plan.limits.timeMs !== undefined) lines.push(`time ${plan.limits.timeMs} ms`);
  return lines;
}

function words(names: readonly string[]): string {
  return names.length === 0 ? '-' : names.join(' ');
}

/** Neighbouring ports with the same rights are one line. */
function portLines(ports: readonly PortAccess[]): string[] {
  const runs: { first: number; last: number; access: number }[] = [];
  for (const { port, access } of ports) {
    const run = runs.at(-1);
    if (run !== undefined && run.access === access && run.last === port - 1) run.last = port;
    else runs.push({ first: port, last: port, access });
  }
  return runs.map(
    ({ first, last, access }) =>
      `${first === last ? first : `${first}-${last}`}: ${words(netRights(access))}`,
  );
}
