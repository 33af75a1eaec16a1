/**
 * Temporary directories that a test leaves behind never: removed when the test ends, however it ends.
 * The path is real (no symbolic link in it), because policies compare real paths.
 */

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The part of a test context that is needed here. */
export interface Ending {
  after(fn: () => void | Promise<void>): void;
}

/** A fresh directory, removed after the test `t`. */
export function temporaryDirectory(t: Ending, name = 'test'): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `landward-${name}-`)));
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }));
  return path;
}
