/**
 * A sandbox: one policy, any number of programs, and layers of which some may change while the programs run.
 *
 * Owns the object and its layers' handles. What an edit comes to is the model's answer, carried out by the supervisor; a sandbox
 * without layers that may change needs none.
 */

import { LandwardError } from '../errors.ts';
import type { LayerInfo } from '../model/layers/rule-orders.ts';
import type { RuleLayer } from '../model/rules.ts';
import { locate, relocatedLayer } from '../policy/compile-facts.ts';
import type { PolicyDefinition } from '../policy/define.ts';
import type { Plan } from '../policy/plan.ts';
import type { PolicyInput } from '../policy/resolve.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { compile, type PolicyItem, type PolicySource, resolveSource } from './compile.ts';
import { startFunctions } from './deciding.ts';
import { planHost } from './host.ts';
import type { LayerControl, LayerPrincipal } from './layer-control.ts';
import { HeldLayer, refuseLayer, type SandboxLayer } from './sandbox-layer.ts';
import { type Running, spawn } from './spawn.ts';
import type { SpawnOptions } from './spawn-options.ts';

export interface SandboxOptions {
  /** Whether layers may be added while programs run: then the supervisor is asked about everything. No when absent. */
  readonly addLayers?: boolean;
  /** What relative names and `$project` start from; this process's directory when absent. */
  readonly cwd?: string;
}

/** How a layer is added. */
export interface AddLayer {
  /** Whether it may change: only to give less, or both ways. Never when absent. */
  readonly mutable?: 'stricter' | 'any';
  /** Who may change it: only whoever holds its object (when absent), or its owner from outside as well. */
  readonly principal?: LayerPrincipal;
  /** What the layer is called in denials and logs. */
  readonly name?: string;
}

/** How a program is started in a sandbox: as `spawn`, without a policy. */
export type SandboxSpawnOptions = Omit<SpawnOptions, 'policy' | 'plan' | 'programs'>;

interface Pending {
  readonly source: PolicyItem;
  readonly principal: LayerPrincipal;
  readonly handle: HeldLayer;
}

/** Programs under one policy whose layers may change. */
export class Sandbox implements Disposable {
  readonly #policy: PolicySource;
  readonly #options: SandboxOptions;
  readonly #pending: Pending[] = [];
  readonly #handles: HeldLayer[] = [];
  readonly #mark = crypto.randomUUID();
  #opened: Promise<{ readonly plan: Plan; readonly supervisor: Supervisor | null }> | undefined;
  #count = 0;
  #closed = false;

  constructor(policy: PolicySource, options: SandboxOptions = {}) {
    this.#policy = policy;
    this.#options = options;
  }

  /**
   * Adds a layer, which only ever narrows. Before the first start, the layer is compiled with the policy; afterwards it is added to
   * the running programs, where the sandbox was made with `addLayers`.
   *
   * @param policy rules; what the layer says nothing about stays as it is
   * @returns its handle
   * @throws LandwardError POLICY_INVALID for a policy that is no limit, USAGE where layers cannot be added any more
   * @example
   * const layer = await sandbox.addLayer({ fs: { read: ['/srv'] } }, { mutable: 'any' });
   * await layer.modify({ add: { fs: { read: ['/opt'] } } });
   * await layer.commit();
   */
  async addLayer(
    policy: PolicyDefinition,
    { mutable, principal = 'holder', name = `layer ${++this.#count}` }: AddLayer = {},
  ): Promise<SandboxLayer> {
    this.#refuseClosed();
    const more = { layer: 'limit', ...(mutable === undefined ? {} : { mutable }) } as const;
    const source: PolicyInput = { name, value: { ...policy, ...more } };
    const handle = new HeldLayer(() => this.#control());
    if (this.#opened === undefined) {
      this.#pending.push({ source, principal, handle });
      this.#handles.push(handle);
      return handle;
    }
    const control = await this.#control();
    const layer = await this.#readLayer(source);
    const by = { who: 'holder', name: `pid ${process.pid}` } as const;
    const answered = await control.add(layer, principal, by);
    if (answered.errno !== 0) throw refuseLayer(answered.errno, 'added');
    handle.bind(answered.key!);
    this.#handles.push(handle);
    return handle;
  }

  /**
   * Starts a program in the sandbox. Layers bind it as they are now.
   *
   * @example
   * const { stdout } = await sandbox.spawn('node', ['build.js']);
   */
  spawn(command: string, args: readonly string[] = [], options: SandboxSpawnOptions = {}): Running {
    return spawn(command, args, { ...options, ...this.#deciding(options), plan: this.plan() });
  }

  /** The function of the policy goes with every start. */
  #deciding({ decide }: SandboxSpawnOptions): Pick<SandboxSpawnOptions, 'decide'> {
    const [own, ...more] = startFunctions({ policy: this.#policy });
    if (own === undefined) return {};
    if (more.length === 0 && decide === undefined) return { decide: own };
    throw new LandwardError('USAGE', 'A sandbox asks one function: there are several', {
      part: 'decide',
      fix: 'Make one function of them, and give it to the policy',
    });
  }

  /** The plan of the sandbox. From then on, layers are added to running programs. */
  async plan(): Promise<Plan> {
    this.#refuseClosed();
    return (await this.#open()).plan;
  }

  /** Every layer, oldest first. */
  async layers(): Promise<readonly LayerInfo[]> {
    const { plan, supervisor } = await this.#open();
    if (supervisor !== null) return (await this.#control()).list();
    return plan.layers.map((layer, key) => ({
      key,
      name: layer.name,
      mutability: 'immutable',
      version: 0,
      layer,
      drafted: false,
    }));
  }

  /** Gives up the sandbox and all its handles: programs go on, and no layer that only this program holds changes any more. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    const sealed = Promise.allSettled(this.#handles.map((handle) => handle.close()));
    void Promise.all([this.#opened?.catch(() => undefined), sealed]).then(async ([opened]) => {
      if (opened?.supervisor == null) return;
      const { leaveSandbox } = await import('./machinery.ts');
      await leaveSandbox(this.#mark);
    });
  }

  #refuseClosed(): void {
    if (this.#closed) throw new LandwardError('USAGE', 'The sandbox was closed', { fix: 'Make another one' });
  }

  #open() {
    this.#opened ??= this.#compile();
    return this.#opened;
  }

  async #compile(): Promise<{ readonly plan: Plan; readonly supervisor: Supervisor | null }> {
    const { cwd, addLayers = false } = this.#options;
    const where = cwd === undefined ? {} : { cwd };
    const base = await resolveSource(this.#policy, where);
    const added = await Promise.all(this.#pending.map(({ source }) => this.#readLayer(source, false)));
    const plan = await compile(
      { ...base, layers: [...base.layers, ...added] },
      { ...where, addsLayers: addLayers },
    );
    if (plan.supervisor === null) return { plan, supervisor: null };
    const { mayChange } = await import('../supervisor/may-change.ts');
    if (!mayChange({ ...plan, supervisor: plan.supervisor })) return { plan, supervisor: null };
    const marked = { ...plan, report: plan.report, supervisor: { ...plan.supervisor, sandbox: this.#mark } };
    const { supervisorOf } = await import('./machinery.ts');
    const supervisor = await supervisorOf(marked);
    const { layerControlOf } = await import('./layer-control.ts');
    const control = layerControlOf(supervisor);
    // Layers that may change come last in a plan, in the order in which they were added.
    const changing = plan.layers.flatMap(({ mutable }, key) => (mutable === undefined ? [] : [key]));
    const pending = this.#pending.filter((_, at) => added[at]!.mutable !== undefined);
    for (const [at, { principal, handle }] of pending.entries()) {
      const key = changing[changing.length - pending.length + at]!;
      control.assign(key, principal);
      handle.bind(key);
      await handle.settle(control);
    }
    return { plan: marked, supervisor };
  }

  async #control(): Promise<LayerControl> {
    const { supervisor } = await this.#open();
    if (supervisor === null)
      throw new LandwardError(
        'USAGE',
        'No layer of this sandbox may change, and none may be added while it runs',
        {
          fix: "Add layers before the first start, with mutable: 'stricter' or 'any', or open the sandbox with addLayers: true",
        },
      );
    const { layerControlOf } = await import('./layer-control.ts');
    return layerControlOf(supervisor);
  }

  /** A limit as a layer; one that is added to running programs with its paths as they are now. */
  async #readLayer(source: PolicyItem, located = true): Promise<RuleLayer> {
    const { cwd } = this.#options;
    const policy = await resolveSource(source, cwd === undefined ? {} : { cwd });
    const layer = policy.layers.at(-1)!;
    if (policy.layers.length !== 2 || layer.kind !== 'limit')
      throw new LandwardError('POLICY_INVALID', 'A layer is one limit', {
        fix: "Write layer = 'limit' into its text",
      });
    return located ? relocatedLayer(locate([layer], planHost(), policy.foreign)[0]!) : layer;
  }
}

/**
 * Opens a sandbox.
 *
 * @param policy what its programs are given at most
 * @example
 * using sandbox = openSandbox({ extends: ['@node'], fs: { write: ['$project'] } });
 * const layer = await sandbox.addLayer({ fs: { write: ['$project'] } }, { mutable: 'stricter' });
 */
export function openSandbox(policy: PolicySource, options: SandboxOptions = {}): Sandbox {
  return new Sandbox(policy, options);
}
