/**
 * A JavaScript value as the positioned tree, so that `definePolicy({...})` and a file go through the same checks.
 *
 * Such a tree has no lines: positions carry the name only, and `where` tells the place.
 */

import { MAX_DEPTH } from './source.ts';
import { below, type TreeNode } from './tree.ts';

/**
 * Makes a tree of a plain value. Own enumerable string keys count; keys with the value `undefined` do not exist.
 * Anything that JSON could not hold becomes a node that every check refuses.
 */
export function treeOfValue(value: unknown, file: string): TreeNode {
  return convert(value, file, '', 0);
}

function convert(value: unknown, file: string, where: string, depth: number): TreeNode {
  const place = { at: { file, line: 0, column: 0 }, where };
  if (depth > MAX_DEPTH) return { kind: 'other', what: 'too deep a nesting', ...place };
  switch (typeof value) {
    case 'string':
      return { kind: 'string', value, ...place };
    case 'number':
      return { kind: 'number', value, ...place };
    case 'boolean':
      return { kind: 'boolean', value, ...place };
    case 'object':
      break;
    default:
      return {
        kind: 'other',
        what: typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`,
        ...place,
      };
  }
  if (value === null) return { kind: 'other', what: 'null', ...place };
  if (Array.isArray(value)) {
    return {
      kind: 'list',
      items: Array.from(value, (item, index) => convert(item, file, `${where}[${index}]`, depth + 1)),
      ...place,
    };
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) {
    return { kind: 'other', what: 'an object of a class', ...place };
  }
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([key, inner]) => {
      const innerWhere = below(where, key);
      return {
        key,
        keyPlace: { at: place.at, where: innerWhere },
        value: convert(inner, file, innerWhere, depth + 1),
      };
    });
  return { kind: 'table', entries, ...place };
}
