/**
 * The decision on landward's own rules: what `why`, policy tests, the supervisor and explanations all ask.
 *
 * One precedence rule (`rules/precedence.ts`) inside a layer; across layers the strictest answer counts. Pure, and
 * the order of rules never matters. What Landlock itself would say of a kernel ruleset is `landlock/`, not here.
 */

import { LandwardError } from '../errors.ts';
import { isNormal } from './paths.ts';
import { answerLayer, type IndexedLayer, indexLayer } from './rules/layer.ts';
import { compareVerdicts } from './rules/precedence.ts';
import { answerRefer } from './rules/refer.ts';
import type { LayerAnswer, Request, RuleLayer, RulesDecision } from './rules.ts';

/** Layers made ready for many decisions. Immutable. */
export interface RuleIndex {
  readonly layers: readonly IndexedLayer[];
}

const EACCES = 13;
const ENOENT = 2;
const EXDEV = 18;
const EPERM = 1;

/**
 * Makes layers ready, once, for any number of `decide` calls; their cost then does not grow with the number of
 * literal path rules.
 *
 * @throws LandwardError `POLICY_INVALID` for a glob or address that cannot be read
 */
export function indexRules(layers: readonly RuleLayer[]): RuleIndex {
  return { layers: layers.map(indexLayer) };
}

/**
 * `decideRules` over an index.
 *
 * @param asks which layers have a say, by number; all where absent
 */
export function decideIndexed(
  index: RuleIndex,
  request: Request,
  asks?: (layer: number) => boolean,
): RulesDecision {
  for (const path of pathsOf(request)) {
    if (isNormal(path)) continue;
    throw new LandwardError('USAGE', 'Path of a request is not absolute and in normal form', { part: path });
  }
  const answers: LayerAnswer[] = [];
  let gains = true;
  for (const [layer, indexed] of index.layers.entries()) {
    if (asks !== undefined && !asks(layer)) continue;
    const refer = request.kind === 'refer' ? answerRefer(indexed, request) : null;
    const answer = request.kind === 'refer' ? refer!.answer : answerLayer(indexed, request);
    if (answer === null) continue;
    answers.push({ layer, name: indexed.layer.name, ...answer });
    if (answer.verdict !== 'allow') gains &&= refer?.gains === true;
  }
  // From the youngest down, so that a tie blames the youngest.
  const blame = answers.reduceRight<LayerAnswer | undefined>(
    (worst, answer) =>
      worst === undefined || compareVerdicts(answer.verdict, worst.verdict) < 0 ? answer : worst,
    undefined,
  ) ?? { layer: -1, name: '', verdict: 'allow', missing: [] };
  return { verdict: blame.verdict, blame, layers: answers, errno: errnoOf(request, blame, answers, gains) };
}

/**
 * Decides a request by the layers of a policy.
 *
 * The path of a request for `fs.make_*`, `fs.remove_*` or `fs.refer` is that of the entry itself; granting a tree
 * gives them below its root. Several rights are allowed only together. Metadata rights are denied only where a rule
 * says so. Give a network request its address whenever it is known: rules about addresses cannot speak otherwise.
 *
 * @param layers the policy's layers, oldest first
 * @param request what is asked; paths in normal form and after symbolic links
 * @returns the verdict, the layer and rule to blame, every restricting layer's answer, and what the program sees.
 *   Where no layer restricts the request, the blame is layer -1 with no name. `ask` has the errno for "nobody answered"
 * @throws LandwardError `POLICY_INVALID` for a rule that cannot be read, `USAGE` for an address that is none or
 *   a path that is not in normal form
 * @example
 * decideRules(policy.layers, { kind: 'path', path: '/etc/passwd', rights: ['fs.read_file'] }).verdict
 */
export function decideRules(layers: readonly RuleLayer[], request: Request): RulesDecision {
  return decideIndexed(indexRules(layers), request);
}

function pathsOf(request: Request): readonly string[] {
  if (request.kind === 'path') return [request.path];
  if (request.kind === 'refer') return [request.from, request.to];
  return request.kind === 'unix' && request.path !== undefined ? [request.path] : [];
}

function errnoOf(
  request: Request,
  blame: LayerAnswer,
  answers: readonly LayerAnswer[],
  gains: boolean,
): number {
  if (blame.verdict === 'allow') return 0;
  switch (request.kind) {
    case 'path':
    case 'refer':
      // Whatever one layer hides must look absent, even if another would say "denied".
      if (answers.some((answer) => answer.verdict === 'hide')) return ENOENT;
      return gains && request.kind === 'refer' ? EXDEV : EACCES;
    case 'unix':
      if (request.path === undefined) return EPERM;
      return answers.some((answer) => answer.verdict === 'hide') ? ENOENT : EACCES;
    case 'net':
      return EACCES;
    case 'scope':
      return EPERM;
  }
}
