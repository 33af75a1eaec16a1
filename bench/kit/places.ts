/**
 * Where the bench keeps what it installs and builds: below `node_modules/.cache`, so that it is never packed or committed.
 */

import { resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');
export const cache = resolve(root, 'node_modules/.cache/landward-bench');
