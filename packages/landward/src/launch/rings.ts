/**
 * The io_uring rings that this process made before it restricts itself: who could use them to get round what is to come.
 *
 * A ring with a polling thread, or with a registered personality, keeps opening files with the credentials of before.
 * An ordinary ring (the event loops of Node have one each) works with those of the thread that submits, so Landlock
 * holds for it, but no seccomp filter sees what it does.
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { attempt } from '../kernel/call.ts';

/** What was found. */
export interface Rings {
  /** Descriptors of ordinary rings. */
  readonly ordinary: readonly number[];
  /** Why a ring would get round Landlock itself, in sentences. */
  readonly dangerous: readonly string[];
}

/**
 * Looks for rings.
 *
 * @throws Error where /proc cannot be read, since nothing is known then
 */
export function findRings(): Rings {
  const ordinary: number[] = [];
  const dangerous: string[] = [];
  const open = new Set<string>();
  for (const name of readdirSync('/proc/self/fd')) {
    if (linkOf(name) !== 'anon_inode:[io_uring]') continue;
    const info = readFileSync(`/proc/self/fdinfo/${name}`, 'utf8');
    open.add(field(info, 'ino') ?? '');
    if (field(info, 'SqThread') !== '-1')
      dangerous.push(`Descriptor ${name} is an io_uring ring with a polling thread of its own`);
    else {
      const state = dropPersonalities(Number(name));
      if (state === 'none') ordinary.push(Number(name));
      else dangerous.push(`Descriptor ${name} is an io_uring ring ${state}`);
    }
  }
  // A ring can live on in a mapping after its descriptor is closed, and then nobody can look at it.
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
    if (!line.endsWith('anon_inode:[io_uring]')) continue;
    const ino = line.split(/\s+/)[4]!;
    if (!open.has(ino))
      dangerous.push(`An io_uring ring is mapped whose descriptor is closed (inode ${ino})`);
  }
  for (const tid of readdirSync('/proc/self/task')) {
    const name = readFileSync(`/proc/self/task/${tid}/comm`, 'utf8').trim();
    if (name.startsWith('iou-sqp-')) dangerous.push(`Thread ${tid} (${name}) polls an io_uring ring`);
  }
  return { ordinary, dangerous: [...new Set(dangerous)] };
}

const REGISTER_PERSONALITY = 9;
const UNREGISTER_PERSONALITY = 10;

/**
 * Whether a ring has personalities. The kernel does not tell, but it numbers them one by one: registering one more (the one of
 * now, dropped again) says how many there can have been, and dropping a number says whether it was there.
 */
function dropPersonalities(ring: number): string {
  const last = attempt('io_uring_register', ring, REGISTER_PERSONALITY, null, 0);
  if (last < 0) return 'that cannot be asked for registered personalities';
  let found = 0;
  for (let id = 1; id <= last; id++)
    if (attempt('io_uring_register', ring, UNREGISTER_PERSONALITY, null, id) === 0 && id < last) found++;
  return found === 0 ? 'none' : `that had ${found} registered personalities (they are dropped now)`;
}

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(info)?.[1];
}
