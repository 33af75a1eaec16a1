/**
 * Confining a Node application from its start: finds the policy of its project, and sees to it that the process holds
 * nothing that would get round it. Used by `landward/auto`.
 */

import { readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { LandwardError } from '../errors.ts';
import { fail } from '../filter/action.ts';
import { compileRules } from '../filter/compile.ts';
import { packProgram } from '../filter/program.ts';
import { ARCH, failedStep } from '../kernel/call.ts';
import { ImageBuilder } from '../kernel/image.ts';
import { native } from '../kernel/native.ts';
import { addFilterStep } from '../kernel/seccomp.ts';
import { ERRNO } from '../uapi/errno.ts';
import { F } from '../uapi/open.ts';
import { PR } from '../uapi/prctl.ts';
import { findProjectFile } from './policy-file.ts';
import { type Restricted, restrictProcess } from './restrict.ts';
import { findRings } from './rings.ts';
import { type Environment, homeDirectory } from './variables.ts';

/** Says to the second start that it is one; taken out of the environment there. */
const AGAIN = 'LANDWARD_AUTO_AGAIN';

/**
 * Restricts this process by the policy of the application that Node is about to run.
 *
 * @throws LandwardError POLICY_NOT_FOUND without a policy, and whatever `restrictProcess` throws
 */
export async function confineApplication(): Promise<Restricted> {
  const again = process.env[AGAIN] === String(process.pid);
  delete process.env[AGAIN];
  const directory = applicationDirectory();
  const path = await findProjectFile(directory, homeDirectory());
  if (path === undefined)
    throw new LandwardError(
      'POLICY_NOT_FOUND',
      `There is no landward.toml for the application in ${JSON.stringify(directory)}`,
      {
        part: directory,
        fix: 'Write one with landward init, or do not import landward/auto',
      },
    );
  if (!again && findRings().ordinary.length > 0) executeAgain();
  return restrictProcess(path, { cwd: dirname(path) });
}

function applicationDirectory(): string {
  const script = process.argv[1];
  return script === undefined ? realpathSync('.') : dirname(realpathSync(script));
}

/** Executes this program once more, where making a ring fails as on a kernel without io_uring. */
function executeAgain(): never {
  const build = new ImageBuilder(ARCH);
  const refuseRings = compileRules(
    [{ syscalls: ['io_uring_setup'], action: fail(ERRNO.ENOSYS), because: 'no ring before the restriction' }],
    { arch: ARCH, unknown: { kind: 'allow' } },
  );
  build.step('prctl', [PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0], 'give up new privileges');
  addFilterStep(build, packProgram(refuseRings));
  // Node marks every descriptor that it was given as not to be inherited; these are the ones that somebody speaks of.
  for (const fd of givenDescriptors(process.env))
    build.step('fcntl', [fd, F.SETFD, 0], `keep descriptor ${fd}`, { okErrno: ERRNO.EBADF });
  const argv = readFileSync('/proc/self/cmdline', 'utf8').split('\0').slice(0, -1);
  const env = Object.entries({ ...process.env, [AGAIN]: String(process.pid) }).map(
    ([name, value]) => `${name}=${value}`,
  );
  build.step(
    'execve',
    [build.string(process.execPath), build.strings(argv), build.strings(env)],
    'execute Node once more',
  );
  const image = build.build();
  throw failedStep(image, native().apply(image.bytes));
}

/** Standard descriptors, the channel to a parent that is Node, and the sockets of a service manager. */
function givenDescriptors({ NODE_CHANNEL_FD, LISTEN_FDS, LISTEN_PID }: Environment): number[] {
  const channel = /^\d{1,6}$/.test(NODE_CHANNEL_FD ?? '') ? [Number(NODE_CHANNEL_FD)] : [];
  const count =
    LISTEN_PID === String(process.pid) && /^\d{1,4}$/.test(LISTEN_FDS ?? '') ? Number(LISTEN_FDS) : 0;
  return [0, 1, 2, ...channel, ...Array.from({ length: count }, (_, index) => index + 3)];
}
