/**
 * The handle to one layer of a sandbox: drafting, committing, sealing and asking, by whoever holds it.
 *
 * Owns nothing but the way: what an edit comes to is the model's answer. A handle that is closed seals a layer that only it
 * could change.
 */

import { LandwardError } from '../errors.ts';
import type { LayerAnswered } from '../model/layers/rule-orders.ts';
import { ERRNO, errnoName } from '../uapi/errno.ts';
import type { ControlledLayer, Editor, LayerControl, LayerEdits } from './layer-control.ts';

/** What a commit came to. */
export interface Committed {
  readonly version: number;
  /** Whether anything but moves and links is allowed now that was not before. */
  readonly widened: boolean;
}

/** A layer of a sandbox. */
export interface SandboxLayer extends Disposable {
  /**
   * Drafts edits, which bind nobody before `commit`. All of them count together or not at all.
   *
   * @throws LandwardError USAGE with the errno's name as `part`: EROFS for a layer that cannot change, EPERM for an edit that would
   * give more to one that may only become stricter, ENOENT for a rule that is not there, EINVAL for what the layer does not
   * speak about; or what is wrong with a text
   */
  modify(edits: LayerEdits): Promise<void>;
  /**
   * Makes the draft count, for every process of the sandbox at once.
   *
   * @throws LandwardError USAGE with EBUSY where somebody else has changed the layer since this handle last looked at it
   */
  commit(): Promise<Committed>;
  /** Makes the layer immutable for ever. A draft is lost. */
  seal(): Promise<void>;
  /** The layer as it is now. */
  query(): Promise<ControlledLayer>;
}

export class HeldLayer implements SandboxLayer {
  readonly #control: () => Promise<LayerControl>;
  readonly #by: Editor = { who: 'holder', name: `pid ${process.pid}` };
  #key: number | undefined;
  #base: number | undefined;
  #closed = false;

  /** @param control opens the sandbox, where that has not been done yet, and so binds this handle */
  constructor(control: () => Promise<LayerControl>) {
    this.#control = control;
  }

  /** Says which layer this is. */
  bind(key: number): void {
    this.#key = key;
  }

  /** Seals a layer whose handle was closed before there was anything to seal. */
  async settle(control: LayerControl): Promise<void> {
    if (this.#closed && this.#key !== undefined) await control.release(this.#key, this.#by);
  }

  async modify(edits: LayerEdits): Promise<void> {
    const { control, key } = await this.#opened();
    this.#base ??= (await this.#look(control, key)).version;
    taken(await control.modify(key, edits, this.#by), 'changed');
  }

  async commit(): Promise<Committed> {
    const { control, key } = await this.#opened();
    const base = this.#base ?? (await this.#look(control, key)).version;
    const { entry } = taken(await control.commit(key, base, this.#by), 'changed');
    this.#base = entry!.to;
    return { version: entry!.to, widened: entry!.widened };
  }

  async seal(): Promise<void> {
    const { control, key } = await this.#opened();
    taken(await control.seal(key, this.#by), 'sealed');
  }

  async query(): Promise<ControlledLayer> {
    const { control, key } = await this.#opened();
    const found = await this.#look(control, key);
    this.#base = found.version;
    return found;
  }

  /** Closes the handle; seals the layer where nobody else could change it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#key === undefined) return;
    await (await this.#control()).release(this.#key, this.#by);
  }

  [Symbol.dispose](): void {
    // Nobody waits for it: whoever needs to know has `seal`.
    void this.close().catch(() => {});
  }

  async #look(control: LayerControl, key: number): Promise<ControlledLayer> {
    const found = (await control.list()).find((layer) => layer.key === key);
    if (found === undefined) throw refuseLayer(ERRNO.EBADF, 'found');
    return found;
  }

  async #opened(): Promise<{ readonly control: LayerControl; readonly key: number }> {
    if (this.#closed)
      throw new LandwardError('USAGE', 'The handle of this layer was closed', { part: 'EBADF' });
    const control = await this.#control();
    if (this.#key === undefined) throw refuseLayer(ERRNO.EROFS, 'changed');
    return { control, key: this.#key };
  }
}

function taken(answered: LayerAnswered, what: string): LayerAnswered {
  if (answered.errno !== 0) throw refuseLayer(answered.errno, what);
  return answered;
}

const REASONS: Readonly<Record<number, string>> = {
  [ERRNO.EBADF]: 'there is no such layer',
  [ERRNO.EPERM]: 'it may only become stricter and this would give more, or the sandbox takes no more layers',
  [ERRNO.EROFS]: 'it never changes: it was not added as one that may, or it is sealed',
  [ERRNO.EBUSY]: 'somebody else has changed it since',
  [ERRNO.ENOENT]: 'it has no such rule',
  [ERRNO.EINVAL]: 'it does not speak about that',
  [ERRNO.ENOMSG]: 'a rule says nothing',
  [ERRNO.E2BIG]: 'there would be too many rules, versions or layers',
};

/** The error of an order that was refused. */
export function refuseLayer(errno: number, what: string): LandwardError {
  const name = errnoName(errno);
  return new LandwardError(
    'USAGE',
    `The layer cannot be ${what}: ${REASONS[errno] ?? 'it is refused'} (${name})`,
    {
      part: name,
      fix: errno === ERRNO.EBUSY ? 'Call query() and edit what is there now' : 'See docs/changing-layers.md',
    },
  );
}
