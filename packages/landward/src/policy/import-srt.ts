/**
 * Settings of `@anthropic-ai/sandbox-runtime` as landward policies, with a report of every difference.
 *
 * Reads a file that people have; runs nothing of that package. Denials that win over every permission there become
 * limits, where the more specific permission cannot open them. What has no counterpart is named, never dropped silently.
 */

import type { PolicyDefinition } from './define.ts';
import { isRefusal } from './expand.ts';
import { DEVICES, GUARDED, OWN_WRITES, SRT_NOTES, STARTUP_FILES } from './import-srt-notes.ts';
import { SrtReader } from './import-srt-reader.ts';
import { readTarget } from './net-text.ts';
import { problems as collectProblems } from './problems.ts';
import { readText } from './read.ts';
import { booleanAt, type TableNode, tableAt } from './tree.ts';

export interface SrtImport {
  /** What is allowed, with the denials of reading, where the more specific entry wins there too. */
  readonly grant: PolicyDefinition;
  /** What is denied whatever is allowed. Give the grant and the limits to `resolvePolicy`, in this order. */
  readonly limits: readonly PolicyDefinition[];
  /** What differs, one sentence each: keys without counterpart first, then semantics. */
  readonly differences: readonly string[];
}

const KNOWN = {
  network: [
    ...['allowedDomains', 'deniedDomains', 'deniedDomainReasons', 'deniedResolvedAddresses'],
    ...['allowUnixSockets', 'allowAllUnixSockets', 'allowLocalBinding', 'strictAllowlist'],
  ],
  filesystem: ['denyRead', 'allowRead', 'allowWrite', 'denyWrite', 'allowGitConfig', 'disabled'],
} as const;

const EVERYTHING = { read: ['/'], exec: ['/'], write: ['/'], device: ['/'] } as const;
const CONNECT = { rights: ['connect'] } as const;
const optional = (path: string) => ({ path, optional: true }) as const;

/**
 * Converts settings.
 *
 * @param file the name that messages show
 * @param input the JSON text
 * @throws LandwardError or PolicyErrors for a text that is no such settings file, or has a denial that cannot be held
 * @example
 * const { grant, limits, differences } = await importSrt('settings.json', bytes);
 */
export async function importSrt(file: string, input: Uint8Array | string): Promise<SrtImport> {
  const problems = collectProblems();
  const { source, tree } = await readText(file, input, 'json');
  problems.know(source);
  const reader = new SrtReader(problems);
  for (const { key, keyPlace, value } of tree.entries) {
    if (key !== 'network' && key !== 'filesystem') reader.noCounterpart(key, keyPlace.at.line);
    else if (value.kind !== 'table') problems.add(value, `The key '${key}' is a table`);
    else reader.unknown(value, `${key}.`, KNOWN[key]);
  }
  const filesystem = tableAt(tree, 'filesystem');
  const network = tableAt(tree, 'network');
  const grant: PolicyDefinition = {
    description: 'Imported from sandbox-runtime settings: what is allowed',
    fs: grantedPaths(reader, filesystem),
    ...grantedTargets(reader, network),
  };
  const denials: PolicyDefinition = {
    description: 'Imported from sandbox-runtime settings: denials that win over every permission',
    layer: 'limit',
    fs: { ...EVERYTHING, deny: deniedWrites(reader, filesystem) },
    net: { connect: ['tcp:*'], listen: ['tcp:*'], deny: deniedDomains(reader, network) },
  };
  const guard: PolicyDefinition = {
    description: 'Imported from sandbox-runtime settings: addresses that no name may lead to',
    layer: 'limit',
    net: guardedTargets(reader, network),
  };
  problems.throwIfAny();
  for (const note of SRT_NOTES) reader.differences.add(note);
  return { grant, limits: [denials, guard], differences: [...reader.differences] };
}

function grantedPaths(reader: SrtReader, table: TableNode | undefined): NonNullable<PolicyDefinition['fs']> {
  if (booleanAt(table, 'disabled') === true) {
    reader.differences.add(
      "'filesystem.disabled' is taken over: every path may be read, written and executed",
    );
    return EVERYTHING;
  }
  const write = reader.strings(table, 'allowWrite').flatMap((node) => reader.writePath(node, 'allowWrite'));
  const denyRead = reader.strings(table, 'denyRead').map((node) => reader.path(node));
  const allowRead = reader.strings(table, 'allowRead').map((node) => reader.path(node));
  for (const path of denyRead.filter((denied) => allowRead.includes(denied))) {
    reader.differences.add(
      `'${path}' is both denied and allowed for reading: here the denial wins, there the permission`,
    );
  }
  return {
    read: ['/', ...allowRead.map(optional)],
    exec: ['/'],
    write: [...write, ...OWN_WRITES].map(optional),
    device: DEVICES.map(optional),
    deny: denyRead.map((path) => ({ path, rights: ['read'] as const })),
  };
}

function deniedWrites(
  reader: SrtReader,
  table: TableNode | undefined,
): NonNullable<NonNullable<PolicyDefinition['fs']>['deny']> {
  if (booleanAt(table, 'disabled') === true) return [];
  const given = reader.strings(table, 'denyWrite').flatMap((node) => reader.writePath(node, 'denyWrite'));
  const git = booleanAt(table, 'allowGitConfig') === true ? [] : ['$project/**/.git/config'];
  const rights = ['write'] as const;
  return [
    ...given.map((path) => ({ path, rights })),
    ...[...STARTUP_FILES, ...git].map((path) => ({
      path,
      rights,
      because: 'runs later, outside the sandbox',
    })),
  ];
}

function grantedTargets(
  reader: SrtReader,
  table: TableNode | undefined,
): Required<Pick<PolicyDefinition, 'net' | 'unix'>> {
  const connect = reader
    .strings(table, 'allowedDomains')
    .flatMap((node) => reader.domain(node, 'allowedDomains'));
  const local = booleanAt(table, 'allowLocalBinding') === true ? ['tcp:loopback'] : [];
  if (local.length > 0) {
    reader.differences.add(
      "'allowLocalBinding' opened loopback on some systems only: here it allows listening and connecting there",
    );
  }
  const all = booleanAt(table, 'allowAllUnixSockets') === true;
  const sockets = reader.strings(table, 'allowUnixSockets').map((node) => reader.path(node));
  if (sockets.length > 0) {
    reader.differences.add(
      "'allowUnixSockets' has no effect on Linux there: here these sockets can be reached, and no others",
    );
  }
  if (booleanAt(table, 'strictAllowlist') === false) {
    reader.differences.add(
      "'strictAllowlist' false lets a program ask for more hosts: here hosts that are not listed are denied",
    );
  }
  return {
    net: { connect: [...connect, ...local], listen: local },
    unix: { connect: all ? ['/', '@*'] : sockets, listen: all ? ['/', '@*'] : [] },
  };
}

function deniedDomains(
  reader: SrtReader,
  table: TableNode | undefined,
): NonNullable<NonNullable<PolicyDefinition['net']>['deny']> {
  const reasons = new Map<string, string>();
  for (const { key, value } of tableAt(table, 'deniedDomainReasons')?.entries ?? [])
    if (value.kind === 'string') reasons.set(key, value.value);
  return reader.strings(table, 'deniedDomains').flatMap((node) =>
    reader.domain(node, 'deniedDomains').map((target) => {
      const because = reasons.get(node.value);
      return { target, ...CONNECT, ...(because === undefined ? {} : { because }) };
    }),
  );
}

/** Addresses by their digits, and `localhost`, are exempt when they are listed: naming them is a choice. */
function guardedTargets(
  reader: SrtReader,
  table: TableNode | undefined,
): NonNullable<PolicyDefinition['net']> {
  const local = booleanAt(table, 'allowLocalBinding') === true;
  const ranges = reader.strings(table, 'deniedResolvedAddresses').flatMap((node) => reader.address(node));
  const exempt = reader
    .strings(table, 'allowedDomains')
    .flatMap((node) => reader.domain(node, 'allowedDomains'))
    .filter((target) => {
      const read = readTarget(target);
      if (isRefusal(read)) return false;
      return (
        read.host.kind === 'cidr' || (read.host.kind === 'name' && /(^|\.)localhost$/.test(read.host.name))
      );
    });
  const denied = [...GUARDED.filter((target) => !(local && target === 'loopback')), ...ranges];
  return {
    connect: ['tcp:*', ...exempt],
    listen: ['tcp:*'],
    deny: denied.map((target) => ({ target, ...CONNECT })),
  };
}
