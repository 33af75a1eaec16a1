/**
 * The one positioned tree that every policy text becomes, whatever its format: what the checker and the resolver read.
 *
 * Owns the shape only. Tables are lists of entries, never JavaScript objects, so that a key such as `__proto__`
 * is a key like any other.
 */

import type { Position } from '../errors.ts';

/** A place of a tree: a position in a text, and the path of keys that leads there. */
export interface Place {
  readonly at: Position;
  /** Keys from the root, such as `fs.read[2]`. */
  readonly where: string;
}

export interface TextNode extends Place {
  readonly kind: 'string';
  readonly value: string;
}
export interface NumberNode extends Place {
  readonly kind: 'number';
  readonly value: number;
}
export interface BooleanNode extends Place {
  readonly kind: 'boolean';
  readonly value: boolean;
}
/** What no policy has: null, a date, a value that JSON cannot hold. */
export interface OtherNode extends Place {
  readonly kind: 'other';
  readonly what: string;
}
export interface ListNode extends Place {
  readonly kind: 'list';
  readonly items: readonly TreeNode[];
}
export interface TableNode extends Place {
  readonly kind: 'table';
  readonly entries: readonly Entry[];
}
export interface Entry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: TreeNode;
}

export type TreeNode = TextNode | NumberNode | BooleanNode | OtherNode | ListNode | TableNode;

/** How a node is called in a message. */
export function kindName(node: TreeNode): string {
  return node.kind === 'other' ? node.what : node.kind === 'list' ? 'a list' : `a ${node.kind}`;
}

/** The value of a key, or undefined. */
export function entry(table: TableNode | undefined, key: string): TreeNode | undefined {
  return table?.entries.find((candidate) => candidate.key === key)?.value;
}

/** A table under a key, or undefined; the checker has made sure that it is a table. */
export function tableAt(table: TableNode | undefined, key: string): TableNode | undefined {
  const node = entry(table, key);
  return node?.kind === 'table' ? node : undefined;
}

/** The items of a list, or the node itself where a list may be written as one value. */
export function items(node: TreeNode | undefined): readonly TreeNode[] {
  return node === undefined ? [] : node.kind === 'list' ? node.items : [node];
}

/** The string under a key, or undefined. */
export function stringAt(table: TableNode | undefined, key: string): string | undefined {
  const node = entry(table, key);
  return node?.kind === 'string' ? node.value : undefined;
}

/** The number under a key, or undefined. */
export function numberAt(table: TableNode | undefined, key: string): number | undefined {
  const node = entry(table, key);
  return node?.kind === 'number' ? node.value : undefined;
}

/** The boolean under a key, or undefined. */
export function booleanAt(table: TableNode | undefined, key: string): boolean | undefined {
  const node = entry(table, key);
  return node?.kind === 'boolean' ? node.value : undefined;
}

/** The path of a key below another: `fs` and `read` make `fs.read`. */
export function below(where: string, key: string): string {
  const shown = /^[A-Za-z0-9_@-]+$/.test(key) ? key : JSON.stringify(key);
  return where === '' ? shown : `${where}.${shown}`;
}
