/**
 * One denial in the formats of the kernel: the record that Linux writes since 6.15 (`audit`), and the line of the proposal
 * of 2023 (`2023`). Owns the way from an event back to a record; how records are written is `model/records`.
 *
 * Strings are written as audit writes them (quoted, or in hexadecimal), so that no name can end a field or begin a line.
 */

import type { DenialEvent, DenialObject } from '../model/denial.ts';
import {
  type AccessRecord,
  type Actor,
  type Line2023,
  type NetFields,
  OPERATIONS_2023,
  type Operation2023,
  type RecordObject,
  renderAuditLine,
  renderLine2023,
} from '../model/records/index.ts';
import { FS_RIGHTS, type FsRight } from '../uapi/landlock.ts';

/** The formats that events can be rendered in. */
export const RECORD_FORMATS = ['2023', 'audit'] as const;
export type RecordFormat = (typeof RECORD_FORMATS)[number];

/** A line, or why the format has none for this event. */
export type Rendered =
  | { readonly ok: true; readonly line: string }
  | { readonly ok: false; readonly reason: string };

const RIGHT = /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)?$/;
/** Records write addresses as they are, so that nothing else may pass for one. */
const ADDRESS = /^[0-9a-f:.]{2,45}$/;

/**
 * Renders an event.
 *
 * @param format `audit` for what the kernel's audit writes, `2023` for the proposal's line
 * @returns one line without its newline; the proposal knows no network, no scopes and no domains of user space
 * @example renderEvent(event, 'audit') // { ok: true, line: 'type=LANDLOCK_ACCESS msg=audit(…): domain=… blockers=…' }
 */
export function renderEvent(event: DenialEvent, format: RecordFormat): Rendered {
  if (event.domain?.kind !== 'kernel')
    return { ok: false, reason: 'records name a domain of the kernel, and this denial has none' };
  if (!event.missing.every((right) => RIGHT.test(right)))
    return { ok: false, reason: 'what was missing has no name that a record can hold' };
  return format === 'audit' ? auditOf(event, event.domain.id) : lineOf(event, event.domain.id);
}

function auditOf(event: DenialEvent, domain: bigint): Rendered {
  if (event.missing.length === 0) return { ok: false, reason: 'a record names what was missing' };
  const milliseconds = Math.max(0, Math.floor(event.time));
  const record: AccessRecord = {
    type: 'access',
    stamp: {
      seconds: Math.floor(milliseconds / 1000),
      milliseconds: milliseconds % 1000,
      serial: event.serial ?? 0,
    },
    domain,
    blockers: event.missing,
    object: objectOf(event.object, event.missing),
  };
  return { ok: true, line: renderAuditLine(record) };
}

function objectOf(object: DenialObject, missing: readonly string[]): RecordObject {
  switch (object.kind) {
    case 'path': {
      const { path, dev, ino, ioctl } = object;
      const file = dev === undefined || ino === undefined ? {} : { file: { dev, ino } };
      return { kind: 'path', path, ...file, ...(ioctl === undefined ? {} : { ioctl }) };
    }
    case 'mount': {
      const { name, dev, ino } = object;
      return {
        kind: 'mount',
        name,
        ...(dev === undefined || ino === undefined ? {} : { file: { dev, ino } }),
      };
    }
    case 'task':
      return { kind: 'task', pid: object.pid, comm: object.comm };
    case 'unix':
      return object.abstract === undefined
        ? { kind: 'path', path: object.path ?? '' }
        : { kind: 'abstract', name: object.abstract };
    case 'net':
      return { kind: 'net', fields: netOf(object, missing) };
    case 'none':
      return { kind: 'none' };
  }
}

function netOf(
  { address, port }: Extract<DenialObject, { kind: 'net' }>,
  missing: readonly string[],
): NetFields {
  const binds = missing.some((right) => right.startsWith('net.bind_'));
  const known = address !== undefined && ADDRESS.test(address);
  return binds
    ? { ...(known ? { saddr: address } : {}), ...(port ? { src: port } : {}) }
    : { ...(known ? { daddr: address } : {}), ...(port ? { dest: port } : {}) };
}

/** What the proposal calls the calls of today. */
const OPERATIONS: Readonly<Record<string, Operation2023>> = {
  openat: 'open',
  openat2: 'open',
  creat: 'open',
  execve: 'open',
  execveat: 'open',
  mkdirat: 'mkdir',
  mknodat: 'mknod',
  symlinkat: 'symlink',
  unlinkat: 'unlink',
  ftruncate: 'truncate',
  renameat: 'rename',
  renameat2: 'rename',
  linkat: 'link',
  umount2: 'umount',
};

function lineOf(event: DenialEvent, domain: bigint): Rendered {
  const foreign = event.missing.find((right) => right.startsWith('net.') || right.startsWith('scope.'));
  if (foreign !== undefined) return { ok: false, reason: `the proposal of 2023 has no ${foreign}` };
  const operation = operationOf(event);
  if (operation === undefined)
    return { ok: false, reason: 'the proposal of 2023 names the call, and it is not known' };
  if (event.process === undefined)
    return { ok: false, reason: 'the proposal of 2023 names the thread, and it is not known' };
  const missingFs = event.missing.filter((right): right is FsRight => Object.hasOwn(FS_RIGHTS, right));
  const permission = event.missing.find((right) => right === 'fs.change_topology' || right === 'ptrace');
  if (missingFs.length + (permission === undefined ? 0 : 1) !== event.missing.length)
    return { ok: false, reason: 'the proposal of 2023 lacks one of the rights' };
  const actor: Actor = { tid: event.process.tid ?? event.process.pid, comm: event.process.comm ?? '' };
  const line: Line2023 = {
    op: operation,
    ...actor,
    domain,
    errno: event.errno ?? 0,
    missingFs,
    missingPermission: permission === undefined ? null : (permission as 'fs.change_topology' | 'ptrace'),
    object: objectOf(event.object, event.missing),
  };
  return { ok: true, line: renderLine2023(line) };
}

function operationOf({ operation, missing, object }: DenialEvent): Operation2023 | undefined {
  if (operation === undefined) return undefined;
  if (operation === 'unlinkat' && missing.includes('fs.remove_dir')) return 'rmdir';
  if (operation === 'ptrace' && object.kind === 'task') return 'ptrace';
  const name = Object.hasOwn(OPERATIONS, operation) ? OPERATIONS[operation]! : operation;
  return OPERATIONS_2023.find((known) => known === name);
}
