/**
 * What a policy text may contain, as one table: it drives the checker, `landward policy schema` and the type of
 * `definePolicy`. A key that is not here does not exist.
 */

import { FS_RIGHTS, NET_RIGHTS, SCOPES } from '../uapi/landlock.ts';
import { FEATURES, type Feature } from './features.ts';
import type { Schema } from './schema-kinds.ts';
import { NET_SCHEMA } from './schema-net.ts';
import {
  allowPath,
  allowSocket,
  allowTarget,
  flag,
  listOf,
  oneOf,
  oneOrMore,
  strictPath,
  strictSocket,
  TEXT,
  text,
} from './schema-rules.ts';
import { VERBS, type Verb, verbNames } from './verbs.ts';

/** Keys named by a table, each with a schema made from its row. */
function keysFrom<const K extends string, const S extends Schema>(
  names: readonly K[],
  make: (name: K) => S,
): { readonly [Key in K]: S } {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as { readonly [Key in K]: S };
}

type After<P extends string, N> = N extends `${P}.${infer Rest}` ? Rest : never;
function namesAfter<const P extends string, N extends string>(prefix: P, names: readonly N[]): After<P, N>[] {
  return names.map((name) => name.slice(prefix.length + 1) as After<P, N>);
}

const fsNames = namesAfter('fs', Object.keys(FS_RIGHTS) as (keyof typeof FS_RIGHTS)[]);
const netNames = namesAfter('net', Object.keys(NET_RIGHTS) as (keyof typeof NET_RIGHTS)[]);
const scopeNames = namesAfter('scope', Object.keys(SCOPES) as (keyof typeof SCOPES)[]);

const allowOrDeny = (doc: string) => oneOf(['deny', 'allow'], doc);
const size = {
  kind: 'union',
  of: [
    { kind: 'integer', min: 0, max: Number.MAX_SAFE_INTEGER, doc: 'Bytes' },
    { kind: 'string', pattern: '^(0|[1-9][0-9]{0,8})([KMGT](iB)?)?$', expects: 'a size such as 512M or 4G' },
  ],
} as const;
const DURATION = '^[1-9][0-9]{0,8}(s|m|h|d)$';
const count = { kind: 'integer', min: 1, max: 2 ** 31 - 1 } as const;
const envPattern = {
  kind: 'string',
  pattern: '^[^\\u0000=\\ud800-\\udfff]+$',
  expects: 'the name of a variable, without =',
} as const;
const expectation = oneOrMore(text);

/** The schema of a policy text. */
export const POLICY_SCHEMA = {
  kind: 'table',
  doc: 'A landward policy',
  keys: {
    description: { ...text, doc: 'What this policy is for, in one line' },
    extends: listOf(text, 'Presets (@name) and files that this policy stands on, left to right'),
    programs: listOf(
      {
        kind: 'union',
        of: [
          text,
          {
            kind: 'table',
            required: ['file'],
            keys: {
              file: { ...text, doc: 'The object file, relative to this text' },
              inodes: {
                kind: 'map',
                key: '^[A-Za-z_][A-Za-z0-9_]*$',
                expects: 'the name of a map',
                of: oneOrMore(text),
                doc: 'Objects that are put into inode maps, by map',
              },
            },
          },
        ],
      },
      'Policy programs that are asked besides the rules (see docs/programs.md)',
    ),
    layer: oneOf(['grant', 'limit'], 'Whether this text may widen (grant) or only narrow (limit)'),
    mutable: oneOf(
      ['stricter', 'any'],
      'Whether this limit may change while programs run in it: only to give less, or both ways; never when absent',
    ),
    vars: {
      kind: 'map',
      key: '^[A-Za-z][A-Za-z0-9_]*$',
      expects: 'a letter, then letters, digits and underscores',
      of: {
        kind: 'union',
        of: [
          { kind: 'string', pattern: TEXT, expects: 'text that is not empty' },
          { kind: 'list', of: text, min: 1 },
        ],
      },
      doc: 'Own variables; a list multiplies the rules that use it',
    },
    fs: {
      kind: 'table',
      doc: 'Files and directories: what is not allowed is denied',
      keys: {
        ...keysFrom(verbNames, (verb: Verb) => listOf(allowPath, VERBS[verb].doc)),
        deny: listOf(strictPath, 'Denied, also inside allowed trees'),
        hide: listOf(strictPath, 'Denied, and looks absent'),
        ask: listOf(strictPath, 'A person or a program answers'),
      },
    },
    net: NET_SCHEMA,
    unix: {
      kind: 'table',
      doc: 'UNIX sockets: what is not allowed is denied',
      keys: {
        connect: listOf(allowSocket, 'Connect and send to a socket'),
        listen: listOf(allowSocket, 'Bind a socket'),
        deny: listOf(strictSocket, 'Denied, also where a wider rule allows'),
        ask: listOf(strictSocket, 'A person or a program answers'),
      },
    },
    process: {
      kind: 'table',
      doc: 'Processes and the kernel interfaces that Landlock does not know',
      keys: {
        signal: oneOf(['domain', 'any'], 'Which processes may be signalled'),
        abstract: oneOf(['domain', 'any'], 'Whose abstract UNIX sockets may be reached'),
        io_uring: allowOrDeny('io_uring, which bypasses filters'),
        ptrace: allowOrDeny('Debugging inside the domain'),
        namespaces: allowOrDeny('New namespaces and mounts'),
        terminal_injection: allowOrDeny('Putting characters into the input of the terminal'),
        syscalls: listOf(
          { kind: 'string', pattern: '^[a-z_][a-z0-9_]*$', expects: 'the name of a system call' },
          'Further system calls to refuse',
        ),
        keep_fds: listOf({ kind: 'integer', min: 3, max: 65535 }, 'Descriptors that stay open'),
      },
    },
    env: {
      kind: 'table',
      doc: 'The variables that the program sees',
      keys: {
        pass: listOf(envPattern, 'Names or globs that pass; all when absent'),
        scrub: listOf(envPattern, 'Names or globs that do not pass'),
        set: {
          kind: 'map',
          key: '^[^\\u0000=\\ud800-\\udfff]+$',
          expects: 'the name of a variable, without =',
          of: { kind: 'string', pattern: '^[^\\u0000\\ud800-\\udfff]*$', expects: 'text' },
          doc: 'Variables with their values',
        },
      },
    },
    limits: {
      kind: 'table',
      doc: 'Resources',
      keys: {
        procs: { ...count, doc: 'Processes and threads' },
        memory: { ...size, doc: 'Memory' },
        cpu: {
          kind: 'string',
          pattern: DURATION,
          expects: 'a duration such as 30s or 10m',
          doc: 'CPU time of a process',
        },
        files: { ...count, doc: 'Open files of a process' },
        file_size: { ...size, doc: 'Size of a written file' },
        core: { ...size, doc: 'Size of a core dump' },
        time: {
          kind: 'string',
          pattern: '^[1-9][0-9]{0,8}(ms|s|m|h|d)$',
          expects: 'a duration such as 500ms or 15m',
          doc: 'Time until the program is ended',
        },
      },
    },
    require: {
      kind: 'table',
      doc: 'What must be enforced',
      keys: {
        abi: { kind: 'integer', min: 1, max: 1000, doc: 'The lowest Landlock ABI' },
        degrade: listOf(
          oneOf(Object.keys(FEATURES) as Feature[], 'The name of a gap'),
          'Gaps that are accepted, by name',
        ),
      },
    },
    log: {
      kind: 'table',
      doc: 'Which denials the kernel logs',
      keys: {
        same_exec: flag('Of the program that was started, until it executes another'),
        new_exec: flag('Of programs that are executed later'),
        subdomains: flag('Of domains that the program makes itself'),
      },
    },
    kernel: {
      kind: 'table',
      doc: 'Raw kernel rights, by their own names',
      keys: {
        fs: { kind: 'table', keys: keysFrom(fsNames, () => listOf(allowPath, 'Paths that get this right')) },
        net: {
          kind: 'table',
          keys: keysFrom(netNames, () =>
            listOf(allowTarget, 'Ports that get this right, such as 443 or 1000-2000'),
          ),
        },
        scope: {
          kind: 'table',
          keys: keysFrom(scopeNames, () => oneOf(['domain', 'any'], 'Whether the scope is on (domain)')),
        },
      },
    },
    test: listOf(
      {
        kind: 'table',
        keys: { allow: expectation, deny: expectation, hide: expectation, ask: expectation },
      },
      'Expectations, such as deny = "read ~/.ssh/id_ed25519"',
    ),
  },
} as const satisfies Schema;
