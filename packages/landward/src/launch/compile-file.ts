/**
 * A plan as an executable of its own: no libc, no Node, it builds the ruleset from paths, restricts itself and becomes
 * the command. What it carries is fixed when it is compiled; what it opens is what is at the paths when it runs, but for
 * links in trees where the policy lets programs make them.
 *
 * Refuses plans that need a process that stays. Landward's ELF writer and launcher are `kernel/launch-file.ts`.
 */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { ImageBuilder, type Slot } from '../kernel/image.ts';
import { writeLaunchFile } from '../kernel/launch-file.ts';
import { isBelow } from '../model/paths.ts';
import type { PathAccess, Plan, PlanRuleset } from '../policy/plan.ts';
import { ERRNO } from '../uapi/errno.ts';
import { ADD_RULE, RULE_TYPE } from '../uapi/landlock.ts';
import { fsMask } from '../uapi/masks.ts';
import { AT_FDCWD, O, RESOLVE } from '../uapi/open.ts';
import { OPEN_HOW } from '../uapi/structs.ts';
import { refuseStaying } from './alone.ts';
import { rulesetAttr } from './prepare.ts';
import { beforeExec } from './steps.ts';

/** What the executable becomes; without it, the command is its first argument. */
export interface CompiledCommand {
  /** An absolute path. */
  readonly file: string;
  /** argv[0] and the arguments before the caller's own. */
  readonly argv: readonly string[];
}

/**
 * Compiles a plan to an executable.
 *
 * @param plan for the architecture that the executable is to run on
 * @param command what it becomes
 * @returns the bytes of an ELF file
 * @throws LandwardError UNSUPPORTED for a plan that needs a parent, NATIVE_MISSING without launcher for the architecture
 */
export function compileFile(plan: Plan, command?: CompiledCommand): Uint8Array {
  refuseStaying(plan, 'compile the plan', 'Take the limit out of the policy, or use landward run');
  const build = new ImageBuilder(plan.arch);
  const ruleset = plan.ruleset === null ? null : rulesetSteps(build, plan, plan.ruleset);
  beforeExec(build, { plan, stdio: [0, 1, 2], keepFds: plan.keepFds }, ruleset);
  return writeLaunchFile({
    image: build.build(),
    program: command?.file ?? null,
    args: command?.argv ?? [],
    env: plan.env,
  });
}

function rulesetSteps(build: ImageBuilder, plan: Plan, ruleset: PlanRuleset): Slot {
  for (const path of plan.create)
    for (const name of missingAbove(path)) {
      build.step('mkdirat', [AT_FDCWD, build.string(name), 0o700], `create ${name}`, {
        okErrno: ERRNO.EEXIST,
      });
    }
  const attr = rulesetAttr(ruleset);
  const fd = build.slot(-1);
  const place = build.bytes(new Uint8Array(attr.buffer));
  build.step('landlock_create_ruleset', [place, attr.byteLength, 0], 'create the ruleset', { store: fd });
  for (const rule of ruleset.paths)
    pathSteps(
      build,
      plan,
      rule,
      fd,
      ruleset.paths.some((other) => mayLinkAbove(rule.path, other)),
    );
  for (const { port, access, quiet } of ruleset.ports) {
    const flags = quiet ? ADD_RULE.QUIET : 0;
    const rule = build.bytes(new Uint8Array(new BigUint64Array([access, port].map(BigInt)).buffer));
    build.step('landlock_add_rule', [fd, RULE_TYPE.NET_PORT, rule, flags], `grant port ${port}`);
  }
  return fd;
}

/** Whether a rule lets programs make links on the way to a path: one that is there at a later start must not be followed. */
function mayLinkAbove(path: string, other: PathAccess): boolean {
  return other.path !== path && isBelow(path, other.path) && (other.access & MAKE_SYM) !== 0;
}

const MAKE_SYM = fsMask('fs.make_sym');

function pathSteps(
  build: ImageBuilder,
  plan: Plan,
  { path, access, missing, quiet }: PathAccess,
  ruleset: Slot,
  foreign: boolean,
): void {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, access, true);
  const attr = build.bytes(bytes);
  const fd = build.field(attr, 8);
  const { PATH, CLOEXEC, NOFOLLOW, DIRECTORY } = O[plan.arch];
  const flags = PATH | CLOEXEC | (plan.create.includes(path) ? NOFOLLOW | DIRECTORY : 0);
  const optional = missing === 'optional';
  // An optional path that is absent leaves a negative descriptor, on which the next two calls fail harmlessly.
  const options = { store: fd, ...(optional ? { okErrno: ERRNO.ENOENT } : {}) };
  if (foreign) {
    const how = build.bytes(OPEN_HOW.encode({ flags, resolve: RESOLVE.NO_SYMLINKS }));
    const args = [AT_FDCWD, build.string(path), how, OPEN_HOW.size];
    build.step('openat2', args, `open ${path}`, options);
  } else build.step('openat', [AT_FDCWD, build.string(path), flags, 0], `open ${path}`, options);
  const ok = optional ? { okErrno: ERRNO.EBADF } : {};
  build.step(
    'landlock_add_rule',
    [ruleset, RULE_TYPE.PATH_BENEATH, attr, quiet ? ADD_RULE.QUIET : 0],
    `grant ${path}`,
    ok,
  );
  build.step('close', [fd], `close ${path}`, ok);
}

/** A directory to create and its ancestors that do not exist now, outermost first. */
function missingAbove(path: string): string[] {
  const names = [path];
  for (let above = dirname(path); above !== dirname(above) && !existsSync(above); above = dirname(above))
    names.unshift(above);
  return names;
}
