/**
 * An explanation in words: first for anybody, then in the kernel's terms, then what to change.
 *
 * Owns the wording for people. Everything foreign is escaped; the shapes for programs are `explanation.ts`.
 */

import { escapeText, quote } from '../../model/escape.ts';
import { errnoName } from '../../uapi/errno.ts';
import { describeEvent } from '../event-text.ts';
import type { Explanation, LayerReason, Suggestion } from './explanation.ts';
import { LOOKUP_PORT } from './request.ts';
import { sideLine, socketDeed } from './socket-words.ts';

/** Plain verbs for rights; the first that is missing names the deed. */
const DEEDS: readonly (readonly [right: string, deed: string])[] = [
  ['fs.execute', 'run'],
  ['fs.write_file', 'write to'],
  ['fs.truncate', 'cut'],
  ['fs.read_file', 'read'],
  ['fs.read_dir', 'list'],
  ['fs.remove_file', 'remove'],
  ['fs.remove_dir', 'remove'],
  ['fs.make_', 'create something at'],
  ['fs.refer', 'move or link'],
  ['fs.ioctl_dev', 'control the device'],
  ['fs.resolve_unix', 'connect to the socket'],
  ['meta.write', 'change mode, owner or times of'],
  ['meta.', 'look at'],
  ['net.bind', 'listen on'],
  ['net.connect', 'connect to'],
  ['unix.bind', 'bind the socket'],
  ['unix.connect', 'connect to the socket'],
  ['scope.signal', 'send a signal to'],
  ['scope.abstract', 'connect to the socket'],
  ['ptrace', 'look into'],
  ['fs.change_topology', 'change mounts at'],
];

/** The lines that explain denials of one kind. */
export function explanationLines(explanation: Explanation): string[] {
  const { event, count, layers, suggestions, credential } = explanation;
  const times = count === 1 ? '' : ` (${count} times)`;
  const lines = [`${sentence(explanation)}${times}`, `  ${describeEvent(event)}`];
  const side = sideLine(event);
  if (side !== undefined) lines.push(`  ${side}`);
  for (const layer of layers) lines.push(`  ${layerLine(layer)}`);
  if (explanation.reason === 'move-gains')
    lines.push(
      `  the move would give it rights that it does not have where it is: ${explanation.missing.map(escapeText).join(', ')}${event.errno === 18 ? ` (${errnoName(18)}: programs then copy instead)` : ''}`,
    );
  if (credential === 'opener')
    lines.push(
      '  decided when the file was opened: the rights of whoever opened it count, not of who uses it now',
    );
  if (event.program !== undefined)
    lines.push(
      `  ${escapeText(event.program)} said no: ${event.layers?.length ? 'the rules leave it to them' : 'the rules allow it'}`,
    );
  else if (explanation.reason === 'not-this-policy')
    lines.push(
      '  this policy allows it: another domain (an outer one, or one that the program entered itself) said no',
    );
  if (explanation.reason === 'policy-unknown')
    lines.push('  the policy of this domain is not known here; name it with --policy');
  if (explanation.reason === 'not-expressible')
    lines.push('  no rule of a policy can speak of this as it is told here');
  if (explanation.reason === 'always-denied')
    lines.push('  no policy can allow this: Landlock always denies it to programs in a domain');
  // No rule can give what a program or a function refuses.
  if (event.program !== undefined) return lines;
  for (const suggestion of suggestions) lines.push(...suggestionLines(suggestion));
  if (event.object.kind === 'net' && event.object.port === undefined && suggestions.length > 0)
    lines.push(`    a lookup does not tell the port: ${LOOKUP_PORT} stands for it`);
  return lines;
}

/** What happened, for anybody. */
export function sentence({ event }: Explanation): string {
  const { process, object, missing, effect } = event;
  const program = escapeText(process?.comm ?? process?.exe ?? 'A program');
  const deed = DEEDS.find(([right]) => missing.some((name) => name.startsWith(right)))?.[1] ?? 'use';
  const verb = effect === 'observed' ? 'would not be allowed to' : 'was not allowed to';
  const ofSocket = socketDeed(event);
  if (ofSocket !== undefined) return `${program} ${verb} ${ofSocket}`;
  return `${program} ${verb} ${deed} ${objectWords(object)}`;
}

function objectWords(object: Explanation['event']['object']): string {
  switch (object.kind) {
    case 'path':
      return object.to === undefined ? quote(object.path) : `${quote(object.path)} to ${quote(object.to)}`;
    case 'net': {
      const host = object.name ?? object.address;
      const port = object.port === undefined ? '' : `port ${object.port}`;
      if (host === undefined) return port === '' ? 'the network' : port;
      return `${escapeText(host)}${port === '' ? '' : ` ${port}`}`;
    }
    case 'unix':
      return quote(object.path ?? `@${object.abstract ?? ''}`);
    case 'task':
      return `process ${object.pid}${object.comm === '' ? '' : ` (${escapeText(object.comm)})`}`;
    case 'mount':
      return quote(object.name);
    case 'none':
      return 'something that the record does not name';
  }
}

function layerLine({ name, reason, missing, rule, because, nearest }: LayerReason): string {
  const at = (place: NonNullable<LayerReason['rule']>) =>
    place.line > 0 ? `${escapeText(place.file)}:${place.line}:${place.column}` : escapeText(place.file);
  const lacks = missing.map(escapeText).join(', ');
  const why = because === undefined ? '' : `, because ${quote(because)}`;
  switch (reason) {
    case 'rule-denies':
      return `${at(rule!)} says no: ${quote(rule!.text)}${why}`;
    case 'rule-lacks-right':
      return `${at(rule!)} covers it, but does not give ${lacks}`;
    default:
      return `${escapeText(name)}: no rule gives ${lacks}${nearest === undefined ? '' : `; the nearest is ${at(nearest)} ${quote(nearest.text)}`}`;
  }
}

function suggestionLines({
  kind,
  section,
  key,
  value,
  file,
  suffices,
  alsoOpens,
  weighty,
}: Suggestion): string[] {
  if (kind === 'remove')
    return [`  to allow: change that rule in ${escapeText(file)} by hand; it is there on purpose`];
  const edit =
    section === 'process'
      ? `set ${key} = ${quote(value)} in [process]`
      : `add ${quote(value)} to ${key} in [${section}]`;
  const lines = [`  to allow: ${edit} of ${escapeText(file)}`];
  if (!suffices) lines.push('    this alone is not enough: see the other layers');
  if (alsoOpens.count > 0) {
    const more = alsoOpens.more ? 'at least ' : '';
    const hot = alsoOpens.secret === 0 ? '' : `, ${alsoOpens.secret} of them look secret`;
    lines.push(
      `    also opens ${more}${alsoOpens.count} more ${alsoOpens.count === 1 ? 'file' : 'files'}${hot}: ${alsoOpens.samples.map(quote).join(', ')}`,
    );
  }
  if (weighty !== undefined) lines.push(`    think twice: ${weighty}`);
  return lines;
}
