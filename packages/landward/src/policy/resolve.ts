/**
 * Texts and definitions to one `Policy`: extends, variables, presets and layers resolved, defaults filled in.
 *
 * A policy exists whole or not at all: every problem of every text is reported together.
 */

import type { Category, Rule, RuleLayer } from '../model/rules.ts';
import { readQuestion } from './ask.ts';
import { functionsIn, withFunctions } from './define.ts';
import { isRefusal } from './expand.ts';
import { mutableOf, refuseMutable } from './mutable-of.ts';
import type { Policy, PolicyNote, PolicyTest } from './policy.ts';
import { problems as collectProblems, type Problems } from './problems.ts';
import { programsOf } from './programs-of.ts';
import { categoriesOf, rulesOf } from './rules-of.ts';
import { settingsOf } from './settings-of.ts';
import { socketsOf } from './sockets-of.ts';
import {
  type FileSource,
  gatherTexts,
  type PolicyInput,
  type PolicyText,
  type PresetSource,
} from './texts.ts';
import { entry, items } from './tree.ts';
import { type SystemVariables, systemScope } from './vars.ts';

export type { FileSource, PolicyInput, PresetSource } from './texts.ts';
export type { SystemVariables } from './vars.ts';

/** What resolving needs of the world. */
export interface ResolveContext {
  readonly variables: SystemVariables;
  readonly preset: PresetSource;
  /** Gives files for `extends`; without it only presets can be extended. */
  readonly file?: FileSource;
}

const ALL_CATEGORIES: readonly Category[] = ['fs', 'net', 'unix', 'process'];

/**
 * Resolves a policy.
 *
 * @param inputs the texts and definitions, in order; all that grant make one layer, each limit its own
 * @param context variables, presets and files
 * @throws LandwardError or PolicyErrors with positions, when anything in any text is wrong
 * @example
 * const policy = await resolvePolicy([{ name: 'landward.toml', text }], { variables, preset });
 */
export async function resolvePolicy(
  inputs: readonly PolicyInput[],
  context: ResolveContext,
): Promise<Policy> {
  const problems = collectProblems();
  const system = (project: string | undefined) =>
    systemScope(project === undefined ? context.variables : { ...context.variables, project });
  const { grants, limits, sources } = await gatherTexts(
    inputs,
    { system, preset: context.preset, file: context.file },
    problems,
  );
  const layers = [
    grantLayer(inputs, grants, problems),
    ...limits.map((texts) => limitLayer(texts, problems)),
  ];
  refuseMutable(grants, problems);
  const settings = settingsOf(grants, limits, problems);
  const texts = [...new Set([...grants, ...limits.flat()])];
  const tests = texts.flatMap((text) => testsOf(text, problems));
  const programs = texts.flatMap((text) => programsOf(text, problems));
  problems.throwIfAny();
  const notes = texts.flatMap(notesOf);
  const policy = {
    layers,
    ...settings,
    tests,
    sources,
    notes,
    ...(programs.length === 0 ? {} : { programs }),
  };
  return withFunctions(
    policy,
    inputs.flatMap(({ value }) => functionsIn(value)),
  );
}

function grantLayer(
  inputs: readonly PolicyInput[],
  texts: readonly PolicyText[],
  problems: Problems,
): RuleLayer {
  const given = inputs.map((input) => input.name).filter((name) => texts.some((text) => text.name === name));
  const name = given.length > 0 ? given.join(' + ') : (texts.at(-1)?.name ?? 'no grant');
  return {
    kind: 'grant',
    name,
    categories: ALL_CATEGORIES,
    rules: texts.flatMap((text) => rulesOf(text, problems)),
    ...socketControl(texts, problems),
  };
}

function socketControl(texts: readonly PolicyText[], problems: Problems): Pick<RuleLayer, 'sockets'> {
  const sockets = socketsOf(texts, problems);
  return sockets === undefined ? {} : { sockets };
}

/** A limit makes no directories; one that is not approved makes no denial silent. */
function limiting(rule: Rule, forced: boolean): Rule {
  const made =
    rule.kind === 'path' && rule.missing === 'create' ? { ...rule, missing: 'optional' as const } : rule;
  if (!forced || made.quiet === undefined) return made;
  const { quiet: _quiet, ...loud } = made;
  return loud;
}

function limitLayer(texts: readonly PolicyText[], problems: Problems): RuleLayer {
  const spoken = new Set(texts.flatMap(categoriesOf));
  const rules = texts
    .flatMap((text) => rulesOf(text, problems))
    .map((rule) => limiting(rule, texts.at(-1)!.forced));
  return {
    kind: 'limit',
    name: texts.at(-1)!.name,
    categories: ALL_CATEGORIES.filter((category) => spoken.has(category)),
    rules,
    ...socketControl(texts, problems),
    ...mutableOf(texts, rules, problems),
  };
}

function testsOf(text: PolicyText, problems: Problems): PolicyTest[] {
  const found: PolicyTest[] = [];
  for (const test of items(entry(text.tree, 'test'))) {
    if (test.kind !== 'table') continue;
    if (test.entries.length === 0)
      problems.add(test, 'A test expects something, this one is empty', {
        fix: 'Write deny = "read ~/.ssh"',
      });
    for (const { key, value } of test.entries) {
      for (const item of items(value)) {
        if (item.kind !== 'string') continue;
        const request = readQuestion(item.value, text.scope.lookup);
        if (isRefusal(request)) problems.add(item, request.refused, { part: item.value, fix: request.fix });
        else found.push({ expect: key as PolicyTest['expect'], text: item.value, request, at: item.at });
      }
    }
  }
  return found;
}

function notesOf(text: PolicyText): PolicyNote[] {
  const unused = text.scope.unused().map(
    ({ name, at }): PolicyNote => ({
      code: 'unused-variable',
      text: `The variable '${name}' is not used`,
      at,
    }),
  );
  if (!text.forced) return unused;
  const dropped = (
    [
      ['env', 'set'],
      ['require', 'degrade'],
      ['process', 'keep_fds'],
    ] as const
  ).flatMap(([table, key]): PolicyNote[] => {
    const found = entry(text.tree, table);
    const node = found?.kind === 'table' ? entry(found, key) : undefined;
    return node === undefined
      ? []
      : [
          {
            code: 'not-approved',
            text: `'${table}.${key}' has no effect until this file is approved`,
            at: node.at,
          },
        ];
  });
  return [...unused, ...dropped];
}
