/**
 * Makes a plan ready to be carried out: creates what it wants created and builds its Landlock ruleset in this process,
 * in one pass over the rules. The result starts any number of programs and is closed by its owner.
 *
 * Decides nothing: a path that is no longer the object the plan was made for is an error, never another grant.
 */

import { LandwardError } from '../errors.ts';
import { ARCH, attempt, call, refusal } from '../kernel/call.ts';
import { Fd } from '../kernel/fd.ts';
import { type Image, ImageBuilder, type Place, readSlot, type Slot } from '../kernel/image.ts';
import { IMAGE, native } from '../kernel/native.ts';
import { refuse } from '../policy/compile-refuse.ts';
import type { PathAccess, Plan, PlanRuleset } from '../policy/plan.ts';
import { errnoName } from '../uapi/errno.ts';
import { ADD_RULE, RULE_TYPE } from '../uapi/landlock.ts';
import { AT, AT_FDCWD, F, O } from '../uapi/open.ts';
import { createDirectories } from './directories.ts';

/** A plan with its ruleset. Holds one descriptor (close-on-exec) until it is closed. */
export interface Prepared extends Disposable {
  readonly plan: Plan;
  /** The ruleset's descriptor, or `null` where the plan has no ruleset. */
  readonly ruleset: number | null;
  /** Optional paths that were there when the plan was made and are gone now: nothing is granted on them. */
  readonly vanished: readonly string[];
  /** How long the preparation took, milliseconds. */
  readonly prepareMs: number;
  close(): void;
}

/**
 * Prepares a plan. The ruleset is a snapshot of the objects at the plan's paths: it stays right however they are renamed.
 *
 * @throws LandwardError POLICY_GAP for a plan with gaps that nobody accepted, PATH_MISSING or PATH_CHANGED where a path is not what it was, KERNEL where the kernel refuses
 * @example
 * using prepared = prepare(plan);
 * await Promise.all(files.map((file) => spawn('convert', [file, `${file}.png`], { plan: prepared })));
 */
export function prepare(plan: Plan): Prepared {
  refuse(plan);
  const begin = performance.now();
  const created = createDirectories(plan.create);
  const vanished: string[] = [];
  const fd = plan.ruleset === null ? undefined : buildRuleset(plan.ruleset, created, vanished);
  const prepared: Prepared = {
    plan,
    get ruleset() {
      if (fd?.number === -1)
        throw new LandwardError('USAGE', 'This prepared plan is closed and cannot start a program');
      return fd?.number ?? null;
    },
    vanished,
    prepareMs: performance.now() - begin,
    close: () => fd?.close(),
    [Symbol.dispose]: () => fd?.close(),
  };
  return prepared;
}

/** Builds a ruleset. `created` are identities of directories made for it; `vanished` gets optional paths that are gone. */
export function buildRuleset(ruleset: PlanRuleset, created: ReadonlySet<string>, vanished: string[]): Fd {
  const attr = rulesetAttr(ruleset);
  const fd = aboveStandard(call('create the ruleset', 'landlock_create_ruleset', attr, attr.byteLength, 0));
  try {
    addPaths(
      fd.number,
      ruleset.paths.filter(({ quiet }) => !quiet),
      0,
      created,
      vanished,
    );
    addPaths(
      fd.number,
      ruleset.paths.filter(({ quiet }) => quiet),
      ADD_RULE.QUIET,
      created,
      vanished,
    );
    const port = new BigUint64Array(2);
    for (const rule of ruleset.ports) {
      port[0] = BigInt(rule.access);
      port[1] = BigInt(rule.port);
      const flags = rule.quiet ? ADD_RULE.QUIET : 0;
      const result = attempt('landlock_add_rule', fd.number, RULE_TYPE.NET_PORT, port, flags);
      if (result < 0) throw refusal(`grant port ${rule.port}`, 'landlock_add_rule', -result);
    }
    return fd;
  } catch (error) {
    fd.close();
    throw error;
  }
}

/** A descriptor that no program can get as its standard input, output or error where this process has closed its own. */
function aboveStandard(number: number): Fd {
  const fd = new Fd(number);
  if (number > 2) return fd;
  try {
    return new Fd(call('move the ruleset', 'fcntl', number, F.DUPFD_CLOEXEC, 3));
  } finally {
    fd.close();
  }
}

/** The ruleset's attributes: the quiet fields only where a kernel that knows them was planned for. */
export function rulesetAttr({
  handledFs,
  handledNet,
  scoped,
  quietFs,
  quietNet,
}: PlanRuleset): BigUint64Array {
  const quiet = quietFs === undefined && quietNet === undefined ? [] : [quietFs ?? 0, quietNet ?? 0, 0];
  return new BigUint64Array([handledFs, handledNet, scoped, ...quiet].map(BigInt));
}

/** Rules in one image: enough that the way into the addon costs nothing, few enough that a small policy stays small. */
const CHUNK = 256;
/** Room for a path in an image, bytes; longer ones are rare and take an image of their own. */
const PATH_ROOM = 512;
const STATX_BYTES = 256;
const STATX_TYPE_INO = 0x101;
const ENOENT = 2;
const STEPS = ['openat', 'statx', 'landlock_add_rule', 'close'] as const;

/** An image of `count` rules whose paths and rights are filled in before each use. */
interface Batch {
  readonly count: number;
  readonly room: number;
  readonly image: Image;
  readonly rules: readonly {
    readonly path: Place;
    readonly attr: Place;
    readonly stat: Place;
    readonly fd: Slot;
  }[];
}

function makeBatch(ruleset: number, flags: number, count: number, room: number): Batch {
  const build = new ImageBuilder(ARCH);
  const empty = build.string('');
  const rules = Array.from({ length: count }, () => {
    const attr = build.reserve(16);
    const fd = build.field(attr, 8);
    const path = build.reserve(room);
    const stat = build.reserve(STATX_BYTES);
    // A created path is opened the same way: `createDirectories` has said whose it is, by identity.
    build.step('openat', [AT_FDCWD, path, O[ARCH].PATH | O[ARCH].CLOEXEC, 0], '', { store: fd });
    build.step('statx', [fd, empty, AT.EMPTY_PATH, STATX_TYPE_INO, stat], '');
    build.step('landlock_add_rule', [ruleset, RULE_TYPE.PATH_BENEATH, attr, flags], '');
    build.step('close', [fd], '');
    return { path, attr, stat, fd };
  });
  return { count, room, image: build.build(), rules };
}

function addPaths(
  ruleset: number,
  paths: readonly PathAccess[],
  flags: number,
  created: ReadonlySet<string>,
  vanished: string[],
): void {
  let batch: Batch | undefined;
  const encoder = new TextEncoder();
  let next = 0;
  while (next < paths.length) {
    const long = paths[next]!.path.length * 3 >= PATH_ROOM;
    if (batch === undefined || long || batch.room !== PATH_ROOM) {
      const room = long ? paths[next]!.path.length * 3 + 1 : PATH_ROOM;
      batch = makeBatch(ruleset, flags, long ? 1 : Math.min(CHUNK, paths.length - next), room);
    }
    const { image, rules, count } = batch;
    const view = new DataView(image.bytes.buffer);
    let filled = 0;
    for (; filled < count && next + filled < paths.length; filled++) {
      const { path, access } = paths[next + filled]!;
      if (!long && path.length * 3 >= PATH_ROOM) break;
      if (path.includes('\0'))
        throw new LandwardError('PATH_MISSING', 'A path cannot hold a NUL byte', { part: path });
      const at = image.data + rules[filled]!.path.at;
      const { written } = encoder.encodeInto(path, image.bytes.subarray(at, at + batch.room - 1));
      image.bytes[at + written] = 0;
      view.setUint32(image.data + rules[filled]!.attr.at, access, true);
    }
    view.setUint32(IMAGE.header.stepCount, filled * STEPS.length, true);
    const applied = native().apply(image.bytes);
    const done = applied.errno === 0 ? filled : Math.floor(applied.step / STEPS.length);
    for (let i = 0; i < done; i++) verify(paths[next + i]!, view, image.data + rules[i]!.stat.at, created);
    next += done;
    if (applied.errno === 0) continue;
    const rule = paths[next]!;
    const call = STEPS[applied.step % STEPS.length]!;
    if (call !== 'openat') attempt('close', readSlot(image, rules[done]!.fd));
    if (call === 'openat' && applied.errno === ENOENT && rule.missing === 'optional')
      vanished.push(rule.path);
    else throw pathError(rule, call, applied.errno);
    next++;
  }
}

/** Compares an opened object with the one that the plan was made for. The rule is in the ruleset, but nothing uses that yet. */
function verify(rule: PathAccess, view: DataView, stat: number, created: ReadonlySet<string>): void {
  const ino = view.getBigUint64(stat + 32, true);
  const dev = device(view.getUint32(stat + 136, true), view.getUint32(stat + 140, true));
  const { identity } = rule;
  if (identity === undefined) {
    if (created.has(`${dev}:${ino}`)) return;
    throw changed(rule, 'it is not the directory that was created for it');
  }
  if (identity.dev !== dev || identity.ino !== ino) throw changed(rule, 'another object is there now');
}

/** A device number as `stat` gives it. */
function device(major: number, minor: number): bigint {
  return (
    BigInt(minor & 0xff) |
    (BigInt(major & 0xfff) << 8n) |
    (BigInt(minor >>> 8) << 20n) |
    (BigInt(major >>> 12) << 44n)
  );
}

function changed(rule: PathAccess, what: string): LandwardError {
  return new LandwardError('PATH_CHANGED', `Cannot grant ${JSON.stringify(rule.path)}: ${what}`, {
    part: rule.path,
    at: rule.origins[0],
  });
}

function pathError(rule: PathAccess, call: (typeof STEPS)[number], errno: number): LandwardError {
  const at = rule.origins[0];
  if (call === 'openat' && errno === ENOENT)
    return new LandwardError('PATH_MISSING', `Cannot grant ${JSON.stringify(rule.path)}: it does not exist`, {
      part: rule.path,
      at,
    });
  return new LandwardError(
    'KERNEL',
    `Cannot grant ${JSON.stringify(rule.path)}: ${call} failed with ${errnoName(errno)}`,
    {
      part: rule.path,
      at,
    },
  );
}
