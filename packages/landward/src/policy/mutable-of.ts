/**
 * Whether a limit may change while programs run in it, and what of it then: `mutable = "stricter" | "any"` beside `layer = "limit"`.
 *
 * Owns where the key may be said, and what a layer that may change cannot say.
 */

import type { Rule, RuleLayer } from '../model/rules.ts';
import type { Problems } from './problems.ts';
import type { PolicyText } from './texts.ts';
import { entry, items, stringAt, tableAt } from './tree.ts';

const KEY = 'mutable';

/** Whether a layer of these texts may change. */
export function isMutable(texts: readonly PolicyText[]): boolean {
  return mutabilityOf(texts) !== undefined;
}

function mutabilityOf(texts: readonly PolicyText[]): 'stricter' | 'any' | undefined {
  const own = texts.at(-1);
  const said = own === undefined || own.forced ? undefined : stringAt(own.tree, KEY);
  return said === 'stricter' || said === 'any' ? said : undefined;
}

/** Notes the key in every text that may not say it. */
export function refuseMutable(texts: readonly PolicyText[], problems: Problems): void {
  for (const { tree } of texts) {
    const node = entry(tree, KEY);
    if (node === undefined) continue;
    problems.add(
      node,
      "Only a text that says layer = 'limit' of itself, and is not extended by one, may change",
      {
        part: KEY,
        fix: "Write layer = 'limit' into this text, or say mutable in the limit that extends it",
      },
    );
  }
}

/** What makes the layer of a limit changeable; nothing where it is not. Problems are noted. */
export function mutableOf(
  texts: readonly PolicyText[],
  rules: readonly Rule[],
  problems: Problems,
): Pick<RuleLayer, 'mutable' | 'calls'> {
  const own = texts.at(-1)!;
  refuseMutable(own.forced ? texts : texts.slice(0, -1), problems);
  const mutable = mutabilityOf(texts);
  if (mutable === undefined) return {};
  for (const rule of rules)
    if (rule.enforce === 'kernel')
      problems.add(
        { at: rule.origin, where: KEY },
        "A layer that may change is held by the supervisor, and this rule says enforce = 'kernel'",
        { fix: "Leave 'enforce' out, or 'mutable'" },
      );
  for (const { tree } of texts)
    for (const key of ['subject', 'aim', 'lock', 'revalidate', 'sockets']) {
      const node = entry(tableAt(tree, 'net'), key);
      if (node !== undefined)
        problems.add(node, `A layer that may change says nothing about 'net.${key}'`, {
          part: key,
          fix: 'Write it into a limit of its own',
        });
    }
  const handled = texts.flatMap(({ tree }) =>
    items(entry(tableAt(tree, 'process'), 'syscalls')).flatMap((item) =>
      item.kind === 'string' ? [item.value] : [],
    ),
  );
  return {
    mutable,
    ...(handled.length === 0 ? {} : { calls: { handled: [...new Set(handled)].sort(), allowed: [] } }),
  };
}
