/**
 * What a command of `landward` is, and how its words are read: strictly, over one table of options.
 *
 * Owns the reading of words and the page of help that follows from the table. `util.parseArgs` is not used: loading
 * `node:util` makes the stream of standard error, which leaves O_NONBLOCK on what the started program inherits.
 */

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
  const values: Record<string, boolean | string | string[]> = {};
  const operands: string[] = [];
  for (let at = 0; at < own.length; at++) {
    const word = own[at]!;
    if (word === '-' || !word.startsWith('-')) {
      operands.push(word);
      continue;
    }
    const { name, inline } = split(word, options, usage);
    const option = options[name]!;
    if (option.type === 'boolean') {
      if (inline !== undefined) usageError(`The option --${name} takes no value`, usage, word);
      values[name] = true;
      continue;
    }
    const value = inline ?? own[++at];
    if (value === undefined) usageError(`The option --${name} needs a value`, usage, word);
    // A word that begins like an option is more likely one whose value was forgotten; --name=-x says it plainly.
    if (inline === undefined && value.startsWith('-') && value !== '-')
      usageError(`The value of --${name} is ambiguous: write --${name}=${value} if it is one`, usage, value);
    if (option.multiple) values[name] = [...((values[name] as string[] | undefined) ?? []), value];
    else if (values[name] === undefined) values[name] = value;
    else usageError(`The option --${name} stands twice, and may stand once`, usage, name);
  }
  return { values: values as Values<O>, operands, rest: end < 0 ? undefined : argv.slice(end + 1) };
}

/** The option that a word names, and the value that stands in the word itself. */
function split(word: string, options: Options, usage: string): { name: string; inline: string | undefined } {
  if (word.startsWith('--')) {
    const sign = word.indexOf('=');
    const name = word.slice(2, sign < 0 ? undefined : sign);
    if (Object.hasOwn(options, name)) return { name, inline: sign < 0 ? undefined : word.slice(sign + 1) };
  } else {
    const found = Object.entries(options).find(([, { short }]) => short !== undefined && short === word[1]);
    if (found !== undefined) return { name: found[0], inline: word.length > 2 ? word.slice(2) : undefined };
  }
  const given = word.split('=')[0]!;
  const near = suggest(
    given,
    Object.keys(options).map((name) => `--${name}`),
  );
  throw new LandwardError('USAGE', `Unknown option ${given}`, {
    part: given,
    fix: near === undefined ? `Usage: ${usage}` : `Did you mean ${near}? Usage: ${usage}`,
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
