/** `landward --version`: which landward, on which Node, kernel and Landlock ABI this is. */

import { readFileSync } from 'node:fs';
import { release } from 'node:os';

/** One line of provenance. */
export function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return `landward ${manifest.version} (Node ${process.versions.node}, Linux ${release()}, ${process.arch})\n`;
}
