/**
 * The records that the kernel's audit writes beside a denial of Landlock, as far as they tell who asked and how it ended:
 * SYSCALL, PROCTITLE, PATH. Owns no join; a record that is malformed tells nothing, the denial stands without it.
 */

import type { DenialProcess } from '../../model/denial.ts';
import { decodeBytes, readUntrusted } from '../../model/records/index.ts';
import { type Arch, syscallName } from '../../uapi/syscalls.ts';

/** What the companions of a denial tell. */
export interface CallFacts {
  readonly operation?: string;
  /** Only where the call failed: a denial beside a call that succeeded is nothing unusual. */
  readonly errno?: number;
  readonly process?: DenialProcess;
  readonly commandLine?: readonly string[];
  readonly names?: readonly string[];
}

/** Companion records by name and by number; what a daemon or the kernel log calls them. */
const KINDS: Readonly<Record<string, 'call' | 'title' | 'path' | 'end'>> = {
  SYSCALL: 'call',
  '1300': 'call',
  PROCTITLE: 'title',
  '1327': 'title',
  PATH: 'path',
  '1302': 'path',
  EOE: 'end',
  '1320': 'end',
};

const ARCHES: Readonly<Record<string, Arch>> = { c000003e: 'x86_64', c00000b7: 'aarch64' };

/**
 * What a companion record adds.
 *
 * @param type its name or number
 * @param body its fields, behind the stamp
 * @param before what earlier records of the same event told
 * @returns all that is known now, and whether the event ends here; `null` for a record that tells nothing of a call
 */
export function readCompanion(
  type: string,
  body: string,
  before: CallFacts,
): { readonly facts: CallFacts; readonly ends: boolean } | null {
  switch (Object.hasOwn(KINDS, type) ? KINDS[type] : undefined) {
    case 'call':
      return { facts: { ...before, ...readCall(body) }, ends: false };
    case 'title':
      // The last record of an event that a daemon writes down.
      return { facts: { ...before, ...readTitle(body) }, ends: true };
    case 'path': {
      const name = readName(body);
      return {
        facts: name === null ? before : { ...before, names: [...(before.names ?? []), name] },
        ends: false,
      };
    }
    case 'end':
      return { facts: before, ends: true };
    default:
      return null;
  }
}

/** The fields in the kernel's order. Nothing that a program names comes before `comm`, and that has no space in it. */
const CALL =
  /^arch=([0-9a-f]{1,8}) syscall=(\d{1,5})(?: per=[0-9a-f]+)?(?: success=(yes|no) exit=(-?\d{1,19}))? a0=[0-9a-f]+ .*? pid=(\d{1,10}) auid=\d+ uid=(\d{1,10}) .* comm=(\S+)(?: exe=(\S+))?/;

function readCall(body: string): CallFacts {
  const found = CALL.exec(body);
  const comm = found === null ? null : readUntrusted(found[7]!);
  if (found === null || comm === null) return {};
  const [, machine, number, success, exit, pid, uid, , file] = found;
  const exe = file === undefined || file === '(null)' ? null : readUntrusted(file);
  const errno = success === 'no' && /^-\d{1,4}$/.test(exit!) ? -Number(exit) : 0;
  const arch = Object.hasOwn(ARCHES, machine!) ? ARCHES[machine!] : undefined;
  const operation = arch === undefined ? undefined : syscallName(arch, Number(number));
  return {
    ...(operation === undefined ? {} : { operation }),
    ...(errno === 0 ? {} : { errno }),
    process: { pid: Number(pid), comm, ...(exe === null ? {} : { exe }), uid: Number(uid) },
  };
}

function readTitle(body: string): CallFacts {
  const raw = /^proctitle=(\S+)/.exec(body)?.[1];
  if (raw === undefined) return {};
  if (raw.startsWith('"')) {
    const word = readUntrusted(raw);
    return word === null ? {} : { commandLine: [word] };
  }
  if (!/^(?:[0-9A-F]{2})+$/.test(raw)) return {};
  // Words are separated by NUL; the kernel cuts at 128 bytes, so that the last word may be a part of one.
  return { commandLine: decodeBytes(Buffer.from(raw, 'hex')).replace(/\0$/, '').split('\0') };
}

function readName(body: string): string | null {
  const raw = /(?:^| )name=(\S+)/.exec(body)?.[1];
  return raw === undefined || raw === '(null)' ? null : readUntrusted(raw);
}
