/**
 * Questions in words, such as `read ~/.ssh/id` or `connect tcp:api.example.com:443`, as requests to the model.
 *
 * The one reader for `[[test]]` and `landward why`. It answers nothing itself.
 */

import type { MetaRight, Request } from '../model/rules.ts';
import { FS_RIGHTS, type FsRight, NET_RIGHTS, type NetRight, SCOPES, type Scope } from '../uapi/landlock.ts';
import { expand, isRefusal, type Lookup, type Refusal } from './expand.ts';
import { readTarget } from './net-text.ts';
import { pathPattern } from './path-text.ts';
import { didYouMean } from './problems.ts';
import { META_RIGHTS } from './verbs.ts';

/** What an operation asks of a file and of a directory. */
interface OperationRow {
  readonly file: readonly (FsRight | MetaRight)[];
  readonly directory: readonly (FsRight | MetaRight)[];
  readonly doc: string;
}

const same = (rights: readonly (FsRight | MetaRight)[], doc: string): OperationRow => ({
  file: rights,
  directory: rights,
  doc,
});

/** Operations on one path; a path that ends in a slash is a directory. */
export const PATH_OPERATIONS = {
  read: { file: ['fs.read_file'], directory: ['fs.read_dir'], doc: 'Read a file, list a directory' },
  list: same(['fs.read_dir'], 'List a directory'),
  write: same(['fs.write_file', 'fs.truncate'], 'Write to a file and truncate it'),
  exec: same(['fs.execute'], 'Run a program'),
  create: { file: ['fs.make_reg'], directory: ['fs.make_dir'], doc: 'Make a file or a directory' },
  delete: { file: ['fs.remove_file'], directory: ['fs.remove_dir'], doc: 'Remove a file or a directory' },
  truncate: same(['fs.truncate'], 'Truncate a file'),
  ioctl: same(['fs.ioctl_dev'], 'Control a device'),
  stat: same(['meta.stat'], 'See that a path exists'),
  chmod: same(['meta.write'], 'Change mode, owner, times or attributes'),
} as const satisfies Record<string, OperationRow>;

const TWO_PATHS = ['rename', 'link', 'exchange'] as const;
const SOCKET_OPERATIONS = ['connect', 'listen'] as const;
const OPERATIONS = [...Object.keys(PATH_OPERATIONS), ...TWO_PATHS, ...SOCKET_OPERATIONS, 'signal'];

/**
 * Reads a question.
 *
 * @param text an operation and what it is about: `read PATH`, `rename A -> B`, `connect tcp:host:port`,
 *   `connect /path`, `connect @name`, `signal`, or rights and their object, such as `fs.make_sock /run/x`
 * @param lookup variables; each must have one value
 * @example
 * readQuestion('read ~/.ssh/id_ed25519', systemScope(variables).lookup);
 */
export function readQuestion(text: string, lookup: Lookup): Request | Refusal {
  const match = /^\s*(\S+)(?:\s+([\s\S]*?))?\s*$/.exec(text);
  if (match === null)
    return { refused: 'A question names an operation', fix: `Use one of ${OPERATIONS.join(', ')}` };
  const operation = match[1]!;
  const object = match[2] ?? '';
  if (operation === 'signal') return scopeRequest('scope.signal', object);
  if (Object.hasOwn(SCOPES, operation)) return scopeRequest(operation as Scope, object);
  if (object === '')
    return isKnown(operation)
      ? { refused: `The question '${text}' names no object`, fix: `Write what to ${operation}` }
      : unknown(operation);
  if (Object.hasOwn(PATH_OPERATIONS, operation)) {
    const row: OperationRow = PATH_OPERATIONS[operation as keyof typeof PATH_OPERATIONS];
    if (operation === 'write' && object.endsWith('/')) {
      return { refused: `A file is written, '${object}' is a directory`, fix: `Write ${object}file` };
    }
    return pathRequest(object, lookup, (directory) => (directory ? row.directory : row.file));
  }
  const rights = operation.split(',');
  if (rights.every((right) => Object.hasOwn(FS_RIGHTS, right) || Object.hasOwn(META_RIGHTS, right))) {
    return pathRequest(object, lookup, () => rights as (FsRight | MetaRight)[]);
  }
  if (isOneOf(TWO_PATHS, operation)) return referRequest(operation, object, lookup);
  if (isOneOf(SOCKET_OPERATIONS, operation)) return socketRequest(operation, object, lookup);
  if (Object.hasOwn(NET_RIGHTS, operation))
    return netRequest(
      `${operation.endsWith('_udp') ? 'udp' : 'tcp'}:${object}`,
      lookup,
      operation as NetRight,
    );
  return unknown(operation);
}

function isOneOf<const T extends readonly string[]>(values: T, value: string): value is T[number] {
  return values.includes(value);
}

function isKnown(operation: string): boolean {
  return (
    OPERATIONS.includes(operation) ||
    Object.hasOwn(FS_RIGHTS, operation) ||
    Object.hasOwn(NET_RIGHTS, operation) ||
    Object.hasOwn(META_RIGHTS, operation)
  );
}

function unknown(operation: string): Refusal {
  const meant = didYouMean(operation, OPERATIONS);
  return {
    refused: `There is no operation '${operation}'`,
    fix:
      meant === undefined
        ? `Use one of ${OPERATIONS.join(', ')}, or the name of a right`
        : `Did you mean '${meant}'?`,
  };
}

function scopeRequest(scope: Scope, object: string): Request | Refusal {
  return object === ''
    ? { kind: 'scope', scope }
    : { refused: `A question about ${scope} names no object, this one names '${object}'` };
}

/** One absolute path without globs. */
function onePath(
  text: string,
  lookup: Lookup,
): { readonly path: string; readonly directory: boolean } | Refusal {
  const results = expand(text, lookup);
  if (isRefusal(results)) return results;
  if (results.length !== 1)
    return { refused: `A question is about one path, '${text}' is ${results.length}` };
  const pattern = pathPattern(results[0]!, false);
  if (isRefusal(pattern)) return pattern;
  if (pattern.kind === 'glob')
    return {
      refused: `A question is about one path, '${text}' is a glob`,
      fix: 'Write a path, or a backslash before a character that is meant literally',
    };
  return { path: pattern.path, directory: text.endsWith('/') && pattern.path !== '/' };
}

function pathRequest(
  text: string,
  lookup: Lookup,
  rights: (directory: boolean) => readonly (FsRight | MetaRight)[],
): Request | Refusal {
  const found = onePath(text, lookup);
  if (isRefusal(found)) return found;
  return {
    kind: 'path',
    path: found.path,
    rights: rights(found.directory),
    ...(found.directory ? { directory: true } : {}),
  };
}

function referRequest(
  operation: (typeof TWO_PATHS)[number],
  text: string,
  lookup: Lookup,
): Request | Refusal {
  const ends = text.split(/\s+->\s+/);
  if (ends.length !== 2)
    return {
      refused: `The operation '${operation}' has two paths, '${text}' has not`,
      fix: `Write ${operation} /from -> /to`,
    };
  const from = onePath(ends[0]!, lookup);
  const to = onePath(ends[1]!, lookup);
  if (isRefusal(from)) return from;
  if (isRefusal(to)) return to;
  return {
    kind: 'refer',
    operation,
    from: from.path,
    to: to.path,
    ...(from.directory || to.directory ? { directory: true } : {}),
  };
}

function socketRequest(
  operation: (typeof SOCKET_OPERATIONS)[number],
  text: string,
  lookup: Lookup,
): Request | Refusal {
  const unix = operation === 'connect' ? 'connect' : 'bind';
  if (text.startsWith('@'))
    return text.length === 1
      ? { refused: 'The name of an abstract socket is missing' }
      : { kind: 'unix', operation: unix, abstract: text.slice(1) };
  if (/^[/~]/.test(text) || (text.startsWith('$') && !/:\d/.test(text))) {
    const found = onePath(text, lookup);
    return isRefusal(found) ? found : { kind: 'unix', operation: unix, path: found.path };
  }
  return netRequest(text, lookup, operation);
}

function netRequest(text: string, lookup: Lookup, asked: 'connect' | 'listen' | NetRight): Request | Refusal {
  const results = expand(text, lookup);
  if (isRefusal(results)) return results;
  if (results.length !== 1)
    return { refused: `A question is about one target, '${text}' is ${results.length}` };
  const target = readTarget(results[0]!.map((piece) => piece.text).join(''));
  if (isRefusal(target)) return target;
  const { protocol, host, ports } = target;
  if (protocol === null)
    return { refused: `A question names its protocol, '${text}' does not`, fix: `Write tcp:${text}` };
  if (ports.first !== ports.last)
    return { refused: `A question is about one port, '${text}' is about several` };
  const right: NetRight =
    asked === 'connect'
      ? protocol === 'tcp'
        ? 'net.connect_tcp'
        : 'net.connect_send_udp'
      : asked === 'listen'
        ? protocol === 'tcp'
          ? 'net.bind_tcp'
          : 'net.bind_udp'
        : asked;
  const request = { kind: 'net', right, port: ports.first } as const;
  if (host.kind === 'any') return request;
  if (host.kind === 'name' && !host.name.startsWith('*.')) return { ...request, name: host.name };
  if (host.kind === 'cidr' && host.prefix === (host.family === 4 ? 32 : 128))
    return { ...request, address: host.address };
  return {
    refused: `A question is about one host, '${text}' is about several`,
    fix: 'Write a name or an address',
  };
}
