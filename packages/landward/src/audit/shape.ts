/**
 * JSON that somebody else wrote, as values of known types: small readers that combine to a reader of a whole record.
 *
 * Owns the checks of types and ranges. What a record means is its own file's; keys that a reader does not know are left
 * out, so that a newer writer is still understood.
 */

/** What is wrong with a value, and where: a path such as `object.ino`. */
export class Malformed {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** Reads a value or throws `Malformed`. */
export type Shape<T> = (value: unknown, at: string) => T;

const fail = (at: string, wanted: string): never => {
  throw new Malformed(`${at === '' ? 'the value' : at} is not ${wanted}`);
};

export const text: Shape<string> = (value, at) => (typeof value === 'string' ? value : fail(at, 'a string'));
export const flag: Shape<boolean> = (value, at) =>
  typeof value === 'boolean' ? value : fail(at, 'true or false');
export const finite: Shape<number> = (value, at) =>
  typeof value === 'number' && Number.isFinite(value) ? value : fail(at, 'a number');
/** A whole number that is not negative. */
export const count: Shape<number> = (value, at) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : fail(at, 'a whole number');
/** A 64-bit number, written in decimal digits between quotes because JSON readers round big numbers. */
export const wide: Shape<bigint> = (value, at) =>
  typeof value === 'string' && /^\d{1,20}$/.test(value) && BigInt(value) < 1n << 64n
    ? BigInt(value)
    : fail(at, 'a 64-bit number in decimal digits between quotes');

export const list =
  <T>(item: Shape<T>): Shape<readonly T[]> =>
  (value, at) =>
    Array.isArray(value) ? value.map((each, index) => item(each, `${at}[${index}]`)) : fail(at, 'a list');

export const oneOf =
  <const T extends string | number>(...choices: readonly T[]): Shape<T> =>
  (value, at) =>
    choices.find((choice) => choice === value) ?? fail(at, `one of ${choices.join(', ')}`);

type Shapes = Readonly<Record<string, Shape<unknown>>>;
type Required<R extends Shapes> = { readonly [K in keyof R]: ReturnType<R[K]> };
type Optional<O extends Shapes> = { readonly [K in keyof O]?: ReturnType<O[K]> };

/** An object with keys that must be there, and keys that may be. */
export const record =
  <const R extends Shapes, const O extends Shapes>(
    required: R,
    optional: O,
  ): Shape<Required<R> & Optional<O>> =>
  (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(at, 'an object');
    const given = value as Readonly<Record<string, unknown>>;
    const found: Record<string, unknown> = {};
    const below = (key: string) => (at === '' ? key : `${at}.${key}`);
    for (const [key, shape] of Object.entries(required)) {
      if (!Object.hasOwn(given, key)) throw new Malformed(`${below(key)} is missing`);
      found[key] = shape(given[key], below(key));
    }
    for (const [key, shape] of Object.entries(optional))
      if (Object.hasOwn(given, key)) found[key] = shape(given[key], below(key));
    return found as Required<R> & Optional<O>;
  };

/** One of several objects, told apart by their `kind`. */
export const byKind =
  <const V extends Readonly<Record<string, Shape<object>>>>(
    variants: V,
  ): Shape<{ [K in keyof V & string]: { readonly kind: K } & ReturnType<V[K]> }[keyof V & string]> =>
  (value, at) => {
    const kind = (value as { readonly kind?: unknown } | null)?.kind;
    const shape = typeof kind === 'string' && Object.hasOwn(variants, kind) ? variants[kind] : undefined;
    if (shape === undefined) return fail(at, `an object whose kind is ${Object.keys(variants).join(', ')}`);
    return { kind, ...shape(value, at) } as never;
  };

/** Reads a whole value: what it says, or the reason why it is not understood. */
export function readShape<T>(
  shape: Shape<T>,
  value: unknown,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string } {
  try {
    return { ok: true, value: shape(value, '') };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { ok: false, reason: error.reason };
  }
}

/** A value as JSON can hold it: 64-bit numbers in decimal digits between quotes, `undefined` members left out. */
export function toPlain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => (each === undefined ? [] : [[key, toPlain(each)]])),
  );
}
