/**
 * The kinds of schema that describe a policy text, as plain data, and the TypeScript type that each stands for.
 *
 * Owns the vocabulary of schemas; what a policy looks like is `schema.ts`, checking is `check.ts`.
 */

interface Described {
  readonly doc?: string;
}
export interface StringSchema extends Described {
  readonly kind: 'string';
  /** A regular expression that the whole value matches; written for the `u` flag. */
  readonly pattern?: string;
  /** What the pattern means, for the message. */
  readonly expects?: string;
  readonly values?: readonly string[];
}
export interface IntegerSchema extends Described {
  readonly kind: 'integer';
  readonly min: number;
  readonly max: number;
}
export interface BooleanSchema extends Described {
  readonly kind: 'boolean';
}
export interface ListSchema extends Described {
  readonly kind: 'list';
  readonly of: Schema;
  readonly min?: number;
}
export interface TableSchema extends Described {
  readonly kind: 'table';
  readonly keys: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}
/** A table whose keys a person chooses. */
export interface MapSchema extends Described {
  readonly kind: 'map';
  readonly key: string;
  readonly expects: string;
  readonly of: Schema;
}
/** One of several kinds, told apart by the kind of the value. */
export interface UnionSchema extends Described {
  readonly kind: 'union';
  readonly of: readonly Schema[];
}

export type Schema =
  | StringSchema
  | IntegerSchema
  | BooleanSchema
  | ListSchema
  | TableSchema
  | MapSchema
  | UnionSchema;

/** The TypeScript type of the values that a schema accepts. */
export type TypeOf<S> = S extends { readonly kind: 'string'; readonly values: readonly (infer V)[] }
  ? V
  : S extends { readonly kind: 'string' }
    ? string
    : S extends { readonly kind: 'integer' }
      ? number
      : S extends { readonly kind: 'boolean' }
        ? boolean
        : S extends { readonly kind: 'list'; readonly of: infer I }
          ? readonly TypeOf<I>[]
          : S extends { readonly kind: 'table'; readonly keys: infer K }
            ? TableOf<K, S extends { readonly required: readonly (infer R)[] } ? R : never>
            : S extends { readonly kind: 'map'; readonly of: infer I }
              ? { readonly [key: string]: TypeOf<I> }
              : S extends { readonly kind: 'union'; readonly of: readonly (infer I)[] }
                ? I extends unknown
                  ? TypeOf<I>
                  : never
                : never;

type TableOf<K, R> = {
  readonly [Key in keyof K as Key extends R ? Key : never]: TypeOf<K[Key]>;
} & {
  readonly [Key in keyof K as Key extends R ? never : Key]?: TypeOf<K[Key]>;
};
