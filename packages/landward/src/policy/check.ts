/**
 * Checks a tree against a schema: kinds, keys, values. Every problem is noted with its place and what to write instead.
 *
 * What a string means (a path, a host) is checked where it is resolved.
 */

import { didYouMean, type Problems } from './problems.ts';
import type { Schema, StringSchema, TableSchema } from './schema-kinds.ts';
import { kindName, type Place, type TableNode, type TreeNode } from './tree.ts';

/** The expressions of the schema, which every string of a text meets again. They hold no state. */
const expressions = new Map<string, RegExp>();

function expression(pattern: string): RegExp {
  const known = expressions.get(pattern);
  if (known !== undefined) return known;
  const made = new RegExp(pattern, 'u');
  expressions.set(pattern, made);
  return made;
}

/** Notes in `problems` whatever in `node` the schema does not accept. */
export function check(node: TreeNode, schema: Schema, problems: Problems): void {
  if (schema.kind === 'union') {
    const fitting = schema.of.find((alternative) => kindOf(alternative) === node.kind);
    if (fitting !== undefined) check(node, fitting, problems);
    else problems.add(node, `This must be ${expected(schema)}, it is ${kindName(node)}`);
    return;
  }
  if (node.kind !== kindOf(schema)) {
    problems.add(node, `This must be ${expected(schema)}, it is ${kindName(node)}`, {
      fix: wrapFix(node, schema),
    });
    return;
  }
  switch (schema.kind) {
    case 'string':
      if (node.kind === 'string') checkString(node, node.value, schema, problems);
      break;
    case 'integer':
      if (
        node.kind === 'number' &&
        !(Number.isSafeInteger(node.value) && node.value >= schema.min && node.value <= schema.max)
      ) {
        problems.add(
          node,
          `This must be a whole number from ${schema.min} to ${schema.max}, it is ${node.value}`,
        );
      }
      break;
    case 'list':
      if (node.kind === 'list') {
        if (node.items.length < (schema.min ?? 0))
          problems.add(node, 'This list must not be empty', { fix: 'Add an item or remove the key' });
        for (const item of node.items) check(item, schema.of, problems);
      }
      break;
    case 'table':
      if (node.kind === 'table') checkTable(node, schema, problems);
      break;
    case 'map':
      if (node.kind === 'table') {
        const pattern = expression(schema.key);
        for (const { key, keyPlace, value } of node.entries) {
          if (!pattern.test(key))
            problems.add(keyPlace, `The name '${key}' must be ${schema.expects}`, { part: key });
          check(value, schema.of, problems);
        }
      }
      break;
    case 'boolean':
      break;
  }
}

function checkTable(node: TableNode, schema: TableSchema, problems: Problems): void {
  for (const { key, keyPlace, value } of node.entries) {
    if (Object.hasOwn(schema.keys, key)) check(value, schema.keys[key]!, problems);
    else
      problems.add(keyPlace, `The key '${key}' does not exist here`, {
        part: key,
        fix: keyFix(key, Object.keys(schema.keys)),
      });
  }
  for (const key of schema.required ?? []) {
    if (!node.entries.some((entry) => entry.key === key))
      problems.add(node, `The key '${key}' is missing here`);
  }
}

function checkString(place: Place, value: string, schema: StringSchema, problems: Problems): void {
  if (schema.values !== undefined) {
    if (!schema.values.includes(value)) {
      problems.add(place, `The value '${value}' does not exist here`, {
        part: value,
        fix: keyFix(value, schema.values),
      });
    }
    return;
  }
  if (schema.pattern !== undefined && !expression(schema.pattern).test(value)) {
    problems.add(
      place,
      value === ''
        ? 'This text must not be empty'
        : `This must be ${schema.expects ?? 'text'}, it is '${value}'`,
      { part: value },
    );
  }
}

function keyFix(word: string, candidates: readonly string[]): string {
  const meant = didYouMean(word, candidates);
  if (meant !== undefined) return `Did you mean '${meant}'?`;
  return candidates.length <= 16 ? `Use one of ${candidates.join(', ')}` : 'See landward policy schema';
}

function wrapFix(node: TreeNode, schema: Schema): string | undefined {
  return schema.kind === 'list' && node.kind !== 'list' && node.kind !== 'other'
    ? 'Put it into [ ]'
    : undefined;
}

function kindOf(schema: Schema): string {
  return schema.kind === 'integer' ? 'number' : schema.kind === 'map' ? 'table' : schema.kind;
}

function expected(schema: Schema): string {
  if (schema.kind === 'union') return schema.of.map(expected).join(' or ');
  if (schema.kind === 'string') return schema.expects ?? 'text';
  if (schema.kind === 'integer') return 'a whole number';
  return schema.kind === 'map' ? 'a table' : `a ${schema.kind}`;
}
