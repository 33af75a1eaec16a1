/**
 * Patterns over the names of environment variables: `*` is any run of characters, nothing else is special.
 *
 * Owns matching and the narrowing of one list by another; applying them to an environment is `launch`.
 */

/** Whether a pattern such as `AWS_*` matches a name. Linear in the product of both lengths. */
export function envMatches(pattern: string, name: string): boolean {
  const parts = pattern.split('*');
  const first = parts[0]!;
  if (parts.length === 1) return pattern === name;
  const last = parts.at(-1)!;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length)
    return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/** Whether every name that `inner` matches is matched by `outer`; may say no although it is so. */
function covers(outer: string, inner: string): boolean {
  return outer === inner || (!inner.includes('*') ? envMatches(outer, inner) : coversGlob(outer, inner));
}

/** A `*` of the inner pattern is taken as a character that only a `*` of the outer matches. */
function coversGlob(outer: string, inner: string): boolean {
  return envMatches(outer, inner.replaceAll('*', '\0'));
}

/**
 * The names that both lists pass, as patterns. Never wider than either; where two globs overlap without one covering
 * the other, what they share is dropped.
 *
 * @param pass the patterns so far; null passes all
 * @param limit the patterns that narrow
 */
export function narrowEnv(pass: readonly string[] | null, limit: readonly string[]): readonly string[] {
  if (pass === null) return [...new Set(limit)].sort();
  const kept = [
    ...pass.filter((pattern) => limit.some((outer) => covers(outer, pattern))),
    ...limit.filter((pattern) => pass.some((outer) => covers(outer, pattern))),
  ];
  return [...new Set(kept)].sort();
}
