/**
 * Options of a command line as a policy definition: `--read`, `--write`, `--connect` and so on mean what the keys of a
 * policy file mean, with paths relative to the working directory.
 */

import { LandwardError } from '../errors.ts';
import type { PolicyDefinition } from '../policy/define.ts';
import { FEATURES, type Feature } from '../policy/features.ts';
import type { PolicyInput } from '../policy/resolve.ts';
import type { Environment } from './variables.ts';

/** The options of `run` that say what is allowed. */
export interface PolicyOptions {
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly exec?: readonly string[];
  readonly deny?: readonly string[];
  readonly connect?: readonly string[];
  readonly listen?: readonly string[];
  readonly env?: readonly string[];
  readonly degrade?: readonly string[];
  readonly require?: readonly string[];
}

/**
 * The options as one text that is composed with the policies that are named.
 *
 * @param options as given
 * @param cwd the absolute directory that relative paths start from
 * @param environment where `--env NAME` takes a value from
 * @returns nothing where no option says anything
 */
export function optionsPolicy(
  options: PolicyOptions,
  cwd: string,
  environment: Environment = process.env,
): PolicyInput | undefined {
  const paths = (list: readonly string[] | undefined) => list?.map((path) => absolutePattern(path, cwd));
  const fs = defined({
    read: paths(options.read),
    write: paths(options.write),
    exec: paths(options.exec),
    deny: paths(options.deny),
  });
  const net = defined({ connect: options.connect, listen: options.listen });
  const env = options.env === undefined ? {} : environmentTable(options.env, environment);
  const require = defined({ abi: floor(options.require), degrade: options.degrade?.map(featureName) });
  const value = defined({ fs: filled(fs), net: filled(net), env: filled(env), require: filled(require) });
  if (Object.keys(value).length === 0) return undefined;
  return { name: 'command line', value: value as PolicyDefinition, directory: cwd };
}

/**
 * A path option as a pattern of the policy language: relative ones start from `cwd`, whose own characters are literal.
 * `~`, `$name` and globs in the option keep their meaning.
 */
export function absolutePattern(path: string, cwd: string): string {
  if (/^([/~]|\$[A-Za-z{])/.test(path)) return path;
  let base = cwd;
  let rest = path;
  for (let step = /^\.{1,2}(\/+|$)/.exec(rest); step !== null; step = /^\.{1,2}(\/+|$)/.exec(rest)) {
    if (step[0].startsWith('..')) base = base.slice(0, base.lastIndexOf('/')) || '/';
    rest = rest.slice(step[0].length);
  }
  const literal = base.replace(/[*?[\]{}\\$~!,]/g, '\\$&');
  return rest === '' ? literal : `${literal === '/' ? '' : literal}/${rest}`;
}

/**
 * `NAME` passes the caller's value, `NAME=value` sets one. Both set: a `pass` list would narrow a policy that passes everything,
 * and an option of the command line adds.
 */
function environmentTable(
  items: readonly string[],
  environment: Environment,
): { set?: Record<string, string> } {
  const set = items.flatMap((item): [string, string][] => {
    const at = item.indexOf('=');
    const name = at < 0 ? item : item.slice(0, at);
    if (name === '')
      throw new LandwardError('USAGE', `A variable has a name, ${JSON.stringify(item)} has none`, {
        part: item,
      });
    const value = at < 0 ? environment[name] : item.slice(at + 1);
    return value === undefined ? [] : [[name, value]];
  });
  return set.length > 0 ? { set: Object.fromEntries(set) } : {};
}

function featureName(name: string): Feature {
  if (Object.hasOwn(FEATURES, name)) return name as Feature;
  throw new LandwardError('USAGE', `There is no gap named ${JSON.stringify(name)} to accept`, {
    part: name,
    fix: `Name one of ${Object.keys(FEATURES).join(', ')}`,
  });
}

function floor(requirements: readonly string[] | undefined): number | undefined {
  if (requirements === undefined) return undefined;
  const abis = requirements.map((text) => {
    const found = /^abi=([1-9]\d{0,2})$/.exec(text);
    if (found === null)
      throw new LandwardError(
        'USAGE',
        `A floor is abi=N, not ${JSON.stringify(text)}: everything that the policy says is required anyway`,
        {
          part: text,
        },
      );
    return Number(found[1]);
  });
  return Math.max(...abis);
}

function filled<T extends object>(table: T): T | undefined {
  return Object.keys(table).length === 0 ? undefined : table;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(table: T): Defined<T> {
  return Object.fromEntries(Object.entries(table).filter(([, value]) => value !== undefined)) as Defined<T>;
}
