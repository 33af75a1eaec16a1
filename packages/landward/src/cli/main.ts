/**
 * The entrance of the command line: finds the command, runs it, tells errors, sets the exit status.
 *
 * Loads nothing that the chosen command does not need, and never touches `process.stdin` or `process.stdout`: making
 * those streams would change the terminal and pipes that `run` hands on. Output is written with `fs.writeSync`.
 */

import { LandwardError } from '../errors.ts';
import { diagnose } from '../launch/diagnostics.ts';
import { print, printError } from '../launch/output.ts';
import type { Command } from './command.ts';
import { suggest } from './suggest.ts';

const COMMANDS: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  run: () => import('./run.ts'),
  status: () => import('./status.ts'),
  why: () => import('./why.ts'),
  explain: () => import('./explain.ts'),
  allow: () => import('./allow.ts'),
  policy: () => import('./policy.ts'),
  init: () => import('./init.ts'),
  compile: () => import('./compile.ts'),
  ps: () => import('./ps.ts'),
  log: () => import('./log.ts'),
  stats: () => import('./stats.ts'),
  top: () => import('./top.ts'),
  watch: () => import('./watch.ts'),
  fleet: () => import('./fleet.ts'),
  layer: () => import('./layer.ts'),
  domain: () => import('./domain.ts'),
  checkpoint: () => import('./checkpoint.ts'),
  restore: () => import('./restore.ts'),
};

/** Runs the command line of this process and ends it. */
export async function start(): Promise<void> {
  process.exitCode = await main(process.argv.slice(2));
}

/**
 * Runs one command line.
 *
 * @param argv the words behind `landward`
 * @returns the exit status; 125, 126 or 127 for failures of landward itself
 */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    return await dispatch(argv);
  } catch (error) {
    printError(diagnose(error));
    return error instanceof LandwardError ? error.exitCode : 125;
  }
}

async function dispatch(argv: readonly string[]): Promise<number> {
  const [name, ...words] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    if (words[0] !== undefined && Object.hasOwn(COMMANDS, words[0])) return dispatch([words[0], '--help']);
    const { help } = await import('./help.ts');
    if (name === undefined) printError(help());
    else print(help());
    return name === undefined ? 125 : 0;
  }
  if (name === '--version' || name === '-V') {
    const { version } = await import('./version.ts');
    print(version());
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) throw unknown(name);
  const { command } = await load();
  const end = words.indexOf('--');
  if (words.slice(0, end < 0 ? words.length : end).some((word) => word === '--help' || word === '-h')) {
    const { helpPage } = await import('./command.ts');
    print(helpPage(command));
    return 0;
  }
  return command.run(words);
}

function unknown(name: string): LandwardError {
  if (name.startsWith('-')) {
    const near = suggest(name, ['--help', '--version']);
    return new LandwardError('USAGE', `Unknown option ${name}`, {
      part: name,
      fix:
        near === undefined
          ? 'Options stand behind the command: landward run [options] -- command'
          : `Did you mean ${near}?`,
    });
  }
  const near = suggest(name, Object.keys(COMMANDS));
  return new LandwardError('USAGE', `Unknown command ${name}`, {
    part: name,
    fix: near === undefined ? `To run a program: landward run -- ${name}` : `Did you mean landward ${near}?`,
  });
}
