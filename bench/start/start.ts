/**
 * What a confined start of `true` costs: landward, its compiled launcher, the other tools, and what nobody can beat:
 * a bare exec for native tools, an empty script of the same Node for tools in Node. Interleaved rounds, medians.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from '../../test/kit/needs.ts';
import { builtLandward } from '../kit/built.ts';
import { cache } from '../kit/places.ts';
import { ms, printTable, ratio } from '../kit/print.ts';
import { debianRival, npmRival } from '../kit/rivals.ts';
import { timeStarts } from '../kit/timer.ts';

const POLICY = `[fs]
read = ["/etc/ld.so.cache"]
exec = ["/usr", { path = ["/bin", "/lib", "/lib64"], optional = true }]
device = ["/dev/null"]
[net]
connect = []
`;

export async function run(): Promise<void> {
  const { bin } = await builtLandward();
  const work = join(cache, 'start');
  mkdirSync(work, { recursive: true });
  const policy = join(work, 'policy.toml');
  writeFileSync(policy, POLICY);
  const target = findTool('true')!;
  const node = process.execPath;
  const landward = (...args: string[]) => [node, bin, ...args];
  const env = { PATH: process.env.PATH, HOME: join(cache, 'home') } as NodeJS.ProcessEnv;

  const launcher = join(work, 'true.confined');
  const compiled = spawnSync(node, [bin, 'compile', '-p', policy, '-o', launcher, '--', target], {
    cwd: work,
    encoding: 'utf8',
    env,
  });
  if (compiled.status !== 0) throw new Error(`landward compile: ${compiled.stderr}`);

  const native: Record<string, readonly string[]> = {
    'bare exec': [target],
    'landward compile': [launcher],
  };
  const left: string[] = [];
  const add = (
    name: string,
    got: { path: string } | { reason: string },
    args: (path: string) => readonly string[],
  ) => {
    if ('reason' in got) left.push(`${name}: ${got.reason}`);
    else native[name] = args(got.path);
  };
  const setpriv = findTool('setpriv');
  if (
    setpriv !== undefined &&
    /--landlock-access/.test(spawnSync(setpriv, ['--help'], { encoding: 'utf8' }).stdout)
  )
    native['setpriv --landlock'] = [
      setpriv,
      '--no-new-privs',
      '--landlock-access',
      'fs',
      '--landlock-rule',
      'path-beneath:execute,read-file:/usr',
      target,
    ];
  else left.push('setpriv --landlock: this util-linux is older than 2.40');
  add('bubblewrap', debianRival('bubblewrap', 'bwrap'), (path) => [
    path,
    '--unshare-all',
    '--ro-bind',
    '/',
    '/',
    '--dev',
    '/dev',
    '--proc',
    '/proc',
    target,
  ]);
  add('firejail --noprofile', debianRival('firejail', 'firejail'), (path) => [
    path,
    '--quiet',
    '--noprofile',
    target,
  ]);

  const inNode: Record<string, readonly string[]> = {
    'node -e 0': [node, '-e', '0'],
    'landward run': landward('run', '--read', '/etc/ld.so.cache', '--exec', '/usr', '--', target),
    'landward run (@default)': landward('run', '--', target),
    'landward run -p': landward('run', '-p', policy, '--', target),
  };
  const deno = npmRival('deno', 'deno');
  if ('reason' in deno) left.push(`deno: ${deno.reason}`);
  else {
    writeFileSync(join(work, 'empty.js'), '');
    inNode['deno, empty script'] = [deno.path, 'run', join(work, 'empty.js')];
  }

  const print = (title: string, rows: ReturnType<typeof timeStarts>, base: string) => {
    const floor = rows.find(({ name }) => name === base)!;
    printTable(
      title,
      ['', 'ms', `× ${base}`, 'CPU ms', 'CPU ×', 'MB'],
      rows.map((row) => [
        row.name,
        ms(row.medianMs),
        ratio(row.medianMs, floor.medianMs),
        ms(row.cpuMs),
        ratio(row.cpuMs, floor.cpuMs),
        row.memoryMb.toFixed(1),
      ]),
    );
  };
  print('Native tools, 100 rounds', timeStarts(native, 100, { cwd: work, env }), 'bare exec');
  const rows = timeStarts(inNode, 30, { cwd: work, env });
  print('Tools in JavaScript, 30 rounds', rows, 'node -e 0');

  for (const [name, packages] of [
    ['bubblewrap', 'bwrap'],
    ['socat', 'socat'],
    ['ripgrep', 'rg'],
  ] as const)
    debianRival(name, packages);
  const srt = npmRival('@anthropic-ai/sandbox-runtime', 'srt');
  if ('reason' in srt) left.push(`sandbox-runtime: ${srt.reason}`);
  else
    try {
      const few = timeStarts(
        { 'landward run': inNode['landward run']!, 'sandbox-runtime': [node, srt.path, target] },
        8,
        { cwd: work, env },
      );
      print('Against sandbox-runtime, 8 rounds', few, 'sandbox-runtime');
    } catch (error) {
      left.push(`sandbox-runtime: ${(error as Error).message}`);
    }
  for (const line of left) console.log(`\nLeft out: ${line}`);
}
