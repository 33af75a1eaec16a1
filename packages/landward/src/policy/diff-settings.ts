/** Changes of settings between two policies, each with its direction. */

import { sortedJson } from './canonical.ts';
import { diffSockets } from './diff-sockets.ts';
import type { Policy } from './policy.ts';

/** One setting that changes. */
export interface SettingChange {
  readonly direction: 'wider' | 'narrower';
  /** The key, such as `limits.procs`. */
  readonly setting: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** Compares the settings of two policies. A change that widens in part counts as wider. */
export function diffSettings(before: Policy, after: Policy): SettingChange[] {
  const changes: SettingChange[] = [];
  const compare = (setting: string, from: unknown, to: unknown, wider: boolean) => {
    if (sortedJson(from ?? null) === sortedJson(to ?? null)) return;
    changes.push({ direction: wider ? 'wider' : 'narrower', setting, from, to });
  };
  for (const key of ['ioUring', 'ptrace', 'namespaces', 'terminalInjection'] as const) {
    compare(`process.${key}`, before.process[key], after.process[key], after.process[key] === 'allow');
  }
  compare(
    'process.syscalls',
    before.process.syscalls,
    after.process.syscalls,
    !containsAll(after.process.syscalls, before.process.syscalls),
  );
  const { env: old } = before;
  const { env: next } = after;
  compare(
    'env.pass',
    old.pass,
    next.pass,
    old.pass !== null && (next.pass === null || !containsAll(old.pass, next.pass)),
  );
  compare('env.scrub', old.scrub, next.scrub, !containsAll(next.scrub, old.scrub));
  for (const name of new Set([...Object.keys(old.set), ...Object.keys(next.set)])) {
    compare(`env.set.${name}`, old.set[name], next.set[name], next.set[name] !== undefined);
  }
  for (const key of [
    'procs',
    'memoryBytes',
    'cpuSeconds',
    'files',
    'fileSizeBytes',
    'coreBytes',
    'timeMs',
  ] as const) {
    compare(
      `limits.${key}`,
      before.limits[key],
      after.limits[key],
      (after.limits[key] ?? Number.POSITIVE_INFINITY) > (before.limits[key] ?? Number.POSITIVE_INFINITY),
    );
  }
  const changing = ({ layers }: Policy) => layers.flatMap(({ mutable }) => mutable ?? []).sort();
  const [fixed, free] = [changing(before), changing(after)];
  const isAny = (mutable: string) => mutable === 'any';
  // A layer that may only become stricter stays at least what it is.
  compare('mutable', fixed, free, free.filter(isAny).length > fixed.filter(isAny).length);
  for (const { setting, from, to, wider } of diffSockets(before.layers, after.layers))
    compare(setting, from, to, wider);
  const [oldPrograms, newPrograms] = [before, after].map(({ programs = [] }) =>
    programs.map(({ path, inodes }) => sortedJson({ path, inodes })).sort(),
  ) as [string[], string[]];
  compare('programs', oldPrograms, newPrograms, !containsAll(newPrograms, oldPrograms));
  compare(
    'require.abi',
    before.require.abi,
    after.require.abi,
    (after.require.abi ?? 0) < (before.require.abi ?? 0),
  );
  compare(
    'require.degrade',
    before.require.degrade,
    after.require.degrade,
    !containsAll(before.require.degrade, after.require.degrade),
  );
  compare('process.keep_fds', before.keepFds, after.keepFds, !containsAll(before.keepFds, after.keepFds));
  for (const key of ['sameExec', 'newExec', 'subdomains'] as const)
    compare(`log.${key}`, before.log[key], after.log[key], !after.log[key]);
  return changes;
}

function containsAll<T>(outer: readonly T[], inner: readonly T[]): boolean {
  return inner.every((item) => outer.includes(item));
}
