/** Sorts the texts of a policy into the one grant layer and the limit layers. Reads nothing. */

import type { LayeredTexts, PolicyText } from './texts.ts';

/** Each given text after the texts that it extends; a limit with what it extends is a layer of its own. */
export function sortIntoLayers(roots: readonly PolicyText[]): LayeredTexts {
  const grants: PolicyText[] = [];
  const limits: PolicyText[][] = [];
  const visit = (text: PolicyText, into: PolicyText[], inLimit: boolean): void => {
    const list = text.layer === 'limit' && !inLimit ? [] : into;
    if (list.includes(text)) return;
    if (list !== into) limits.push(list);
    for (const inner of text.extended) visit(inner, list, list !== grants);
    list.push(text);
  };
  for (const root of roots) visit(root, grants, false);
  const unique = limits.filter(
    (list, index) => limits.findIndex((other) => sameTexts(other, list)) === index,
  );
  return {
    grants,
    limits: unique,
    sources: [...new Set([...grants, ...unique.flat()].map((text) => text.name))],
  };
}

function sameTexts(a: readonly PolicyText[], b: readonly PolicyText[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}
