/** A rule in one line, for records and messages: verdict, what it is about. Owns the wording; escapes nothing. */

import type { HostPattern, NetRule, PathPattern, Rule, UnixRule } from '../rules.ts';

/**
 * A rule as one line.
 *
 * @example ruleText(rule) // 'deny /home/me/project/**\/.env'
 */
export function ruleText(rule: Rule): string {
  switch (rule.kind) {
    case 'path':
      return `${rule.verdict} ${patternText(rule.pattern)}`;
    case 'net':
      return `${rule.verdict} ${rule.right} ${hostText(rule.host)}${portText(rule.ports)}`;
    case 'unix':
      return `${rule.verdict} unix.${rule.operation} ${targetText(rule.target)}`;
    case 'scope':
      return `${rule.verdict} ${rule.scope}`;
  }
}

/** A glob that covers what is below is written without saying so. */
function patternText(pattern: PathPattern): string {
  if (pattern.kind !== 'glob') return pattern.path;
  return pattern.glob.endsWith('/**') ? pattern.glob.slice(0, -'/**'.length) : pattern.glob;
}

function hostText(host: HostPattern): string {
  switch (host.kind) {
    case 'any':
      return '*';
    case 'cidr':
      return host.family === 6 ? `[${host.address}]/${host.prefix}` : `${host.address}/${host.prefix}`;
    default:
      return host.name;
  }
}

function portText({ first, last }: NetRule['ports']): string {
  if (first === 0 && last === 65535) return '';
  return first === last ? `:${first}` : `:${first}-${last}`;
}

function targetText(target: UnixRule['target']): string {
  if (target.kind === 'abstract') return `@${target.glob}`;
  return patternText(target.pattern);
}
