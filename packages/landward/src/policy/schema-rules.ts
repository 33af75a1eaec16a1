/**
 * The schemas of rules: a string, or a table with annotations. And the small kinds that every section uses.
 *
 * Owns what a rule may look like; the sections are `schema.ts`.
 */

import { FS_RIGHTS } from '../uapi/landlock.ts';
import type { Schema } from './schema-kinds.ts';
import { META_RIGHTS, verbNames } from './verbs.ts';

/** Text without NUL and without halves of surrogate pairs. */
export const TEXT = '^[^\\u0000\\ud800-\\udfff]+$';
export const text = { kind: 'string', pattern: TEXT, expects: 'text that is not empty' } as const;
export const flag = (doc: string) => ({ kind: 'boolean', doc }) as const;
export const oneOf = <const V extends readonly string[]>(values: V, doc: string) =>
  ({ kind: 'string', values, doc }) as const;
export const listOf = <const S extends Schema>(of: S, doc: string) => ({ kind: 'list', of, doc }) as const;
export const oneOrMore = <const S extends Schema>(of: S) =>
  ({ kind: 'union', of: [of, { kind: 'list', of, min: 1 }] }) as const;

const because = { ...text, doc: 'The reason, shown to who is denied and to who reads the policy' } as const;
const enforce = oneOf(
  ['any', 'kernel'],
  'Which enforcer may hold the rule: whichever can, or only the kernel',
);
const quiet = flag('A denial by this rule is not logged');
const annotations = { because, enforce, quiet } as const;

const pathKeys = {
  path: { ...oneOrMore(text), doc: 'One path or several: absolute, with variables, with globs' },
  missing: oneOf(
    ['required', 'optional', 'create'],
    'What a missing path means: an error, nothing, or a directory to make',
  ),
  optional: flag('Short for missing = "optional"'),
  exact: flag('Names only the object itself, not what is below it'),
  expand: flag('A deny below a grant may be held by granting the siblings that exist now'),
  ...annotations,
} as const;

const rightNames = [
  ...verbNames,
  ...(Object.keys(FS_RIGHTS) as (keyof typeof FS_RIGHTS)[]),
  ...(Object.keys(META_RIGHTS) as (keyof typeof META_RIGHTS)[]),
];
const narrowed = {
  ...listOf(
    oneOf(rightNames, 'A verb or a kernel right'),
    'The verbs or rights that the rule speaks about; all when absent',
  ),
  min: 1,
} as const;

const ruleOf = <const T extends Schema>(table: T) => ({ kind: 'union', of: [text, table] }) as const;
export const allowPath = ruleOf({ kind: 'table', keys: pathKeys, required: ['path'] } as const);
export const strictPath = ruleOf({
  kind: 'table',
  keys: { ...pathKeys, rights: narrowed },
  required: ['path'],
} as const);

const target = {
  ...oneOrMore(text),
  doc: 'One target or several, such as tcp:443 or tcp:api.example.com:443',
} as const;
export const allowTarget = ruleOf({
  kind: 'table',
  keys: { target, ...annotations },
  required: ['target'],
} as const);
const netNarrowed = {
  ...listOf(
    oneOf(['connect', 'listen'], 'A side of the connection'),
    'The sides that the rule speaks about; both when absent',
  ),
  min: 1,
} as const;
export const strictTarget = ruleOf({
  kind: 'table',
  keys: { target, rights: netNarrowed, ...annotations },
  required: ['target'],
} as const);

const socket = {
  ...oneOrMore(text),
  doc: 'One socket or several: a path, or @name for an abstract one',
} as const;
export const allowSocket = ruleOf({
  kind: 'table',
  keys: { path: socket, exact: pathKeys.exact, ...annotations },
  required: ['path'],
} as const);
export const strictSocket = ruleOf({
  kind: 'table',
  keys: { path: socket, exact: pathKeys.exact, rights: netNarrowed, ...annotations },
  required: ['path'],
} as const);
