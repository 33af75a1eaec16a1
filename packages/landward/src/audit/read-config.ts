/**
 * Configuration of the audit commands (alarms, fleet) from TOML, checked like a policy: every problem with its line.
 *
 * Owns no key: each command has its schema. Values come out as plain objects of the schema's type.
 */

import { check } from '../policy/check.ts';
import { problems } from '../policy/problems.ts';
import { readToml } from '../policy/read-toml.ts';
import type { TableSchema } from '../policy/schema-kinds.ts';
import { sourceOf } from '../policy/source.ts';
import type { TreeNode } from '../policy/tree.ts';

/**
 * Reads a text against a schema. `T` is what the schema stands for (`TypeOf`): the caller says it, because the compiler
 * can't follow it for a schema that it does not know yet.
 *
 * @param file the name that a person knows the text by
 * @throws LandwardError POLICY_SYNTAX or POLICY_INVALID, or PolicyErrors with all of them
 */
export async function readConfig<T>(
  file: string,
  text: Uint8Array | string,
  schema: TableSchema,
): Promise<T> {
  const source = sourceOf(file, text);
  const tree = await readToml(source);
  const found = problems();
  found.know(source);
  check(tree, schema, found);
  found.throwIfAny();
  return plain(tree) as T;
}

function plain(node: TreeNode): unknown {
  switch (node.kind) {
    case 'table':
      // Without a prototype: a key such as __proto__ has been refused, and must not matter if not.
      return Object.assign(
        Object.create(null),
        Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)])),
      );
    case 'list':
      return node.items.map(plain);
    case 'other':
      return null;
    default:
      return node.value;
  }
}
