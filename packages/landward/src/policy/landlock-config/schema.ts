/**
 * The official Landlock configuration format as a schema: TOML with snake_case keys, JSON with the same in camelCase.
 *
 * Accepts the rights of newer ABIs by their kernel names beside those that the format lists.
 */

import {
  FS_RIGHTS,
  type FsRight,
  NET_RIGHTS,
  type NetRight,
  SCOPES,
  type Scope,
} from '../../uapi/landlock.ts';
import type { Format } from '../read.ts';
import type { Schema } from '../schema-kinds.ts';

/** Groups of filesystem rights that depend on `abi`. */
export const FS_GROUPS = ['abi.all', 'abi.read_execute', 'abi.read_write'] as const;
/** The group of network rights and of scopes that depends on `abi`. */
export const ALL_GROUP = 'abi.all';

type After<P extends string, N> = N extends `${P}.${infer Rest}` ? Rest : never;

/** A name of the format without the kernel's prefix: `read_file` for `fs.read_file`. */
export const shortName = <N extends string>(name: N): string => name.slice(name.indexOf('.') + 1);

export const FS_NAMES = Object.keys(FS_RIGHTS).map(shortName) as After<'fs', FsRight>[];
export const NET_NAMES = Object.keys(NET_RIGHTS).map(shortName) as After<'net', NetRight>[];
export const SCOPE_NAMES = Object.keys(SCOPES).map(shortName) as After<'scope', Scope>[];

const listOf = (values: readonly string[]) =>
  ({ kind: 'list', min: 1, of: { kind: 'string', values } }) as const;
const text = {
  kind: 'string',
  pattern: '^[^\\u0000\\ud800-\\udfff]*$',
  expects: 'text without NUL',
} as const;

/** The keys of the format, by what they mean. */
export const KEYS = {
  toml: {
    variable: 'variable',
    ruleset: 'ruleset',
    pathBeneath: 'path_beneath',
    netPort: 'net_port',
    fs: 'handled_access_fs',
    net: 'handled_access_net',
    scoped: 'scoped',
    allowed: 'allowed_access',
  },
  json: {
    variable: 'variable',
    ruleset: 'ruleset',
    pathBeneath: 'pathBeneath',
    netPort: 'netPort',
    fs: 'handledAccessFs',
    net: 'handledAccessNet',
    scoped: 'scoped',
    allowed: 'allowedAccess',
  },
} as const satisfies Record<Format, Record<string, string>>;

/** The schema of one format. That at least one key is there is checked where it is read. */
export function configSchema(format: Format): Schema {
  const key = KEYS[format];
  return {
    kind: 'table',
    keys: {
      abi: { kind: 'integer', min: 1, max: 2 ** 31 - 1 },
      [key.variable]: {
        kind: 'list',
        min: 1,
        of: {
          kind: 'table',
          required: ['name'],
          keys: {
            name: {
              kind: 'string',
              pattern: '^[A-Za-z][A-Za-z0-9_]*$',
              expects: 'a letter, then letters, digits and underscores',
            },
            literal: { kind: 'list', min: 1, of: text },
          },
        },
      },
      [key.ruleset]: {
        kind: 'list',
        min: 1,
        of: {
          kind: 'table',
          keys: {
            [key.fs]: listOf([...FS_NAMES, ...FS_GROUPS]),
            [key.net]: listOf([...NET_NAMES, ALL_GROUP]),
            [key.scoped]: listOf([...SCOPE_NAMES, ALL_GROUP]),
          },
        },
      },
      [key.pathBeneath]: {
        kind: 'list',
        min: 1,
        of: {
          kind: 'table',
          required: [key.allowed, 'parent'],
          keys: {
            [key.allowed]: listOf([...FS_NAMES, ...FS_GROUPS]),
            parent: { kind: 'list', min: 1, of: text },
          },
        },
      },
      [key.netPort]: {
        kind: 'list',
        min: 1,
        of: {
          kind: 'table',
          required: [key.allowed, 'port'],
          keys: {
            [key.allowed]: listOf([...NET_NAMES, ALL_GROUP]),
            port: { kind: 'list', min: 1, of: { kind: 'integer', min: 0, max: Number.MAX_SAFE_INTEGER } },
          },
        },
      },
    },
  };
}
