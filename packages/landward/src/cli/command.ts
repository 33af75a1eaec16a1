/**
 * What a command of `landward` is, and how its words are read: strictly, by `util.parseArgs`, over one table of options.
 *
 * Owns the reading of words and the page of help that follows from the table. What a command does is its own file's.
 */

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { LandwardError } from '../errors.ts';
import { suggest } from './suggest.ts';

/** One option: the words in its help line, and how often it may stand. */
export interface Option {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** What the value is, in capitals: `PATH`. */
  readonly value?: string;
  readonly help: string;
}

export type Options = Readonly<Record<string, Option>>;

/** The values of a table of options: lists for repeatable ones, `undefined` for what was not given. */
export type Values<O extends Options> = {
  readonly [K in keyof O]?: O[K] extends { type: 'boolean' }
    ? boolean
    : O[K] extends { multiple: true }
      ? readonly string[]
      : string;
};

/** The words of a command: options, what stands before `--`, and what stands behind it. */
export interface Words<O extends Options> {
  readonly values: Values<O>;
  readonly operands: readonly string[];
  /** Everything behind the first `--`, untouched; `undefined` when there was none. */
  readonly rest: readonly string[] | undefined;
}

/** A command: `run` gets its words and returns the exit status. */
export interface Command {
  /** The line behind `Usage:`. */
  readonly usage: string;
  readonly help: string;
  readonly options: Options;
  run(argv: readonly string[]): number | Promise<number>;
}

/**
 * Reads the words of a command. An unknown option, a missing or an unwanted value is an error that names the nearest option.
 *
 * @param argv the words behind the command's name
 * @param options the command's table
 * @param usage the command's usage line, shown in errors
 * @throws LandwardError with code USAGE
 */
export function readWords<const O extends Options>(
  argv: readonly string[],
  options: O,
  usage: string,
): Words<O> {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  try {
    const { values, positionals } = parseArgs({
      args: [...own],
      options: options as unknown as NonNullable<ParseArgsConfig['options']>,
      strict: true,
      allowPositionals: true,
    });
    once(own, options, usage);
    return {
      values: values as Values<O>,
      operands: positionals,
      rest: end < 0 ? undefined : argv.slice(end + 1),
    };
  } catch (error) {
    if (error instanceof LandwardError) throw error;
    throw refusal(error, options, usage);
  }
}

/** Refuses a second use of an option that may stand once: parseArgs would silently keep the last. */
function once(own: readonly string[], options: Options, usage: string): void {
  const { tokens } = parseArgs({
    args: [...own],
    options: options as unknown as NonNullable<ParseArgsConfig['options']>,
    strict: true,
    allowPositionals: true,
    tokens: true,
  });
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option' || options[token.name]?.multiple || options[token.name]?.type === 'boolean')
      continue;
    if (seen.has(token.name))
      usageError(`The option --${token.name} stands twice, and may stand once`, usage, token.name);
    seen.add(token.name);
  }
}

function refusal(error: unknown, options: Options, usage: string): LandwardError {
  const { code, message } = error as { code?: string; message: string };
  const given = /'(--?[^'\s=]*)/.exec(message)?.[1] ?? '';
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const near = suggest(
      given,
      Object.keys(options).map((name) => `--${name}`),
    );
    return new LandwardError('USAGE', `Unknown option ${given}`, {
      part: given,
      fix: near === undefined ? `Usage: ${usage}` : `Did you mean ${near}? Usage: ${usage}`,
    });
  }
  return new LandwardError('USAGE', message.split('\n')[0]!.replace(/\.$/, ''), {
    part: given,
    fix: `Usage: ${usage}`,
  });
}

/** Ends a command whose words make no sense. */
export function usageError(message: string, usage: string, part?: string): never {
  throw new LandwardError('USAGE', message, { part, fix: `Usage: ${usage}` });
}

/** The page that `--help` prints for one command. */
export function helpPage(command: Command): string {
  const rows = Object.entries(command.options).map(([name, option]) => {
    const short = option.short === undefined ? '' : `-${option.short}, `;
    return [`${short}--${name}${option.value === undefined ? '' : ` ${option.value}`}`, option.help] as const;
  });
  const width = Math.max(0, ...rows.map(([left]) => left.length)) + 2;
  const table = rows.map(([left, right]) => `  ${left.padEnd(width)}${right}\n`).join('');
  return `Usage: ${command.usage}\n\n${command.help.trim()}\n${table === '' ? '' : `\n${table}`}`;
}
