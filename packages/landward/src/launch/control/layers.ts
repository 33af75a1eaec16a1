/**
 * The layers of a running sandbox as its owner changes them from a command line: options as edits, answers as sentences.
 *
 * Owns the words. Whether an edit may be is decided where the sandbox is supervised.
 */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { KnownRun } from '../../audit/registry/read.ts';
import { LandwardError } from '../../errors.ts';
import type { LayerAnswered } from '../../model/layers/rule-orders.ts';
import { ruleText } from '../../model/rules/rule-text.ts';
import { optionsPolicy, type PolicyOptions } from '../command-line.ts';
import { escapeText, quote } from '../escape.ts';
import type { ControlledLayer } from '../layer-control.ts';
import { stateDirectory } from '../variables.ts';
import { askRun, findRun } from './client.ts';
import type { SentEdits, SentText } from './protocol.ts';

export type { ControlledLayer } from '../layer-control.ts';

/** A sandbox, asked as its owner. */
export class OwnedLayers {
  readonly run: KnownRun;

  /**
   * @param name of the run, as `findRun` takes it
   * @throws as `findRun`
   */
  constructor(name: string | undefined) {
    this.run = findRun(stateDirectory(), name);
  }

  /** The layers, oldest first. */
  async list(): Promise<readonly ControlledLayer[]> {
    return (await askRun(this.run, { op: 'list' })) as readonly ControlledLayer[];
  }

  /**
   * The layer with a number, or with a name that ends so.
   *
   * @throws LandwardError USAGE where none or several are meant
   */
  async find(name: string): Promise<ControlledLayer> {
    const layers = await this.list();
    const byKey = layers.filter(({ key }) => String(key) === name);
    const found = byKey.length > 0 ? byKey : layers.filter((layer) => isNamed(layer.name, name));
    if (found.length === 1) return found[0]!;
    const names = layers.map((layer) => `${layer.key} (${layer.name})`).join(', ');
    throw new LandwardError(
      'USAGE',
      `The sandbox has ${found.length === 0 ? 'no layer' : 'several layers'} ${quote(name)}`,
      {
        part: name,
        fix: `Its layers are ${names}`,
      },
    );
  }

  /** Changes a layer: at once, or as a draft. */
  async modify(layer: ControlledLayer, edits: SentEdits, draft: boolean): Promise<LayerAnswered> {
    const { key, version } = layer;
    return (await askRun(this.run, { op: 'modify', key, base: version, edits, draft })) as LayerAnswered;
  }

  /** Makes a draft count. */
  async commit({ key, version }: ControlledLayer): Promise<LayerAnswered> {
    return (await askRun(this.run, { op: 'commit', key, base: version })) as LayerAnswered;
  }

  /** Drops a draft, whoever has made it. */
  async discard({ key }: ControlledLayer): Promise<LayerAnswered> {
    return (await askRun(this.run, { op: 'discard', key })) as LayerAnswered;
  }

  /** Makes a layer immutable for ever. */
  async seal({ key }: ControlledLayer): Promise<LayerAnswered> {
    return (await askRun(this.run, { op: 'seal', key })) as LayerAnswered;
  }
}

function isNamed(full: string, name: string): boolean {
  return full === name || full.endsWith(`/${name}`);
}

/** The options of a command line that say what is to change. */
export interface EditOptions extends PolicyOptions {
  readonly add?: string;
  readonly remove?: string;
  readonly intersect?: string;
  readonly 'allow-call'?: readonly string[];
  readonly 'refuse-call'?: readonly string[];
}

/**
 * Edits from options: `--read` and its like are rules that come besides, files are policy texts.
 *
 * @throws LandwardError USAGE where nothing is to change
 */
export function editsOf(options: EditOptions, cwd: string): SentEdits {
  const { add, remove, intersect, 'allow-call': allowCalls, 'refuse-call': refuseCalls } = options;
  const rules = optionsPolicy(options, cwd);
  if (add !== undefined && rules !== undefined)
    throw new LandwardError('USAGE', 'Rules come from --add or from options, not from both at once', {
      part: add,
    });
  const own: SentText | undefined =
    rules === undefined
      ? undefined
      : { name: 'command line', text: JSON.stringify(rules.value), format: 'json', directory: cwd };
  const edits: SentEdits = {
    ...given('add', add === undefined ? own : textOf(add, cwd)),
    ...given('remove', remove === undefined ? undefined : textOf(remove, cwd)),
    ...given('intersect', intersect === undefined ? undefined : textOf(intersect, cwd)),
    ...given('allowCalls', allowCalls),
    ...given('refuseCalls', refuseCalls),
    cwd,
  };
  if (Object.keys(edits).length === 1)
    throw new LandwardError('USAGE', 'There is nothing to change', {
      fix: 'Say what: --read PATH, --deny PATH, --add FILE, --remove FILE, --intersect FILE',
    });
  return edits;
}

function given<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };
}

function textOf(file: string, cwd: string): SentText {
  const path = resolve(cwd, file);
  try {
    const format = /\.jsonc?$/i.test(file) ? 'json' : 'toml';
    return { name: path, text: readFileSync(path, 'utf8'), format, directory: resolve(path, '..') };
  } catch (cause) {
    throw new LandwardError('POLICY_NOT_FOUND', `The file ${quote(file)} cannot be read`, {
      part: file,
      cause,
    });
  }
}

/** The layers as lines for a person. */
export function layerLines(layers: readonly ControlledLayer[], rules: boolean): string {
  return layers
    .map((layer) => {
      const { key, name, mutability, version, drafted, principal } = layer;
      const changes =
        mutability === 'immutable' ? 'never changes' : `may change: ${mutability}, by its ${principal}`;
      const draft = drafted ? ', a draft is waiting' : '';
      const head = `${key}  ${escapeText(name)}  version ${version}, ${changes}${draft}\n`;
      const below = rules ? layer.layer.rules.map((rule) => `     ${escapeText(ruleText(rule))}\n`) : [];
      return `${head}${below.join('')}`;
    })
    .join('');
}

/** What became of a change, as a line for a person. */
export function changeLine(layer: ControlledLayer, { entry, layers }: LayerAnswered): string {
  const name = escapeText(layer.name);
  if (entry === undefined)
    return layers.some(({ drafted }) => drafted)
      ? `layer ${layer.key} (${name}): drafted; landward layer commit makes it count\n`
      : `layer ${layer.key} (${name}): no draft is waiting\n`;
  if (entry.operation === 'seal') return `layer ${layer.key} (${name}): sealed at version ${entry.to}\n`;
  // What is taken at one place can make a move there harmless; of stricter layers the older versions still refuse it.
  const moves = layer.mutability === 'any' && layer.layer.categories.includes('fs');
  const nothing = `it allows nothing that it did not before${moves ? ', moves and links apart' : ''}`;
  const more = entry.widened ? 'it allows more than before' : nothing;
  return `layer ${layer.key} (${name}): version ${entry.from} is now ${entry.to}; ${more}\n`;
}
