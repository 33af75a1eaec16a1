/** The schema of a policy as JSON Schema 2020-12, for editors: what `landward policy schema` prints. */

import { POLICY_SCHEMA } from './schema.ts';
import type { Schema } from './schema-kinds.ts';

/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * The JSON Schema of a policy file. It accepts what the checker accepts, up to what strings mean (paths, hosts, variables).
 *
 * @example
 * console.log(JSON.stringify(policyJsonSchema(), null, 2));
 */
export function policyJsonSchema(): Json {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'landward policy',
    ...convert(POLICY_SCHEMA),
  };
}

function convert(schema: Schema): { readonly [key: string]: Json } {
  const doc = schema.doc === undefined ? {} : { description: schema.doc };
  switch (schema.kind) {
    case 'string':
      return {
        type: 'string',
        ...(schema.values === undefined ? {} : { enum: schema.values }),
        ...(schema.pattern === undefined ? {} : { pattern: schema.pattern }),
        ...doc,
      };
    case 'integer':
      return { type: 'integer', minimum: schema.min, maximum: schema.max, ...doc };
    case 'boolean':
      return { type: 'boolean', ...doc };
    case 'list':
      return {
        type: 'array',
        items: convert(schema.of),
        ...(schema.min === undefined ? {} : { minItems: schema.min }),
        ...doc,
      };
    case 'table':
      return {
        type: 'object',
        properties: Object.fromEntries(
          Object.entries(schema.keys).map(([key, inner]) => [key, convert(inner)]),
        ),
        additionalProperties: false,
        ...(schema.required === undefined ? {} : { required: schema.required }),
        ...doc,
      };
    case 'map':
      return {
        type: 'object',
        propertyNames: { pattern: schema.key },
        additionalProperties: convert(schema.of),
        ...doc,
      };
    case 'union':
      return { anyOf: schema.of.map(convert), ...doc };
  }
}
