/**
 * Denials explained: grouped and counted, each with who said no, by which line or because none grants it, and the
 * smallest change.
 *
 * Decides nothing: the model is asked again what the policy says, and what it would say after a change.
 */

import { decideIndexed, indexRules } from '../../model/decide-rules.ts';
import type { DenialEvent } from '../../model/denial.ts';
import { type Change, explainRules } from '../../model/rules/explain.ts';
import { ruleText } from '../../model/rules/rule-text.ts';
import type { Request, Rule, RuleLayer } from '../../model/rules.ts';
import { groupKey } from '../event-text.ts';
import type { Explanation, LayerReason, Reason } from './explanation.ts';
import { requestOf } from './request.ts';
import { type SuggestionHost, suggest } from './suggest.ts';

/** The layers that were in force for a denial; `null` where they are not known. */
export type LayersOf = (event: DenialEvent) => readonly RuleLayer[] | null;

/** Counts like denials together while they come; holds one event a group. */
export class DenialGroups {
  readonly #groups = new Map<string, { event: DenialEvent; count: number; first: number; last: number }>();

  add(event: DenialEvent): void {
    const key = groupKey(event);
    const group = this.#groups.get(key);
    if (group === undefined) {
      this.#groups.set(key, { event, count: 1, first: event.time, last: event.time });
      return;
    }
    group.count++;
    group.first = Math.min(group.first, event.time);
    group.last = Math.max(group.last, event.time);
    // The supervisor knows more of a denial than the kernel's record does.
    if (event.source === 'supervisor' && group.event.source !== 'supervisor') group.event = event;
  }

  /** How many denials were added. */
  get total(): number {
    let total = 0;
    for (const { count } of this.#groups.values()) total += count;
    return total;
  }

  /** Explains every group, the most frequent first. */
  explain(layersOf: LayersOf, host: SuggestionHost): Explanation[] {
    return [...this.#groups.values()]
      .sort((a, b) => b.count - a.count || a.first - b.first)
      .map((group) => explainOne(group, layersOf(group.event), host));
  }
}

interface Group {
  readonly event: DenialEvent;
  readonly count: number;
  readonly first: number;
  readonly last: number;
}

function explainOne(group: Group, layers: readonly RuleLayer[] | null, host: SuggestionHost): Explanation {
  const { event } = group;
  const request = requestOf(event);
  const base = {
    ...group,
    request,
    verdict: event.effect === 'hidden' ? ('hide' as const) : ('deny' as const),
    missing: event.missing,
    credential: credentialOf(event),
    layers: [],
    suggestions: [],
  };
  if (event.missing.some((name) => name.startsWith('socket.'))) return { ...base, reason: 'socket-control' };
  if (request === null) return { ...base, reason: alwaysDenied(event) ? 'always-denied' : 'not-expressible' };
  if (layers === null) return { ...base, reason: 'policy-unknown' };
  const asks = (layer: number) => hasSay(event, layers[layer]!);
  const decision = decideIndexed(indexRules(layers), request, asks);
  if (decision.verdict === 'allow') return { ...base, reason: 'not-this-policy' };
  const changes = explainRules(layers, request).filter(({ layer }) => asks(layer));
  const reasons = changes.map((change) => layerReason(change, request));
  return {
    ...base,
    verdict: decision.verdict,
    reason: reasons.find(({ layer }) => layer === decision.blame.layer)?.reason ?? 'not-granted',
    missing: [...new Set(changes.flatMap(({ missing }) => missing))],
    layers: reasons,
    suggestions: suggest(layers, request, changes, host),
  };
}

function alwaysDenied({ missing }: DenialEvent): boolean {
  return missing.some((name) => name === 'ptrace' || name === 'fs.change_topology');
}

/** Whether a layer was asked about a socket at all: some bind who calls, some what was made inside. */
function hasSay({ side }: DenialEvent, { sockets }: RuleLayer): boolean {
  const subject = sockets?.subject ?? 'caller';
  return side === 'caller' ? subject !== 'socket' : side === 'socket' ? subject !== 'caller' : true;
}

/** Truncating and device control are decided with what the opener had; the rest with what the caller has. */
function credentialOf({ missing, operation, side }: DenialEvent): Explanation['credential'] {
  if (side === 'socket') return 'socket';
  const later = missing.every((name) => name === 'fs.truncate' || name === 'fs.ioctl_dev');
  return later && (operation === 'ftruncate' || operation === 'ioctl') ? 'opener' : 'caller';
}

function layerReason(change: Change, request: Request): LayerReason {
  const { layer, name, missing } = change;
  const gains = request.kind === 'refer' && !missing.includes('fs.refer');
  const reasons = { override: 'rule-denies', extend: 'rule-lacks-right', add: 'not-granted' } as const;
  const reason: Reason = gains && change.kind !== 'override' ? 'move-gains' : reasons[change.kind];
  const rule = change.kind === 'add' ? undefined : change.rule;
  return {
    layer,
    name,
    reason,
    missing,
    ...(rule === undefined ? {} : { rule: placed(rule) }),
    ...(rule?.because === undefined ? {} : { because: rule.because }),
    ...(change.kind === 'add' && change.nearest !== undefined ? { nearest: placed(change.nearest) } : {}),
  };
}

function placed(rule: Rule): NonNullable<LayerReason['rule']> {
  const { file, line, column, preset } = rule.origin;
  return { text: ruleText(rule), file: preset ?? file, line, column };
}
