/** Modules of this repository as plain JavaScript in a directory of their own, for versions of Node that read no types. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { root } from './needs.ts';

/**
 * Copies a module and all that it imports by relative names.
 *
 * @param into an empty directory
 * @returns the path of the copied module
 */
export function stripped(module: string, into: string): string {
  const done = new Set<string>();
  const copy = (file: string): void => {
    if (done.has(file)) return;
    done.add(file);
    const text = stripTypeScriptTypes(readFileSync(file, 'utf8'));
    for (const [, name] of text.matchAll(/from '(\.[^']*)\.ts'/g))
      copy(`${resolve(dirname(file), name!)}.ts`);
    const place = placeOf(file, into);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text.replaceAll(/from '(\.[^']*)\.ts'/g, "from '$1.js'"));
  };
  writeFileSync(join(into, 'package.json'), '{ "type": "module" }');
  copy(module);
  return placeOf(module, into);
}

function placeOf(file: string, into: string): string {
  return join(into, relative(root, file).replace(/\.ts$/, '.js'));
}
