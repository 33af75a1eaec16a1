/** IP addresses as people write them. Owns the form only. */

const INET_BYTES = 4;

/**
 * An address as text, without brackets.
 *
 * @param bytes four or sixteen
 */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === INET_BYTES) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => (bytes[2 * at]! << 8) | bytes[2 * at + 1]!);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return `::ffff:${bytes.subarray(12).join('.')}`;
  const text = groups.map((group) => group.toString(16)).join(':');
  // The longest run of zeros is left out, as people write it.
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].map(([run]) => run);
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return text;
  const at = text.indexOf(longest);
  return `${text.slice(0, at)}::${text.slice(at + longest.length).replace(/^:/, '')}`;
}
