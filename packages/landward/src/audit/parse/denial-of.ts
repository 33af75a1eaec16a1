/** A record of a denial as the event that all of landward speaks of. Owns the mapping; joining is `joiner.ts`. */

import type { DenialEvent, DenialObject, DenialSource } from '../../model/denial.ts';
import type { AccessRecord, NetFields, RecordObject, Stamp } from '../../model/records/index.ts';
import type { CallFacts } from './call.ts';

/** Milliseconds since 1970. */
export const timeOf = ({ seconds, milliseconds }: Stamp): number => seconds * 1000 + milliseconds;

/** The event of one record and what its companions told. */
export function denialOf(source: DenialSource, record: AccessRecord, facts: CallFacts): DenialEvent {
  const { commandLine, process, operation, errno, names } = facts;
  return {
    source,
    effect: 'denied',
    time: timeOf(record.stamp),
    serial: record.stamp.serial,
    ...(operation === undefined ? {} : { operation }),
    missing: record.blockers,
    object: objectOf(record.object, record.blockers),
    ...(errno === undefined ? {} : { errno }),
    domain: { kind: 'kernel', id: record.domain },
    ...(process === undefined
      ? {}
      : { process: commandLine === undefined ? process : { ...process, commandLine } }),
    ...(names === undefined ? {} : { names }),
  };
}

function objectOf(object: RecordObject, blockers: readonly string[]): DenialObject {
  switch (object.kind) {
    case 'path': {
      const { path, file, ioctl } = object;
      return { kind: 'path', path, ...file, ...(ioctl === undefined ? {} : { ioctl }) };
    }
    case 'mount':
      return { kind: 'mount', name: object.name, ...object.file };
    case 'task':
      return { kind: 'task', pid: object.pid, comm: object.comm };
    case 'abstract':
      return { kind: 'unix', abstract: object.name };
    case 'net':
      return netOf(object.fields, blockers);
    case 'none':
      return { kind: 'none' };
  }
}

function netOf(fields: NetFields, blockers: readonly string[]): DenialObject {
  const udp = blockers.some((blocker) => blocker.endsWith('_udp'));
  const tcp = blockers.some((blocker) => blocker.endsWith('_tcp'));
  const address = fields.daddr ?? fields.saddr;
  const port = fields.dest ?? fields.src;
  return {
    kind: 'net',
    protocol: tcp ? 'tcp' : udp ? 'udp' : 'other',
    ...(address === undefined ? {} : { address }),
    ...(port === undefined ? {} : { port }),
  };
}
