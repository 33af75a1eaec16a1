/**
 * What a denial asked, as a request to the model. Owns the translation; a denial that no rule can speak of has none.
 *
 * The kernel records the directory for what is made or removed in it, the supervisor the entry itself. For the former the
 * request is about an entry of any name.
 */

import type { DenialEvent } from '../../model/denial.ts';
import { isNormal } from '../../model/paths.ts';
import type { MetaRight, Request } from '../../model/rules.ts';
import {
  FS_RIGHTS,
  type FsRight,
  NET_RIGHTS,
  type NetRight,
  SCOPES,
  type Scope,
} from '../../uapi/landlock.ts';

/** Stands for the name of an entry that the teller did not say. */
export const ANY_NAME = '\u2026';

/** The request of a denial, or `null` where policies have no word for it (ptrace, mounts, rights newer than landward). */
export function requestOf(event: DenialEvent): Request | null {
  const { object, missing } = event;
  switch (object.kind) {
    case 'path': {
      if (object.to !== undefined) return referRequest(event, object.path, object.to);
      const rights = missing.filter(isPathRight);
      if (rights.length === 0 || rights.length < missing.length || !isNormal(object.path)) return null;
      const directory = object.directory === undefined ? {} : { directory: object.directory };
      const path =
        event.source !== 'supervisor' && rights.some(isEntryRight) ? below(object.path) : object.path;
      return { kind: 'path', path, rights, ...directory };
    }
    case 'net': {
      const right = missing.find((name): name is NetRight => Object.hasOwn(NET_RIGHTS, name));
      if (right === undefined) return null;
      const { port } = object;
      if (port === undefined) return lookupRequest(right, object);
      return {
        kind: 'net',
        right,
        port,
        ...(object.address === undefined ? {} : { address: object.address }),
        ...(object.name === undefined ? {} : { name: object.name }),
      };
    }
    case 'unix': {
      const operation = missing.includes('unix.bind') ? 'bind' : 'connect';
      if (object.path !== undefined)
        return isNormal(object.path) ? { kind: 'unix', operation, path: object.path } : null;
      return object.abstract === undefined ? null : { kind: 'unix', operation, abstract: object.abstract };
    }
    case 'task': {
      const scope = missing.find((name): name is Scope => Object.hasOwn(SCOPES, name));
      return scope === undefined ? null : { kind: 'scope', scope };
    }
    default:
      return null;
  }
}

/** Stands for the port of a host that a program has only looked up. */
export const LOOKUP_PORT = 443;

/** A name that was looked up in vain: no rule reaches it at any port, or none the address that it was given. */
function lookupRequest(
  right: NetRight,
  { address, name }: { readonly address?: string; readonly name?: string },
): Request | null {
  const base = { kind: 'net', right, port: LOOKUP_PORT } as const;
  if (address !== undefined) return { ...base, address };
  return name === undefined ? null : { ...base, name };
}

function referRequest(event: DenialEvent, from: string, to: string): Request | null {
  if (!isNormal(from) || !isNormal(to)) return null;
  const operation = event.operation?.startsWith('link') ? 'link' : 'rename';
  const { object } = event;
  const directory =
    object.kind === 'path' && object.directory !== undefined ? { directory: object.directory } : {};
  return { kind: 'refer', from, to, operation, ...directory };
}

function below(directory: string): string {
  return directory === '/' ? `/${ANY_NAME}` : `${directory}/${ANY_NAME}`;
}

function isPathRight(name: string): name is FsRight | MetaRight {
  return Object.hasOwn(FS_RIGHTS, name) || name.startsWith('meta.');
}

/** Whether a right is over an entry of a directory. */
export function isEntryRight(right: string): boolean {
  return right.startsWith('fs.make_') || right.startsWith('fs.remove_') || right === 'fs.refer';
}
