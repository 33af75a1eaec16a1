/**
 * The line format that the first proposal of Landlock's audit (2023) described: rulesets and domains numbered from one
 * counter, one line for each ruleset, restriction, denial and release. Rendered from and read back to the same records.
 *
 * Its words differ from today's: rights without `fs.`, `fs_layout` for `fs.change_topology`.
 */

import type { FsRight } from '../../uapi/landlock.ts';
import { fsMask, fsRights } from '../../uapi/masks.ts';
import { readObject, renderObject } from './audit.ts';
import { FieldReader, splitFields, untrusted } from './fields.ts';
import type { Parsed, RecordObject } from './record.ts';

/** The thread that did something. */
export interface Actor {
  readonly tid: number;
  readonly comm: string;
}

export const OPERATIONS_2023 = [
  'open',
  'mkdir',
  'mknod',
  'symlink',
  'unlink',
  'rmdir',
  'truncate',
  'mount',
  'move_mount',
  'umount',
  'remount',
  'pivot_root',
  'ptrace',
  'ptrace_traceme',
  // The proposal left these out; a complete log has them.
  'link',
  'rename',
  'ioctl',
] as const;

export type Operation2023 = (typeof OPERATIONS_2023)[number];

/** One line. Numbers count from 1; domain 0 is none. */
export type Line2023 =
  | ({
      readonly op: 'create-ruleset';
      readonly ruleset: bigint;
      readonly handledFs: readonly FsRight[];
    } & Actor)
  /** The proposal left rule additions out; a complete log has them. */
  | ({
      readonly op: 'add-rule';
      readonly ruleset: bigint;
      readonly allowedFs: readonly FsRight[];
      readonly object: RecordObject;
    } & Actor)
  | ({
      readonly op: 'restrict-self';
      readonly domain: bigint;
      readonly ruleset: bigint;
      readonly parent: bigint;
    } & Actor)
  | { readonly op: 'release-ruleset'; readonly ruleset: bigint }
  | { readonly op: 'release-domain'; readonly domain: bigint }
  | ({
      readonly op: Operation2023;
      readonly domain: bigint;
      readonly errno: number;
      readonly missingFs: readonly FsRight[];
      /** `fs.change_topology` reads `fs_layout` in a line. */
      readonly missingPermission: 'fs.change_topology' | 'ptrace' | null;
      readonly object: RecordObject;
    } & Actor);

const KNOWN = new Set<string>(fsRights(0x1ffff).map((right) => right.slice(3)));
const short = (rights: readonly FsRight[]) =>
  fsRights(fsMask(...rights))
    .map((right) => right.slice(3))
    .join(',');

/**
 * Renders a line.
 *
 * @example renderLine2023({ op: 'release-domain', domain: 2n }) // 'op=release-domain domain=2'
 */
export function renderLine2023(line: Line2023): string {
  const actor = 'tid' in line ? `tid=${line.tid} comm=${untrusted(line.comm)} ` : '';
  switch (line.op) {
    case 'create-ruleset':
      return `${actor}op=create-ruleset ruleset=${line.ruleset} handled_access_fs=${short(line.handledFs)}`;
    case 'add-rule':
      return `${actor}op=add-rule ruleset=${line.ruleset} allowed_access_fs=${short(line.allowedFs)}${renderObject(line.object)}`;
    case 'restrict-self':
      return `${actor}op=restrict-self domain=${line.domain} ruleset=${line.ruleset} parent=${line.parent}`;
    case 'release-ruleset':
      return `op=release-ruleset ruleset=${line.ruleset}`;
    case 'release-domain':
      return `op=release-domain domain=${line.domain}`;
    default: {
      const permission =
        line.missingPermission === 'fs.change_topology' ? 'fs_layout' : (line.missingPermission ?? '');
      const missing = `missing-fs-accesses=${short(line.missingFs)} missing-permission=${permission}`;
      return `${actor}domain=${line.domain} op=${line.op} errno=${line.errno} ${missing}${renderObject(line.object)}`;
    }
  }
}

/** Reads a line, with or without the prefix `landlock: `. */
export function parseLine2023(text: string): Parsed<Line2023> {
  const fields = splitFields(text.replace(/\r?\n$/, '').replace(/^landlock: /, ''));
  if (fields === null) return { ok: false, reason: 'not a list of fields' };
  const reader = new FieldReader(fields);
  const line = readLine(reader);
  if (reader.reason !== null) return { ok: false, reason: reader.reason };
  if (line === null) return { ok: false, reason: 'field op names no operation' };
  const [stray] = reader.rest();
  return stray === undefined
    ? { ok: true, value: line }
    : { ok: false, reason: `field ${stray.key} is not of this line` };
}

function readLine(reader: FieldReader): Line2023 | null {
  const op = reader.raw('op');
  if (op === 'release-ruleset') return { op, ruleset: reader.wide('ruleset', 10) };
  if (op === 'release-domain') return { op, domain: reader.wide('domain', 10) };
  const actor: Actor = { tid: reader.decimal('tid'), comm: reader.untrusted('comm') };
  switch (op) {
    case 'create-ruleset':
      return {
        op,
        ...actor,
        ruleset: reader.wide('ruleset', 10),
        handledFs: readRights(reader, 'handled_access_fs'),
      };
    case 'add-rule': {
      const ruleset = reader.wide('ruleset', 10);
      const allowedFs = readRights(reader, 'allowed_access_fs');
      return { op, ...actor, ruleset, allowedFs, object: readObject(reader, []) };
    }
    case 'restrict-self': {
      const domain = reader.wide('domain', 10);
      return { op, ...actor, domain, ruleset: reader.wide('ruleset', 10), parent: reader.wide('parent', 10) };
    }
  }
  const operation = OPERATIONS_2023.find((known) => known === op);
  if (operation === undefined) return null;
  const domain = reader.wide('domain', 10);
  const errno = reader.decimal('errno', 4095);
  const missingFs = readRights(reader, 'missing-fs-accesses');
  const permission = reader.raw('missing-permission');
  if (!['', 'fs_layout', 'ptrace'].includes(permission)) {
    reader.reason ??= 'field missing-permission names no permission';
  }
  const missingPermission =
    permission === 'fs_layout' ? 'fs.change_topology' : permission === 'ptrace' ? 'ptrace' : null;
  return {
    op: operation,
    ...actor,
    domain,
    errno,
    missingFs,
    missingPermission,
    object: readObject(reader, []),
  };
}

function readRights(reader: FieldReader, key: string): FsRight[] {
  const raw = reader.raw(key);
  const names = raw === '' ? [] : raw.split(',');
  if (!names.every((name) => KNOWN.has(name))) {
    reader.reason ??= `field ${key} names no right`;
    return [];
  }
  return names.map((name) => `fs.${name}` as FsRight);
}
