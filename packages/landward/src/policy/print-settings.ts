/** The settings and tests of a policy as TOML lines. Defaults are left out. */

import { writeQuestion } from './ask-write.ts';
import type { Policy, PolicyTest, ProcessPolicy } from './policy.ts';
import { PROCESS_KEYS } from './settings-of.ts';
import { type TomlValue, tomlLine } from './toml-write.ts';
import { writeDuration, writeSize } from './units.ts';

type Section = 'process' | 'env' | 'limits' | 'require' | 'log';

/** The lines of the given sections, all by default. A section that is asked for alone is there even when it is empty. */
export function printSettings(policy: Policy, only?: readonly Section[]): string[] {
  const lines: string[] = [];
  const section = (name: Section, values: { readonly [key: string]: TomlValue | undefined }) => {
    const body = Object.entries(values).flatMap(([key, value]) =>
      value === undefined ? [] : [tomlLine(key, value)],
    );
    if (only === undefined ? body.length > 0 : only.includes(name)) lines.push(`[${name}]`, ...body, '');
  };
  const { process, env, limits, require, log, keepFds } = policy;
  const keys = Object.entries(PROCESS_KEYS) as [Exclude<keyof ProcessPolicy, 'syscalls'>, string][];
  section('process', {
    ...Object.fromEntries(
      keys.map(([field, key]) => [key, process[field] === 'allow' ? 'allow' : undefined]),
    ),
    syscalls: filled(process.syscalls),
    keep_fds: only === undefined ? filled(keepFds) : undefined,
  });
  section('env', {
    pass: env.pass ?? undefined,
    scrub: filled(env.scrub),
    set: Object.keys(env.set).length > 0 ? env.set : undefined,
  });
  section('limits', {
    procs: limits.procs,
    memory: mapped(limits.memoryBytes, writeSize),
    cpu: mapped(limits.cpuSeconds, (seconds) => writeDuration(seconds * 1000)),
    files: limits.files,
    file_size: mapped(limits.fileSizeBytes, writeSize),
    core: mapped(limits.coreBytes, writeSize),
    time: mapped(limits.timeMs, writeDuration),
  });
  section('require', { abi: require.abi, degrade: filled(require.degrade) });
  section('log', {
    same_exec: log.sameExec ? undefined : false,
    new_exec: log.newExec ? undefined : false,
    subdomains: log.subdomains ? undefined : false,
  });
  return lines;
}

/** The tests, with their variables replaced. */
export function printTests(tests: readonly PolicyTest[]): string[] {
  return tests.flatMap(({ expect, request }) => ['[[test]]', tomlLine(expect, writeQuestion(request)), '']);
}

function filled<T extends TomlValue>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

function mapped<T>(value: T | undefined, write: (value: T) => TomlValue): TomlValue | undefined {
  return value === undefined ? undefined : write(value);
}
