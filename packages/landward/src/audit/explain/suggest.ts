/**
 * The smallest change: for each layer that refuses, the narrowest rule of the language that would let the request
 * through, checked by asking the model again, and what else it would open.
 *
 * Owns the search. It proposes; `allow` edits, and only a person consents.
 */

import { decideRules } from '../../model/decide-rules.ts';
import type { Change } from '../../model/rules/explain.ts';
import { ruleText } from '../../model/rules/rule-text.ts';
import type { MetaRight, PathRule, Request, Rule, RuleLayer } from '../../model/rules.ts';
import { quote } from '../../policy/expand.ts';
import { VERBS, type Verb, verbNames } from '../../policy/verbs.ts';
import type { FsRight } from '../../uapi/landlock.ts';
import type { AlsoOpens, Suggestion } from './explanation.ts';
import { opened } from './opens.ts';
import { ANY_NAME, isEntryRight } from './request.ts';
import { weighty } from './secrets.ts';

/** What is known of the host while suggesting. */
export interface SuggestionHost {
  readonly home: string;
  /** What is at a path now. */
  type(path: string): 'file' | 'directory' | 'other' | null;
  list(path: string): readonly string[] | null;
}

/** A rule to add, in words of the language and as the model has it. */
interface Candidate {
  readonly section: Suggestion['section'];
  readonly key: string;
  readonly value: string;
  readonly rule: Rule;
  readonly rights: readonly string[];
}

const NOTHING: AlsoOpens = { count: 0, more: false, secret: 0, samples: [] };

/**
 * Suggests one change for each layer that refuses.
 *
 * @param layers the layers of the policy
 * @param request what was denied
 * @param changes what stands in the way (`explainRules`)
 */
export function suggest(
  layers: readonly RuleLayer[],
  request: Request,
  changes: readonly Change[],
  host: SuggestionHost,
): Suggestion[] {
  let after = [...layers];
  const drafts = changes.map((change) => {
    const layer = after[change.layer]!;
    // The word for signals is one word: another replaces it.
    const fixed = change.kind === 'override' && request.kind !== 'scope';
    const candidate = fixed ? null : candidateFor(request, change, layer, host);
    if (candidate !== null) {
      const rules = layer.rules.filter(({ kind }) => candidate.rule.kind !== 'scope' || kind !== 'scope');
      after = after.with(change.layer, { ...layer, rules: [...rules, candidate.rule] });
    }
    return { change, candidate };
  });
  const suffices = decideRules(after, request).verdict === 'allow';
  return drafts.flatMap(({ change, candidate }) => {
    const file = fileOf(layers[change.layer]!);
    if (candidate === null) return change.kind === 'override' ? [removal(change.rule, change.layer)] : [];
    const { section, key, value, rights, rule } = candidate;
    const heavy = rule.kind === 'path' ? weighty(rule.pattern.path, host.home) : heavyTarget(rule, host);
    return [
      {
        file,
        layer: change.layer,
        kind: 'add' as const,
        section,
        key,
        value,
        rights,
        suffices,
        alsoOpens: rule.kind === 'path' ? opened(layers, after, rule, request, host) : NOTHING,
        ...(heavy === undefined ? {} : { weighty: heavy }),
      },
    ];
  });
}

function removal(rule: Rule, layer: number): Suggestion {
  const sections = { path: 'fs', net: 'net', unix: 'unix', scope: 'process' } as const;
  return {
    file: rule.origin.file,
    layer,
    kind: 'remove',
    section: sections[rule.kind],
    key: rule.verdict,
    value: ruleText(rule),
    rights: [],
    suffices: false,
    alsoOpens: NOTHING,
    weighty: 'a rule says no on purpose',
  };
}

/** The text that a layer's rules mostly come from: where a person would add one. */
function fileOf(layer: RuleLayer): string {
  const own = layer.rules.find(({ origin }) => origin.preset === undefined && origin.line > 0);
  return own?.origin.file ?? layer.name;
}

function heavyTarget(rule: Rule, host: SuggestionHost): string | undefined {
  if (rule.kind === 'unix' && rule.target.kind === 'path')
    return weighty(rule.target.pattern.path, host.home);
  return rule.kind === 'scope'
    ? 'it opens every process or socket of the user, not only this one'
    : undefined;
}

function candidateFor(
  request: Request,
  change: Change,
  layer: RuleLayer,
  host: SuggestionHost,
): Candidate | null {
  const origin = { file: layer.name, line: 0, column: 0 };
  const base = { verdict: 'allow', enforce: 'any', origin } as const;
  switch (request.kind) {
    case 'path':
      return pathCandidate(request.path, change.missing as (FsRight | MetaRight)[], base, host);
    case 'refer':
      // Both ends have to be in one tree that grants everything that is asked at either.
      return pathCandidate(
        shared(request.from, request.to),
        change.missing as (FsRight | MetaRight)[],
        base,
        host,
      );
    case 'net': {
      const { right, port, name, address } = request;
      const key = right.includes('bind') ? 'listen' : 'connect';
      const protocol = right.endsWith('udp') ? 'udp' : 'tcp';
      const host6 = address?.includes(':') ? `[${address}]` : address;
      const where = key === 'listen' ? undefined : (name ?? host6);
      const pattern =
        where === undefined
          ? ({ kind: 'any' } as const)
          : name !== undefined
            ? ({ kind: 'name', name } as const)
            : ({
                kind: 'cidr',
                family: address!.includes(':') ? 6 : 4,
                address: address!,
                prefix: address!.includes(':') ? 128 : 32,
              } as const);
      const value = `${protocol}:${where === undefined ? '' : `${where}:`}${port}`;
      const rule: Rule = { ...base, kind: 'net', right, host: pattern, ports: { first: port, last: port } };
      return { section: 'net', key, value, rule, rights: [right] };
    }
    case 'unix': {
      const { operation, path, abstract } = request;
      const key = operation === 'bind' ? 'listen' : 'connect';
      if (path !== undefined) {
        const rule: Rule = {
          ...base,
          kind: 'unix',
          operation,
          target: { kind: 'path', pattern: { kind: 'exact', path } },
        };
        return { section: 'unix', key, value: quote(path), rule, rights: [`unix.${operation}`] };
      }
      const glob = (abstract ?? '').replace(/[\\*?[\]{}]/g, '\\$&');
      const rule: Rule = { ...base, kind: 'unix', operation, target: { kind: 'abstract', glob } };
      return {
        section: 'unix',
        key,
        value: `@${glob.replaceAll('$', '$$$$')}`,
        rule,
        rights: [`unix.${operation}`],
      };
    }
    case 'scope': {
      if (request.scope !== 'scope.signal') return null;
      const rule: Rule = { ...base, kind: 'scope', scope: request.scope };
      return { section: 'process', key: 'signal', value: 'any', rule, rights: [request.scope] };
    }
  }
}

/** The verb that gives what is missing and least besides, on the narrowest object that it can be given for. */
function pathCandidate(
  path: string,
  missing: readonly (FsRight | MetaRight)[],
  base: Pick<PathRule, 'verdict' | 'enforce' | 'origin'>,
  host: SuggestionHost,
): Candidate | null {
  const verb = smallestVerb(missing);
  if (verb === null) return null;
  const entry = missing.some(isEntryRight) || path.endsWith(`/${ANY_NAME}`);
  // Rights over entries are given below a tree's root, so the directory is what has to be named.
  let at = entry ? parentOf(path) : path;
  // What is gone already was made for the moment: its directory is what has to be granted.
  while (at !== '/' && host.type(at) === null) at = parentOf(at);
  const rights = [...VERBS[verb].grants];
  const rule: PathRule = {
    ...base,
    kind: 'path',
    pattern: { kind: 'subtree', path: at },
    rights,
    missing: 'required',
  };
  return { section: 'fs', key: verb, value: quote(at), rule, rights };
}

/** Rights that weigh more than others when the smallest verb is chosen. */
const HEAVY: ReadonlySet<string> = new Set(['fs.execute', 'fs.write_file', 'fs.ioctl_dev', 'fs.remove_dir']);

/** `null` where no verb gives it, as with device nodes, which are named in `[kernel]`. */
export function smallestVerb(missing: readonly (FsRight | MetaRight)[]): Verb | null {
  const fitting = verbNames.filter((verb) => {
    // A word for devices would mislead where no device control was asked for.
    if (verb === 'device' && !missing.includes('fs.ioctl_dev')) return false;
    const grants: readonly string[] = VERBS[verb].grants;
    return missing.every((right) => grants.includes(right));
  });
  const weight = (verb: Verb) =>
    VERBS[verb].grants.reduce((sum, right) => sum + (HEAVY.has(right) ? 4 : 1), 0);
  return fitting.sort((a, b) => weight(a) - weight(b))[0] ?? null;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** The deepest directory above both paths. */
function shared(a: string, b: string): string {
  const left = parentOf(a).split('/');
  const right = parentOf(b).split('/');
  let same = 0;
  while (same < left.length && left[same] === right[same]) same++;
  return left.slice(0, same).join('/') || '/';
}
