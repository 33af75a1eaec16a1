/**
 * Attacks on other processes and on the kernel's interfaces: signals, tracing, namespaces, foreign system call tables,
 * own filters, limits. A table; how a case is run and what it must prove is in `case.ts`.
 */

import assert from 'node:assert/strict';
import { chmodSync, chownSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Attack, done, killedBySigsys, refused } from './case.ts';
import { type Outsider, startOutsider } from './outsider.ts';
import type { World } from './world.ts';

const EPERM = 1;
const ENOMEM = 12;
const EACCES = 13;
const ENOSYS = 38;

const outsiders = new WeakMap<World, Outsider>();
const pidOf = (world: World) => String(outsiders.get(world)!.pid);
const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] as const;
const asNobody = {
  surround: (world: World) => {
    const outsider = startOutsider(world.token, 65534);
    outsiders.set(world, outsider);
    return { release: () => void outsider.wasSignalled() };
  },
} as const;
const withOutsider = {
  surround: (world: World) => {
    const outsider = startOutsider(world.token);
    outsiders.set(world, outsider);
    return { release: () => void outsider.wasSignalled() };
  },
} as const;

/** An attack that sends SIGUSR1 to a process outside. What happened to that process decides, not what the probe says. */
const signals = (action: string): Attack => ({
  ...withOutsider,
  id: 25,
  name: `${action} to a process outside`,
  action: (world) => [action, pidOf(world)],
  without: 'the signal scope',
  off: () => ({ sections: { process: 'signal = "any"' } }),
  held: async (_, world) => assert.equal(await outsiders.get(world)!.wasSignalled(), false),
  succeeded: async (_, world) => assert.equal(await outsiders.get(world)!.wasSignalled(), true),
});

/** An attack on a process outside by a debugging interface, with the filter open so that only Landlock can hold it. */
const traces = (action: string, ...rest: string[]): Attack => ({
  ...withOutsider,
  id: 23,
  name: `${action} on a process outside, against Landlock alone`,
  action: (world) => [action, pidOf(world), ...rest],
  on: () => ({ sections: { process: 'ptrace = "allow"' } }),
  without: 'landward',
  off: 'unconfined',
  held: refused(EPERM),
  succeeded: (result) => assert.doesNotMatch(result.stdout, /^ERRNO 1 /m, JSON.stringify(result)),
});

/** An attack that the seccomp filter holds, and that a key of `[process]` lets through. */
const filtered = (
  id: number,
  name: string,
  action: readonly string[],
  opened: string,
  errnos: readonly number[] = [EPERM],
): Attack => ({
  id,
  name,
  needs: { root: true },
  action: () => action,
  without: 'the filter',
  off: () => ({ sections: { process: opened } }),
  held: refused(...errnos),
  succeeded: done,
});

/** A call that no program in a sandbox has a use for. Unconfined it fails too, for its senseless arguments. */
const hardened = (name: string, nr: number): Attack => ({
  id: 36,
  name: `the call ${name}`,
  needs: { root: true, arch: 'x64' },
  action: () => ['call', String(nr)],
  without: 'the filter',
  off: 'unconfined',
  held: refused(EPERM, ENOSYS),
  succeeded: (result) => assert.doesNotMatch(result.stdout, /^ERRNO (1|38) /m, JSON.stringify(result)),
});

const namespaces = 'namespaces = "allow"';

export const processAttacks: readonly Attack[] = [
  traces('attach'),
  traces('read-memory', '0x400000'),
  traces('steal-fd', '0'),
  {
    id: 24,
    name: 'the environment of a process outside, in a readable /proc, as an ordinary user',
    needs: { root: true, tools: ['setpriv'] },
    command: true,
    ...asNobody,
    action: (world) => [...AS_NOBODY, world.probe, 'read', `/proc/${pidOf(world)}/environ`],
    on: () => ({ read: ['/proc'] }),
    without: 'landward',
    off: 'unconfined',
    held: refused(EACCES, EPERM),
    succeeded: done,
  },
  {
    id: 24,
    name: 'the environment of a process outside, where /proc is not granted',
    ...withOutsider,
    action: (world) => ['read', `/proc/${pidOf(world)}/environ`],
    without: 'the absence of a grant',
    off: () => ({ read: ['/proc'] }),
    held: refused(EACCES, EPERM),
    // Root may read it by CAP_PERFMON, which Linux asks before it asks Landlock: the second line of defence is only for
    // ordinary users.
    succeeded: done,
  },
  signals('signal'),
  signals('signal-thread'),
  signals('signal-pidfd'),
  signals('signal-queue'),
  signals('signal-owner'),
  {
    id: 28,
    name: 'a call through the i386 gate',
    needs: { arch: 'x64' },
    action: () => ['call-i386'],
    without: 'the filter',
    off: 'unconfined',
    held: killedBySigsys,
    succeeded: done,
  },
  {
    id: 28,
    name: 'a call of the x32 table',
    needs: { arch: 'x64' },
    action: () => ['call-x32'],
    without: 'the filter',
    off: 'unconfined',
    held: killedBySigsys,
    // Kernels without x32 answer ENOSYS: what counts is that nothing but the filter kills.
    succeeded: (result) => assert.equal(result.code, 0, JSON.stringify(result)),
  },
  filtered(29, 'unshare of a user namespace', ['unshare-user'], namespaces),
  filtered(29, 'clone into a user namespace', ['clone-user'], namespaces),
  filtered(29, 'clone3, whose flags lie in memory', ['clone3-user'], namespaces, [EPERM, ENOSYS]),
  filtered(29, 'setns', ['join-namespace', '/proc/self/ns/uts'], namespaces),
  {
    id: 18,
    name: 'a mount, against Landlock alone',
    needs: { root: true },
    action: ({ project }) => ['mount', project],
    on: () => ({ sections: { process: namespaces } }),
    without: 'landward',
    off: 'unconfined',
    held: refused(EPERM),
    succeeded: done,
  },
  {
    id: 18,
    name: 'a changed root directory, which must not change what rules mean',
    needs: { root: true },
    action: ({ outside }) => ['chroot', outside, 'then', 'read', '/secret'],
    without: 'landward',
    off: 'unconfined',
    held: refused(EACCES, EPERM),
    succeeded: (result, world) => assert.ok(result.stdout.includes(world.token), JSON.stringify(result)),
  },
  filtered(
    32,
    'an own filter that allows everything',
    ['allow-all-filter', 'then', 'unshare-user'],
    namespaces,
  ),
  {
    id: 35,
    name: 'a set-user-id program',
    needs: { root: true, tools: ['setpriv'] },
    command: true,
    prepare: (world) => {
      const raised = join(world.tools, 'raised');
      copyFileSync(world.probe, raised);
      chownSync(raised, 0, 0);
      chmodSync(raised, 0o4755);
      chownSync(world.project, 65534, 65534);
    },
    action: (world) => [...AS_NOBODY, world.probe, 'execute', join(world.tools, 'raised'), 'euid'],
    without: 'landward',
    off: 'unconfined',
    held: (result) => assert.match(result.stdout, /^DONE euid 65534$/m, JSON.stringify(result)),
    succeeded: (result) => assert.match(result.stdout, /^DONE euid 0$/m, JSON.stringify(result)),
  },
  hardened('bpf', 321),
  hardened('userfaultfd', 323),
  hardened('keyctl', 250),
  hardened('perf_event_open', 298),
  {
    id: 37,
    name: 'a flood of descriptors',
    action: () => ['fill-descriptors'],
    on: () => ({ sections: { limits: 'files = 64' } }),
    without: 'the limit',
    off: () => ({}),
    held: (result) => assert.ok(opened(result.stdout) < 64, JSON.stringify(result)),
    succeeded: (result) => assert.ok(opened(result.stdout) >= 64, JSON.stringify(result)),
  },
  {
    id: 37,
    name: 'a flood of memory',
    action: () => ['fill-memory', '256'],
    on: () => ({ sections: { limits: 'memory = "64M"', require: 'degrade = ["limits.cgroup"]' } }),
    without: 'the limit',
    off: () => ({}),
    // A resource limit refuses the memory; where a cgroup can be written, the kernel ends the program that uses it.
    held: (result, world) => {
      if (result.code !== 128 + 9) refused(ENOMEM)(result, world);
    },
    succeeded: done,
  },
  {
    id: 37,
    name: 'a file that fills the disk',
    action: ({ project }) => ['fill-disk', join(project, 'big'), '10485760'],
    on: () => ({ sections: { limits: 'file_size = "1M"' } }),
    without: 'the limit',
    off: () => ({}),
    held: refused(27),
    succeeded: done,
  },
];

const opened = (stdout: string) => Number(/opened (\d+)/.exec(stdout)?.[1]);
