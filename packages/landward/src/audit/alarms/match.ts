/** Whether a denial concerns a rule, and what its fields are called. Owns the words of fields; counting is `watch.ts`. */

import type { DenialEvent } from '../../model/denial.ts';
import { matchGlob } from '../../model/glob.ts';
import { programOf } from '../event-text.ts';
import { domainText } from '../store/row.ts';
import type { AlarmRule, Field } from './rule.ts';

/** Whether a rule is about a denial. */
export function concerns({ match }: AlarmRule, event: DenialEvent): boolean {
  const { object, missing, process, enforcer } = event;
  const has = <T>(wanted: readonly T[] | undefined, value: T | undefined) =>
    wanted === undefined || (value !== undefined && wanted.includes(value));
  return (
    has<string>(match.effect, event.effect) &&
    has(match.operation, event.operation) &&
    has<string>(match.object, object.kind) &&
    has(match.uid, process?.uid ?? enforcer?.uid) &&
    has(match.port, object.kind === 'net' ? object.port : undefined) &&
    has(match.address, object.kind === 'net' ? object.address : undefined) &&
    (match.right === undefined ||
      missing.some((right) => match.right!.some((wanted) => isRight(wanted, right)))) &&
    (match.program === undefined || isProgram(match.program, event)) &&
    (match.path === undefined ||
      pathsOf(event).some((path) => match.path!.some((glob) => matchGlob(glob, path))))
  );
}

function isRight(wanted: string, right: string): boolean {
  return wanted.endsWith('.') ? right.startsWith(wanted) : right === wanted;
}

function isProgram(wanted: readonly string[], event: DenialEvent): boolean {
  const program = programOf(event);
  if (program === null) return false;
  return wanted.includes(program) || wanted.includes(program.slice(program.lastIndexOf('/') + 1));
}

function pathsOf({ object }: DenialEvent): readonly string[] {
  const paths =
    object.kind === 'path' ? [object.path, object.to] : object.kind === 'unix' ? [object.path] : [];
  return paths.filter((path) => path?.startsWith('/') === true) as string[];
}

/** The value of a field, `null` where the denial has none. */
export function fieldOf(event: DenialEvent, field: Field): string | null {
  const { object, process, enforcer } = event;
  const text = (value: number | undefined) => (value === undefined ? null : String(value));
  switch (field) {
    case 'program':
      return programOf(event);
    case 'comm':
      return process?.comm ?? enforcer?.comm ?? null;
    case 'user':
      return text(process?.uid ?? enforcer?.uid);
    case 'pid':
      return text(process?.pid);
    case 'run':
      return event.run ?? null;
    case 'domain':
      return domainText(event.domain);
    case 'policy':
      return event.digest ?? null;
    case 'right':
      return [...event.missing].sort().join(',');
    case 'operation':
      return event.operation ?? null;
    case 'path':
      return object.kind === 'path' || object.kind === 'unix' ? (object.path ?? null) : null;
    case 'address':
      return object.kind === 'net' ? (object.name ?? object.address ?? null) : null;
    case 'port':
      return object.kind === 'net' ? text(object.port) : null;
    case 'object':
      return objectName(event);
  }
}

function objectName({ object }: DenialEvent): string {
  switch (object.kind) {
    case 'path':
      return object.path;
    case 'net':
      return `${object.name ?? object.address ?? ''}:${object.port ?? ''}`;
    case 'unix':
      return object.path ?? `@${object.abstract ?? ''}`;
    case 'task':
      return String(object.pid);
    case 'mount':
      return object.name;
    case 'none':
      return '';
  }
}
