/**
 * Reads lists of rules of one text: expands, interprets and annotates each, and notes what is wrong at its place.
 *
 * Owns what a rule may say; which key stands for which rights is `rules-of.ts`.
 */

import type { Enforce, Missing, Origin, PathPattern, Rule, Verdict } from '../model/rules.ts';
import type { FsRight, NetRight, Scope } from '../uapi/landlock.ts';
import { expand, isRefusal, type Piece, plain, type Refusal } from './expand.ts';
import { type NetTarget, readTarget } from './net-text.ts';
import { pathPattern } from './path-text.ts';
import type { Problems } from './problems.ts';
import type { PolicyText } from './texts.ts';
import {
  booleanAt,
  entry,
  items,
  type Place,
  stringAt,
  type TableNode,
  type TextNode,
  type TreeNode,
} from './tree.ts';
import { unixTarget } from './unix-text.ts';
import { type META_RIGHTS, sortedRights, VERBS, type Verb } from './verbs.ts';

type Right = FsRight | keyof typeof META_RIGHTS;

/** More rules than a kernel could walk in reasonable time, and than a person meant. */
export const MAX_RULES = 100_000;

/** A side of a connection. */
export type Side = 'connect' | 'listen';
const NET_RIGHT = {
  tcp: { connect: 'net.connect_tcp', listen: 'net.bind_tcp' },
  udp: { connect: 'net.connect_send_udp', listen: 'net.bind_udp' },
} as const satisfies Record<'tcp' | 'udp', Record<Side, NetRight>>;

/** What a rule may say beside what it names. */
interface Common {
  readonly verdict: Verdict;
  readonly because?: string;
  readonly quiet?: boolean;
  readonly enforce: Enforce;
  readonly origin: Origin;
}

/** Puts the rules of one text into a list. */
export class RuleReader {
  readonly #text: PolicyText;
  readonly #problems: Problems;
  readonly #rules: Rule[];

  constructor(text: PolicyText, problems: Problems, rules: Rule[]) {
    this.#text = text;
    this.#problems = problems;
    this.#rules = rules;
  }

  paths(list: TreeNode | undefined, verdict: Verdict, all: readonly Right[]): void {
    if (list === undefined) return;
    const sorted = sortedRights(all);
    this.#each(list, 'path', verdict, (node, table, common) => {
      const missing = this.#missing(table, verdict);
      const narrowed = entry(table, 'rights');
      const rights = narrowed === undefined ? sorted : sortedRights(strictRights(narrowed));
      for (const pattern of this.#patterns(node, booleanAt(table, 'exact') ?? false)) {
        if (missing === 'create' && pattern.kind === 'glob') {
          this.#problems.add(node, 'A glob names no directory to create', {
            part: node.value,
            fix: 'Write the path of the directory',
          });
        }
        const expandFlag = booleanAt(table, 'expand') === true ? { expand: true } : {};
        this.#push(node, {
          kind: 'path',
          pattern,
          rights,
          missing,
          ...expandFlag,
          ...common,
        });
      }
    });
  }

  targets(list: TreeNode | undefined, verdict: Verdict, sides: readonly Side[]): void {
    this.#each(list, 'target', verdict, (node, table, common) => {
      const narrowed = sidesOf(table) ?? sides;
      for (const target of this.#targets(node)) {
        if (target.protocol === null && verdict === 'allow') {
          this.#problems.add(node, `A grant names its protocol, '${node.value}' names none`, {
            part: node.value,
            fix: `Write tcp:${node.value} or udp:${node.value}`,
          });
          continue;
        }
        for (const protocol of target.protocol === null ? (['tcp', 'udp'] as const) : [target.protocol]) {
          for (const side of narrowed)
            this.#push(node, {
              kind: 'net',
              right: NET_RIGHT[protocol][side],
              host: target.host,
              ports: target.ports,
              ...common,
            });
        }
      }
    });
  }

  /** Targets under a right that names the protocol already. */
  rawTargets(list: TreeNode | undefined, right: NetRight): void {
    const protocol = right.endsWith('_udp') ? 'udp' : 'tcp';
    this.#each(list, 'target', 'allow', (node, _table, common) => {
      for (const target of this.#targets(node, protocol))
        this.#push(node, { kind: 'net', right, host: target.host, ports: target.ports, ...common });
    });
  }

  sockets(list: TreeNode | undefined, verdict: Verdict, sides: readonly Side[]): void {
    this.#each(list, 'path', verdict, (node, table, common) => {
      for (const pieces of this.#expanded(node)) {
        const target = this.#accept(node, unixTarget(pieces, booleanAt(table, 'exact') ?? false));
        if (target === undefined) continue;
        for (const side of sidesOf(table) ?? sides) {
          this.#push(node, {
            kind: 'unix',
            operation: side === 'connect' ? 'connect' : 'bind',
            target,
            ...common,
          });
        }
      }
    });
  }

  scope(node: TreeNode | undefined, scope: Scope): void {
    if (node?.kind !== 'string') return;
    this.#push(node, {
      kind: 'scope',
      scope,
      verdict: node.value === 'any' ? 'allow' : 'deny',
      enforce: 'any',
      origin: this.#origin(node),
    });
  }

  /** Calls back for each string of a list of rules, whether it stands alone or in a table. */
  #each(
    list: TreeNode | undefined,
    key: string,
    verdict: Verdict,
    read: (node: TextNode, table: TableNode | undefined, common: Common) => void,
  ): void {
    for (const item of items(list)) {
      const table = item.kind === 'table' ? item : undefined;
      for (const node of table === undefined ? [item] : items(entry(table, key))) {
        if (node.kind !== 'string') continue;
        const because = stringAt(table, 'because');
        const quiet = booleanAt(table, 'quiet');
        read(node, table, {
          verdict,
          ...(because === undefined ? {} : { because }),
          ...(quiet === true ? { quiet } : {}),
          enforce: stringAt(table, 'enforce') === 'kernel' ? 'kernel' : 'any',
          origin: this.#origin(node),
        });
      }
    }
  }

  #origin(node: Place): Origin {
    const { preset } = this.#text;
    return preset === undefined ? node.at : { ...node.at, preset };
  }

  #missing(table: TableNode | undefined, verdict: Verdict): Missing {
    const written = stringAt(table, 'missing') as Missing | undefined;
    const optional = booleanAt(table, 'optional');
    if (written !== undefined && optional !== undefined) {
      this.#problems.add(entry(table, 'optional')!, "The keys 'missing' and 'optional' say the same thing", {
        fix: 'Keep one of them',
      });
    }
    if (verdict !== 'allow' && written === 'create') {
      this.#problems.add(entry(table, 'missing')!, 'Only a grant creates what is missing', {
        fix: "Write missing = 'optional'",
      });
    }
    if (written !== undefined) return written;
    if (optional !== undefined) return optional ? 'optional' : 'required';
    return defaultMissing(verdict);
  }

  #expanded(node: TextNode): readonly (readonly Piece[])[] {
    return this.#accept(node, expand(node.value, this.#text.scope.lookup)) ?? [];
  }

  #patterns(node: TextNode, exact: boolean): PathPattern[] {
    return this.#expanded(node)
      .map((pieces) => this.#accept(node, pathPattern(pieces, exact)))
      .filter((pattern) => pattern !== undefined);
  }

  #targets(node: TextNode, protocol?: 'tcp' | 'udp'): NetTarget[] {
    return this.#expanded(node)
      .map((pieces) =>
        this.#accept(
          node,
          readTarget(protocol === undefined ? plain(pieces) : `${protocol}:${plain(pieces)}`),
        ),
      )
      .filter((target) => target !== undefined);
  }

  #accept<T extends object>(node: TextNode, result: T | Refusal): T | undefined {
    if (!isRefusal(result)) return result;
    this.#problems.add(node, result.refused, { part: node.value, fix: result.fix });
    return undefined;
  }

  #push(node: Place, rule: Rule): void {
    if (this.#rules.length === MAX_RULES)
      this.#problems.add(node, `A policy has at most ${MAX_RULES} rules`, {
        fix: 'Use globs or directories',
      });
    if (this.#rules.length <= MAX_RULES) this.#rules.push(rule);
  }
}

/** What a missing path means where a rule does not say: a grant needs it, a denial does not. */
export function defaultMissing(verdict: Verdict): Missing {
  return verdict === 'allow' ? 'required' : 'optional';
}

function strictRights(node: TreeNode): Right[] {
  return items(node).flatMap((item): readonly Right[] => {
    if (item.kind !== 'string') return [];
    return item.value in VERBS ? VERBS[item.value as Verb].denies : [item.value as Right];
  });
}

function sidesOf(table: TableNode | undefined): readonly Side[] | undefined {
  const node = entry(table, 'rights');
  return node === undefined
    ? undefined
    : items(node).flatMap((item) => (item.kind === 'string' ? [item.value as Side] : []));
}
