/** The presets by name. Owns the table; what a preset opens stands in its own file. */

import type { PolicyDefinition } from '../define.ts';
import { base } from './base.ts';
import { curl } from './curl.ts';
import { fallback } from './default.ts';
import { gcc } from './gcc.ts';
import { git } from './git.ts';
import { imagemagick } from './imagemagick.ts';
import { nginx } from './nginx.ts';
import { node } from './node.ts';
import { npm } from './npm.ts';
import { proc } from './proc.ts';
import { python } from './python.ts';
import { shell } from './shell.ts';
import { tls } from './tls.ts';

/** Every preset, without the `@`. */
export const PRESETS = {
  base,
  shell,
  tls,
  git,
  node,
  npm,
  python,
  gcc,
  curl,
  nginx,
  imagemagick,
  proc,
  default: fallback,
} as const satisfies Record<string, PolicyDefinition>;

/** The name of a preset, without the `@`. */
export type PresetName = keyof typeof PRESETS;

/** All names, in the order in which they are documented. */
export const presetNames = Object.keys(PRESETS) as readonly PresetName[];

/**
 * Gives a preset by its name without `@`, or undefined where there is none.
 *
 * @example
 * presetSource('base')?.description;
 */
export function presetSource(name: string): PolicyDefinition | undefined {
  return Object.hasOwn(PRESETS, name) ? PRESETS[name as PresetName] : undefined;
}
