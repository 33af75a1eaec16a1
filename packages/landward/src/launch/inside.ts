/**
 * What a program learns about itself where it runs below landward: whether it does, and whether anything that binds it may
 * change. Any language can ask the same by `prctl` (`uapi/landward.ts`).
 *
 * Owns the asking. What is answered is the supervisor's business; a run that needs no supervisor answers nothing.
 */

import { LandwardError } from '../errors.ts';
import { attempt } from '../kernel/call.ts';
import { ERRNO, errnoName } from '../uapi/errno.ts';
import {
  LANDWARD,
  LAYER_CHANGE,
  LAYER_KIND,
  LAYER_RECORD,
  LAYERS_FLAGS,
  LAYERS_HEADER,
  PR_LANDWARD,
} from '../uapi/landward.ts';

/** A layer that binds this thread. */
export interface OwnLayer {
  /** `grant` and `limit` are a policy's, `landlock` was put on by a program. */
  readonly kind: 'grant' | 'limit' | 'landlock' | 'unknown';
  /** Whether it may change under this thread: never, to give less only, or in both directions. */
  readonly change: 'never' | 'stricter' | 'any';
  /** Of a Landlock layer: `TID.version` as this thread reads it, `0.0` where the maker is not seen from here. */
  readonly name: string | null;
}

/** What binds this thread, as far as landward holds it. */
export interface OwnLayers {
  /** Oldest first. */
  readonly layers: readonly OwnLayer[];
  /** Whether the owner of the sandbox may add layers. */
  readonly grows: boolean;
  /** Whether programs or a function of the owner are asked besides: they can refuse what all layers allow. */
  readonly asks: boolean;
}

const KINDS = new Map<number, OwnLayer['kind']>([
  [LAYER_KIND.GRANT, 'grant'],
  [LAYER_KIND.LIMIT, 'limit'],
  [LAYER_KIND.LANDLOCK, 'landlock'],
]);

/**
 * Whether a supervisor of landward answers this thread.
 *
 * @example if (insideLandward()) console.log(ownLayers());
 */
export function insideLandward(): boolean {
  return attempt('prctl', PR_LANDWARD, LANDWARD.PRESENT, 0, 0, 0) === 1;
}

/**
 * The layers that bind this thread, and whether any may change; `null` where no supervisor of landward answers.
 *
 * @throws {LandwardError} SUPERVISOR where it answers, but not this
 * @example ownLayers()?.layers.every(({ change }) => change === 'never')
 */
export function ownLayers(): OwnLayers | null {
  if (!insideLandward()) return null;
  for (;;) {
    const size = ask(null, 0);
    const bytes = new Uint8Array(size);
    const written = ask(bytes, size);
    // Layers may be added between the two questions.
    if (written !== -ERRNO.ERANGE) return read(bytes.subarray(0, written));
  }
}

function ask(bytes: Uint8Array | null, size: number): number {
  const result = attempt('prctl', PR_LANDWARD, LANDWARD.LAYERS, bytes, size, 0);
  if (result >= 0 || result === -ERRNO.ERANGE) return result;
  throw new LandwardError(
    'SUPERVISOR',
    `The supervisor does not tell which layers bind this process (${errnoName(-result)})`,
  );
}

function read(bytes: Uint8Array): OwnLayers {
  const header = LAYERS_HEADER.decode(bytes);
  const layers = Array.from({ length: header.count }, (_, index) =>
    layerOf(bytes.subarray(header.header_size + index * header.record_size)),
  );
  return {
    layers,
    grows: (header.flags & LAYERS_FLAGS.GROWS) !== 0,
    asks: (header.flags & LAYERS_FLAGS.ASKS) !== 0,
  };
}

function layerOf(bytes: Uint8Array): OwnLayer {
  const { kind, change, id } = LAYER_RECORD.decode(bytes);
  return {
    kind: KINDS.get(kind) ?? 'unknown',
    // What a later landward says in a word that is not known here may be anything.
    change: change === LAYER_CHANGE.NEVER ? 'never' : change === LAYER_CHANGE.STRICTER ? 'stricter' : 'any',
    name: kind === LAYER_KIND.LANDLOCK ? `${id >> 32n}.${id & 0xffff_ffffn}` : null,
  };
}
