/**
 * Acting for a target on a thread of the inbox: first steps of an image that give the thread the target's file system identity,
 * groups and capabilities, as the deciding thread has them in `Target.as`. What is opened then was opened by no more than that.
 *
 * Owns the steps. Such a thread serves nobody else (`once`).
 */

import { attempt } from '../kernel/call.ts';
import { type Image, type ImageBuilder, readSlot } from '../kernel/image.ts';
import type { Call } from './call.ts';

const CAPABILITY_VERSION_3 = 0x2008_0522;
const MOST_GROUPS = 65_536;

/** What the first steps have come to. */
export interface Becoming {
  /** For `Blocking.once`: whether the thread is changed at all. */
  readonly once: boolean;
  /** How many steps they are. */
  readonly steps: number;
  /** Whether the thread had become what it had to be. To be asked before anything that it made is used. */
  succeeded(image: Image): boolean;
}

const NOTHING: Becoming = { once: false, steps: 0, succeeded: () => true };

/** Adds the steps, before those that act. */
export function becomeCaller(call: Call, build: ImageBuilder): Becoming {
  const { other } = call.target;
  if (other === null) return NOTHING;
  const before = build.stepCount;
  const { groups, fsuid, fsgid } = other;
  // Setting what is there already would need a capability for nothing.
  if (!isSameList(ownGroups(), groups)) {
    const list = groups.length === 0 ? null : build.bytes(bytesOf(Uint32Array.from(groups)));
    build.step('setgroups', [groups.length, list], 'take the groups of the caller');
  }
  const [user, group] = [build.slot(-1), build.slot(-1)];
  build.step('setfsgid', [fsgid], 'take the group of the caller', { okErrno: 'any' });
  build.step('setfsuid', [fsuid], 'take the user of the caller', { okErrno: 'any' });
  // These calls tell no error: asking with an id that nobody has answers with what is in force.
  build.step('setfsgid', [-1], 'look at the group', { store: group, okErrno: 'any' });
  build.step('setfsuid', [-1], 'look at the user', { store: user, okErrno: 'any' });
  const header = build.bytes(bytesOf(new Uint32Array([CAPABILITY_VERSION_3, 0])));
  build.step('capset', [header, build.bytes(capabilities(other.capabilities))], 'keep what the caller may');
  return {
    once: true,
    steps: build.stepCount - before,
    succeeded: (image) => readSlot(image, user) >>> 0 === fsuid && readSlot(image, group) >>> 0 === fsgid,
  };
}

/** The effective ones among those that this thread may have. */
function capabilities(effective: bigint): Uint8Array {
  const data = new Uint32Array(6);
  attempt('capget', new Uint32Array([CAPABILITY_VERSION_3, 0]), data);
  data[0] = Number(effective & BigInt(data[1]!));
  data[3] = Number((effective >> 32n) & BigInt(data[4]!));
  return bytesOf(data);
}

function ownGroups(): readonly number[] {
  const list = new Uint32Array(MOST_GROUPS);
  return [...list.subarray(0, Math.max(0, attempt('getgroups', list.length, list)))];
}

function isSameList(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((group, index) => group === right[index]);
}

function bytesOf(words: Uint32Array<ArrayBuffer>): Uint8Array {
  return new Uint8Array(words.buffer);
}
