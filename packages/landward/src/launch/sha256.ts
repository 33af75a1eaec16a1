/** SHA-256, with the module that does it loaded at the first use: most starts of a program need no digest. */

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** The digest of parts one behind the other, in hex. */
export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const { createHash } = require('node:crypto') as typeof import('node:crypto');
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
