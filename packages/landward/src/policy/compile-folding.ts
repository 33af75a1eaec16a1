/**
 * Strict rules where the case of a name means nothing: `SECRET` is the file `secret` there, and the supervisor, which goes by
 * names, would see a path that no rule covers. What the kernel holds goes by objects and is safe.
 *
 * Owns finding such places: names on the way are asked for in the other case, and the host tells of directories that fold.
 * What an object below a pattern's fixed part lies in is not known beforehand.
 */

import { isBelow, prefixes } from '../model/paths.ts';
import type { PathPattern, Rule, RuleLayer } from '../model/rules.ts';
import { parentOf, patternOf } from './compile-facts.ts';
import type { GapList } from './compile-gaps.ts';
import type { Feature } from './features.ts';
import type { Host } from './plan.ts';

interface Strict {
  readonly rule: Rule;
  readonly pattern: PathPattern;
  readonly feature: Feature;
}

/**
 * Adds an open gap for each strict rule that the supervisor would hold by a name that has no case.
 *
 * @param layers with paths after symbolic links
 * @param own the layer that protects landward itself
 */
export function foldingGaps(
  layers: readonly RuleLayer[],
  own: RuleLayer | null,
  host: Host,
  gaps: GapList,
): void {
  const strict = strictRules(layers, own).filter(
    (one) => own?.rules.includes(one.rule) || isReached(one, layers),
  );
  if (strict.length === 0) return;
  const folding = foldingDirectories(strict, host);
  for (const { rule, pattern, feature } of strict) {
    const place = prefixes(pattern.path).find((path) => folding.has(path) && !isWhole(pattern, path));
    if (place === undefined) continue;
    gaps.add(feature, {
      rule,
      lost: `'${pattern.kind === 'glob' ? pattern.glob : pattern.path}' can be reached by a name in another case, which means the same in '${place}', and is not held`,
      closes: 'a file system that tells names apart by case, or a grant that leaves the place out',
      open: true,
    });
  }
}

/** Whether a directory is all that a rule closes: names below it are closed in any case. */
function isWhole(pattern: PathPattern, directory: string): boolean {
  return pattern.kind !== 'glob' && pattern.path === directory;
}

function strictRules(layers: readonly RuleLayer[], own: RuleLayer | null): Strict[] {
  return layers.flatMap((layer) =>
    layer.rules.flatMap((rule): Strict[] => {
      const pattern = rule.verdict === 'allow' ? null : patternOf(rule);
      return pattern === null
        ? []
        : [{ rule, pattern, feature: layer === own ? 'self' : featureOf(rule, pattern) }];
    }),
  );
}

function featureOf(rule: Rule, pattern: PathPattern): Feature {
  if (rule.verdict === 'hide') return 'fs.hide';
  if (rule.verdict === 'ask') return 'fs.ask';
  return pattern.kind === 'glob' ? 'fs.glob' : 'fs.deny';
}

/** Whether any rule grants something where a strict rule bites; elsewhere the kernel gives nothing. */
function isReached({ pattern }: Strict, layers: readonly RuleLayer[]): boolean {
  return layers.some(({ rules }) =>
    rules.some((rule) => {
      const granted = rule.verdict === 'allow' ? patternOf(rule) : null;
      if (granted === null) return false;
      return (
        isBelow(pattern.path, granted.path) ||
        (pattern.kind === 'glob' && isBelow(granted.path, pattern.path))
      );
    }),
  );
}

/** The directories on the way to what rules name in which names have no case. */
function foldingDirectories(strict: readonly Strict[], host: Host): ReadonlySet<string> {
  const ways = new Set(strict.flatMap(({ pattern }) => prefixes(pattern.path)));
  ways.delete('/');
  const named = [...ways].flatMap((path) => {
    const other = inOtherCase(path);
    return other === path ? [] : [{ path, other }];
  });
  const facts = host.stat([...named.map(({ path }) => path), ...named.map(({ other }) => other)]);
  const folding = new Set<string>();
  named.forEach(({ path, other }, index) => {
    const [fact, twin] = [facts[index], facts[named.length + index]];
    if (!fact || !twin || twin.real !== other) return;
    if (fact.dev === twin.dev && fact.ino === twin.ino) folding.add(parentOf(path));
  });
  if (host.folds === undefined) return folding;
  // Names that are not there yet, or have no letters: the directories themselves are asked.
  const directories = [...new Set(strict.flatMap(({ pattern }) => prefixes(pattern.path)))];
  host.folds(directories).forEach((folds, index) => {
    if (folds) folding.add(directories[index]!);
  });
  return folding;
}

/** A path whose last name has each letter in its other case. */
function inOtherCase(path: string): string {
  const start = path.lastIndexOf('/') + 1;
  const name = [...path.slice(start)].map((letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
  return path.slice(0, start) + name.join('');
}
