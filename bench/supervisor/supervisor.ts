/**
 * What the supervisor costs: one call that is asked about, one that is not, and whole commands, beside the same without
 * anything, under the kernel alone, and under tracers. Time is taken inside, so that no start counts.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from '../../test/kit/needs.ts';
import { builtLandward } from '../kit/built.ts';
import { cache } from '../kit/places.ts';
import { ms, printTable, ratio } from '../kit/print.ts';
import { compileC, median } from '../kit/timer.ts';

const FILES = 20_000;
const ROUNDS = 3;
/** As many calls as the supervisor is asked about in the policy below. */
const TRACED =
  'trace=open,openat,openat2,creat,execve,execveat,unlink,unlinkat,rename,renameat2,mkdir,connect,bind,truncate';

interface Mode {
  readonly name: string;
  readonly prefix: readonly string[];
}

export async function run(): Promise<void> {
  const { bin } = await builtLandward();
  const work = join(cache, 'supervisor');
  makeTree(work);
  const modes = makeModes(work, bin);
  calls(work, modes);
  commands(work, modes);
}

/** A repository of many small files, four levels deep, and a C file. */
function makeTree(work: string): void {
  const tree = join(work, 'tree');
  if (existsSync(join(tree, '.git/index'))) return;
  rmSync(work, { recursive: true, force: true });
  for (let i = 0; i < FILES; i++) {
    const directory = join(tree, `a${i % 10}`, `b${Math.floor(i / 10) % 20}`, `c${Math.floor(i / 200) % 10}`);
    if (i < 2000) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `f${i}.txt`), `line of file ${i}\n`);
  }
  writeFileSync(join(work, 'hello.c'), '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n');
  const git = (...args: string[]) => {
    const child = spawnSync('git', args, { cwd: tree, encoding: 'utf8' });
    if (child.status !== 0) throw new Error(`git ${args[0]}: ${child.stderr}`);
  };
  git('init', '-q');
  git('-c', 'core.safecrlf=false', 'add', '.');
  git('-c', 'user.name=bench', '-c', 'user.email=bench@localhost', 'commit', '-qm', 'files');
}

function makeModes(work: string, bin: string): readonly Mode[] {
  const grants = `extends = ["@default"]\nenv.pass = ["*"]\n[fs]\nexec = [${JSON.stringify(cache)}]\nwrite = [${JSON.stringify(work)}]\n`;
  const policies = { kernel: grants, supervised: `${grants}deny = ["/**/.env"]\n` };
  const landward = (name: keyof typeof policies): Mode => {
    const file = join(work, `${name}.toml`);
    writeFileSync(file, policies[name]);
    return {
      name: name === 'kernel' ? 'landward, kernel alone' : 'landward, supervised',
      prefix: [process.execPath, bin, 'run', '--degrade', 'self', '-p', file, '--'],
    };
  };
  const modes: Mode[] = [{ name: 'none', prefix: [] }, landward('kernel'), landward('supervised')];
  const strace = findTool('strace');
  if (strace === undefined) return modes;
  const quiet = ['-f', '-qq', '-o', '/dev/null', '-e', TRACED];
  return [
    ...modes,
    { name: 'strace -f --seccomp-bpf', prefix: [strace, '--seccomp-bpf', ...quiet] },
    { name: 'strace -f', prefix: [strace, ...quiet] },
  ];
}

function inside(mode: Mode, words: readonly string[], cwd: string): string {
  const [command, ...args] = [...mode.prefix, ...words] as [string, ...string[]];
  const child = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (child.status !== 0) throw new Error(`${mode.name}: ${words.join(' ')}: ${child.stderr}`);
  return child.stdout;
}

function calls(work: string, modes: readonly Mode[]): void {
  const program = compileC('bench/supervisor/opens.c', 'opens');
  const file = join(work, 'tree/a0/b0/c0/f0.txt');
  for (const [what, count, title] of [
    ['open', 3000, 'openat and close of a file, asked about'],
    ['stat', 30_000, 'stat of a file, not asked about'],
    ['getppid', 100_000, 'getppid, not asked about'],
  ] as const) {
    const rows = modes.map((mode) => {
      const [first, least, middle] = inside(mode, [program, what, file, String(count)], work)
        .trim()
        .split(' ')
        .map(Number) as [number, number, number];
      return { mode, first, least, middle };
    });
    const base = rows[0]!;
    printTable(
      title,
      ['', 'first µs', 'least µs', 'median µs', '× none'],
      rows.map(({ mode, first, least, middle }) => [
        mode.name,
        (first / 1000).toFixed(0),
        (least / 1000).toFixed(2),
        (middle / 1000).toFixed(2),
        ratio(middle, base.middle),
      ]),
    );
  }
}

function commands(work: string, modes: readonly Mode[]): void {
  const timer = compileC('bench/kit/timer.c', 'timer');
  const tree = join(work, 'tree');
  const wanted: Readonly<Record<string, readonly string[]>> = {
    [`git status, ${FILES} files`]: ['git', '-C', tree, 'status', '--short'],
    [`grep -r, ${FILES} files`]: ['grep', '-rc', 'no such line', join(tree, 'a0')],
    'npm --version': ['npm', '--version'],
    'gcc hello.c': ['gcc', '-o', join(work, 'hello'), join(work, 'hello.c')],
  };
  const rows = Object.entries(wanted).flatMap(([name, command]) => {
    const tool = findTool(command[0]!);
    if (tool === undefined) return [];
    // grep ends with 1 where nothing is found, which the timer would take for a failure.
    const words = [findTool('sh')!, '-c', '"$@" > /dev/null || [ $? = 1 ]', 'sh', ...command];
    const samples = modes.map(() => [] as number[]);
    for (let round = 0; round < ROUNDS; round++)
      for (const [index, mode] of modes.entries()) {
        const lines = inside(mode, [timer, '4', '::', 'x', ...words], work)
          .trim()
          .split('\n');
        samples[index]!.push(...lines.slice(1).map((line) => Number(line.split(' ')[1]) / 1e6));
      }
    const middles = samples.map(median);
    return [[name, ms(middles[0]!), ...middles.slice(1).map((value) => ratio(value, middles[0]!))]];
  });
  printTable(
    'Commands, × the same without anything',
    ['', 'none, ms', ...modes.slice(1).map(({ name }) => name)],
    rows,
  );
}
