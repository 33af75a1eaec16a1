/**
 * A denial in one line for people, and the key under which like denials are counted together.
 *
 * Owns no explanation: which rule, which line and what to change is told elsewhere. Everything foreign is escaped.
 */

import type { DenialEvent, DenialObject, DenialProcess } from '../model/denial.ts';
import { escapeText, quote } from '../model/escape.ts';
import { errnoName } from '../uapi/errno.ts';

/**
 * The key of like denials: the same program was refused the same rights on the same object. Time, process numbers, the
 * domain and the teller are left out, so that a denial that two tellers saw, or that a loop repeats, has one key.
 *
 * @example groupKey(event) // '["denied",["fs.read_file"],["path","/etc/shadow"],"/usr/bin/cat"]'
 */
export function groupKey(event: DenialEvent): string {
  const { side, made, program } = event;
  return JSON.stringify([
    event.effect,
    [...event.missing].sort(),
    objectKey(event.object),
    programOf(event),
    ...(side === undefined ? [] : [side, made ?? null]),
    ...(program === undefined ? [] : ['program', program]),
  ]);
}

function objectKey(object: DenialObject): readonly (string | number | null)[] {
  switch (object.kind) {
    case 'path':
      return ['path', object.path, ...(object.to === undefined ? [] : [object.to])];
    case 'net':
      return ['net', object.protocol ?? null, object.name ?? object.address ?? null, object.port ?? null];
    case 'unix':
      return object.path === undefined ? ['abstract', object.abstract ?? null] : ['unix', object.path];
    case 'task':
      return ['task', object.comm];
    case 'mount':
      return ['mount', object.name, object.dev ?? null];
    case 'none':
      return [];
  }
}

/** What ran: the program's file, else its name; the enforcer's where only that is known; `null` where nothing is. */
export function programOf(event: DenialEvent): string | null {
  const { process, enforcer } = event;
  return process?.exe ?? process?.comm ?? enforcer?.exe ?? enforcer?.comm ?? null;
}

const WORDS = { denied: 'was denied', hidden: 'was not shown', observed: 'would be denied' } as const;

/**
 * One line for a person, safe for a terminal and a log.
 *
 * @example describeEvent(event) // 'cat[4711] was denied fs.read_file on "/etc/shadow" (openat: EACCES)'
 */
export function describeEvent(event: DenialEvent): string {
  const { operation, errno } = event;
  const how = [operation, errno === undefined ? undefined : errnoName(errno)].filter(
    (word) => word !== undefined,
  );
  const what = event.missing.map(escapeText).join(', ');
  return [
    subject(event),
    WORDS[event.effect],
    what === '' ? 'something' : what,
    describeObject(event.object),
    how.length === 0 ? '' : `(${escapeText(how.join(': '))})`,
  ]
    .filter((word) => word !== '')
    .join(' ');
}

function subject({ process, enforcer, domain }: DenialEvent): string {
  if (process !== undefined) return nameOf(process);
  if (enforcer !== undefined) return `a process below ${nameOf(enforcer)}`;
  return domain === undefined
    ? 'a process'
    : `a process of domain ${domain.kind === 'kernel' ? domain.id.toString(16) : escapeText(domain.id)}`;
}

function nameOf({ pid, comm, exe }: DenialProcess): string {
  return `${escapeText(comm ?? exe?.slice(exe.lastIndexOf('/') + 1) ?? 'process')}[${pid}]`;
}

/** The object of a denial with its preposition, escaped: `on "/etc/shadow"`, `to 10.0.0.1 port 443`; empty for none. */
export function describeObject(object: DenialObject): string {
  switch (object.kind) {
    case 'path':
      return object.to === undefined
        ? `on ${quote(object.path)}`
        : `from ${quote(object.path)} to ${quote(object.to)}`;
    case 'net': {
      const host = object.name ?? object.address;
      const port = object.port === undefined ? [] : [`port ${object.port}`];
      const words = [...(host === undefined ? [] : [escapeText(host)]), ...port].join(' ');
      return words === '' ? '' : `for ${words}`;
    }
    case 'unix':
      return object.path === undefined
        ? object.abstract === undefined
          ? ''
          : `on the abstract socket ${quote(object.abstract)}`
        : `on the socket ${quote(object.path)}`;
    case 'task':
      return `on process ${object.pid} ${quote(object.comm)}`;
    case 'mount':
      return `on the mount of ${quote(object.dev ?? object.name)}`;
    case 'none':
      return '';
  }
}
