/**
 * From what a person gave (files, presets, definitions, or nothing) to one resolved policy, with the files behind it.
 *
 * Decides who may widen: what is given by name grants; what is found in a project only narrows until it is approved.
 * Resolving itself is `policy/resolve.ts`.
 */

import { realpathSync } from 'node:fs';
import { LandwardError } from '../errors.ts';
import { canonicalJson } from '../policy/canonical.ts';
import type { PolicyDefinition } from '../policy/define.ts';
import type { Policy } from '../policy/policy.ts';
import { type PolicyInput, type PresetSource, resolvePolicy } from '../policy/resolve.ts';
import { type ApprovedText, approvalDigest, isApproved, writeApproval } from './approvals.ts';
import { placePolicy } from './default-policy.ts';
import {
  absolutePath,
  type FoundPolicy,
  isInput,
  type LoadedPolicy,
  parentOf,
  presetBody,
} from './load-input.ts';
import { findProjectFile, type PolicyFile, readPolicyFile } from './policy-file.ts';
import { sha256 } from './sha256.ts';
import { type Environment, homeDirectory, systemVariables } from './variables.ts';

export type { FoundPolicy, LoadedPolicy } from './load-input.ts';

export interface LoadOptions {
  /** The directory to start from, by default this process's. */
  readonly cwd?: string;
  readonly env?: Environment;
  /** Files, `@presets`, definitions, and named inputs, in order. Empty: the project's policy, or `@default`. */
  readonly policies?: readonly (string | PolicyDefinition | PolicyInput)[];
  /** Composed with whatever is loaded, such as the options of a command line: these grant. */
  readonly add?: readonly PolicyInput[];
  /** Composed as well where `@default` is the policy, because none is given and none is approved. */
  readonly addToDefault?: readonly PolicyInput[];
  /** Whether to look for the project's policy when no policy is given; default true. */
  readonly find?: boolean;
  /** Presets by name, by default landward's own. */
  readonly preset?: PresetSource;
}

/**
 * Loads a policy.
 *
 * @throws LandwardError or PolicyErrors when anything is missing or wrong
 * @example
 * const { policy } = await loadPolicy({ policies: ['@node', './landward.toml'] });
 */
export async function loadPolicy(options: LoadOptions = {}): Promise<LoadedPolicy> {
  const loader = await Loader.create(options);
  const policies = options.policies ?? [];
  const add = options.add ?? [];
  const addToDefault = options.addToDefault ?? [];
  if (policies.length > 0)
    return loader.resolve([...(await Promise.all(policies.map((policy) => loader.input(policy)))), ...add]);
  const path =
    options.find === false ? undefined : await findProjectFile(loader.cwd, homeDirectory(loader.env));
  if (path === undefined)
    return loader.resolve([
      { name: '@default', ...presetBody(await loader.preset(), 'default') },
      ...add,
      ...addToDefault,
    ]);
  return loader.resolveProject(path, add, addToDefault);
}

/**
 * Approves the policy of a project as it is now: from then on, and until a byte changes, it grants.
 *
 * @param path the policy file
 * @returns what was approved
 * @throws LandwardError USAGE for a file that others can write
 */
export async function approve(path: string, options: LoadOptions = {}): Promise<FoundPolicy> {
  const loader = await Loader.create(options);
  const { found } = await loader.resolveProject(absolutePath(path, loader.cwd));
  if (found!.state === 'not trusted') {
    throw new LandwardError('USAGE', `The policy '${path}' cannot be approved: ${found!.reason}`, {
      part: path,
      fix: 'Correct owner and mode of the file',
    });
  }
  await writeApproval(found!.path, found!.digest, loader.env);
  return { ...found!, state: 'approved' };
}

/** Hex SHA-256 of a policy's canonical form. */
export function policyDigest(policy: Policy): string {
  return sha256(canonicalJson(policy));
}

type Inputs = readonly PolicyInput[];

class Loader {
  readonly cwd: string;
  readonly env: Environment;
  readonly #preset: PresetSource | undefined;
  readonly #files = new Set<string>();

  private constructor(cwd: string, options: LoadOptions) {
    this.cwd = cwd;
    this.env = options.env ?? process.env;
    this.#preset = options.preset;
  }

  static async create(options: LoadOptions): Promise<Loader> {
    return new Loader(realpathSync.native(options.cwd ?? process.cwd()), options);
  }

  async preset(): Promise<PresetSource> {
    return this.#preset ?? (await import('../policy/presets/index.ts')).presetSource;
  }

  /** One given policy as an input. */
  async input(policy: string | PolicyDefinition | PolicyInput): Promise<PolicyInput> {
    if (typeof policy !== 'string')
      return isInput(policy) ? policy : { name: 'definePolicy', value: policy, directory: this.cwd };
    if (policy.startsWith('@')) {
      const body = presetBody(await this.preset(), policy.slice(1));
      return { name: policy, ...body };
    }
    const path = absolutePath(policy, this.cwd);
    const file = await readPolicyFile(path);
    if (file === undefined)
      throw new LandwardError('POLICY_NOT_FOUND', `There is no policy file '${policy}'`, { part: policy });
    this.#refuseDistrusted(policy, file);
    this.#files.add(file.path);
    return { name: path, text: file.bytes, directory: parentOf(path) };
  }

  async resolve(inputs: readonly PolicyInput[]): Promise<LoadedPolicy> {
    const variables = systemVariables(this.cwd, this.env);
    const resolved = await resolvePolicy(inputs, {
      variables,
      preset: await this.preset(),
      file: (path) => this.#extended(path),
    });
    const foreign = [variables.project, variables.tmp];
    const policy = placePolicy(resolved, variables, foreign);
    return {
      policy,
      get digest() {
        return policyDigest(policy);
      },
      files: [...this.#files].sort(),
    };
  }

  /**
   * Resolves the policy of a project. Reads it and what it extends once, so that the bytes that are approved are the
   * bytes that are used. What is not approved cannot name files outside its directory: their lines would show in messages.
   */
  async resolveProject(path: string, add: Inputs = [], addToDefault: Inputs = []): Promise<LoadedPolicy> {
    const file = await readPolicyFile(path);
    if (file === undefined)
      throw new LandwardError('POLICY_NOT_FOUND', `There is no policy file '${path}'`, { part: path });
    const directory = parentOf(path);
    const inside = realpathSync.native(directory);
    this.#refuseOutside(path, file, inside);
    const texts: ApprovedText[] = [{ path, bytes: file.bytes }];
    const distrust = [file.distrust];
    const extend = async (name: string): Promise<Uint8Array | undefined> => {
      const known = texts.find((text) => text.path === name);
      if (known !== undefined) return known.bytes;
      const extended = await readPolicyFile(name);
      if (extended === undefined) return undefined;
      this.#refuseOutside(name, extended, inside);
      texts.push({ path: name, bytes: extended.bytes });
      distrust.push(extended.distrust);
      this.#files.add(extended.path);
      return extended.bytes;
    };
    this.#files.add(file.path);
    const preset = await this.preset();
    const project = { name: path, text: file.bytes, directory };
    const variables = systemVariables(this.cwd, this.env);
    const foreign = [...new Set([variables.project, inside, variables.tmp])];
    const narrowed = await resolvePolicy(
      [
        { name: '@default', ...presetBody(preset, 'default') },
        ...add,
        ...addToDefault,
        { ...project, layer: 'limit', project: inside },
      ],
      { variables, preset, file: extend },
    );
    const narrow = placePolicy(narrowed, variables, foreign);
    const digest = approvalDigest(texts);
    const reason = distrust.find((why) => why !== undefined);
    const files = [...this.#files].sort();
    if (reason !== undefined || !(await isApproved(path, digest, this.env))) {
      const found: FoundPolicy =
        reason === undefined
          ? { path, digest, state: 'not approved' }
          : { path, digest, state: 'not trusted', reason };
      return {
        policy: narrow,
        get digest() {
          return policyDigest(narrow);
        },
        found,
        files,
      };
    }
    const own = systemVariables(inside, this.env);
    const granted = await resolvePolicy([project, ...add], { variables: own, preset, file: extend });
    const policy = placePolicy(granted, own, foreign);
    return {
      policy,
      get digest() {
        return policyDigest(policy);
      },
      found: { path, digest, state: 'approved' },
      files,
    };
  }

  #refuseOutside(name: string, file: PolicyFile, directory: string): void {
    if (file.path.startsWith(directory === '/' ? '/' : `${directory}/`)) return;
    throw new LandwardError(
      'POLICY_INVALID',
      `A policy that is found lies in its own directory with all that it extends, '${name}' leads outside`,
      {
        part: name,
        fix: 'Name the policy with -p',
      },
    );
  }

  async #extended(path: string): Promise<Uint8Array | undefined> {
    const file = await readPolicyFile(path);
    if (file === undefined) return undefined;
    this.#refuseDistrusted(path, file);
    this.#files.add(file.path);
    return file.bytes;
  }

  #refuseDistrusted(name: string, file: PolicyFile): void {
    if (file.distrust === undefined) return;
    throw new LandwardError('POLICY_INVALID', `The policy '${name}' cannot grant: ${file.distrust}`, {
      part: name,
      fix: 'Correct owner and mode of the file',
    });
  }
}
