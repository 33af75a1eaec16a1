/**
 * What a change would open besides what was denied: the objects that exist now and become accessible by it, counted by
 * asking the model before and after. Bounded: it looks at no more names than `LOOKS`.
 */

import { decideIndexed, indexRules } from '../../model/decide-rules.ts';
import type { PathRule, Request, RuleLayer } from '../../model/rules.ts';
import type { AlsoOpens } from './explanation.ts';
import { looksSecret } from './secrets.ts';
import type { SuggestionHost } from './suggest.ts';

const LOOKS = 20_000;
const SAMPLES = 5;

/**
 * Counts what becomes accessible.
 *
 * @param before the layers as they are
 * @param after with the change
 * @param rule the rule that is added
 * @param request what was denied, which does not count
 */
export function opened(
  before: readonly RuleLayer[],
  after: readonly RuleLayer[],
  rule: PathRule,
  request: Request,
  host: SuggestionHost,
): AlsoOpens {
  const [old, now] = [indexRules(before), indexRules(after)];
  const samples: string[] = [];
  let count = 0;
  let secret = 0;
  let looked = 0;
  const own = request.kind === 'path' ? request.path : undefined;
  const pending = [rule.pattern.path];
  while (pending.length > 0 && looked < LOOKS) {
    const path = pending.pop()!;
    looked++;
    const type = host.type(path);
    if (type === null) continue;
    if (path !== own && opensAt(path, type === 'directory')) {
      count++;
      const hot = looksSecret(path);
      if (hot) secret++;
      if (hot) samples.unshift(path);
      else if (samples.length < SAMPLES) samples.push(path);
    }
    if (type !== 'directory') continue;
    for (const name of host.list(path) ?? []) pending.push(path === '/' ? `/${name}` : `${path}/${name}`);
  }
  return { count, more: pending.length > 0, secret, samples: samples.slice(0, SAMPLES) };

  function opensAt(path: string, directory: boolean): boolean {
    const asked = directory
      ? (['fs.read_dir'] as const)
      : (['fs.read_file', 'fs.write_file', 'fs.execute'] as const);
    return asked.some((right) => {
      if (!rule.rights.includes(right)) return false;
      const question: Request = { kind: 'path', path, rights: [right] };
      return (
        decideIndexed(now, question).verdict === 'allow' && decideIndexed(old, question).verdict !== 'allow'
      );
    });
  }
}
