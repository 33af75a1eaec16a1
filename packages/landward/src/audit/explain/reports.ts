/**
 * Explanations for programs: SARIF 2.1.0 and the annotations of GitHub's workflows.
 *
 * Owns the two formats. Rule ids are the stable codes of `explanation.ts`.
 */

import { escapeText } from '../../model/escape.ts';
import type { Explanation, LayerReason } from './explanation.ts';
import { explanationLines, sentence } from './words.ts';

const REASONS = {
  'rule-denies': 'A rule of the policy says no',
  'rule-lacks-right': 'A rule covers the object and does not give the right',
  'not-granted': 'No rule of the policy covers the object',
  'move-gains': 'A move would give the object rights that it does not have',
  'socket-control': 'A layer says what may be done with sockets',
  'always-denied': 'Landlock denies it in every domain',
  'not-this-policy': 'Another domain denies what this policy allows',
  'not-expressible': 'No rule of a policy could speak of it as it is told',
  'policy-unknown': 'The policy of the domain is not known',
} as const satisfies Record<Explanation['reason'], string>;

/** A SARIF log. The location is the line that says no, or the text that would have to grant it. */
export function toSarif(explanations: readonly Explanation[], version: string): object {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'landward',
            version,
            rules: Object.entries(REASONS).map(([id, text]) => ({ id, shortDescription: { text } })),
          },
        },
        results: explanations.map((explanation) => ({
          ruleId: explanation.reason,
          level: explanation.event.effect === 'observed' ? 'note' : 'warning',
          message: { text: explanationLines(explanation).join('\n') },
          occurrenceCount: explanation.count,
          locations: placesOf(explanation).map(({ file, line, column }) => ({
            physicalLocation: {
              artifactLocation: { uri: encodeURI(file) },
              region: { startLine: Math.max(1, line), startColumn: Math.max(1, column) },
            },
          })),
          properties: { missing: explanation.missing, suggestions: explanation.suggestions },
        })),
      },
    ],
  };
}

/** One workflow command a denial. */
export function toGithub(explanations: readonly Explanation[]): string {
  return explanations
    .map((explanation) => {
      const level = explanation.event.effect === 'observed' ? 'notice' : 'warning';
      const [place] = placesOf(explanation);
      const at =
        place === undefined
          ? ''
          : `file=${property(place.file)},line=${Math.max(1, place.line)},col=${Math.max(1, place.column)},`;
      const text = explanationLines(explanation).join('\n');
      return `::${level} ${at}title=${property(sentence(explanation))}::${data(text)}\n`;
    })
    .join('');
}

function placesOf({ layers, suggestions }: Explanation): NonNullable<LayerReason['rule']>[] {
  const named = layers.flatMap(({ rule }) => (rule === undefined || rule.line <= 0 ? [] : [rule]));
  if (named.length > 0) return named;
  return suggestions
    .filter(({ file }) => file.includes('/'))
    .map(({ file, value }) => ({ file, line: 1, column: 1, text: value }));
}

/** GitHub's own escapes, on text that holds no control characters any more but the line ends put here. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(escapeText(text)).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
