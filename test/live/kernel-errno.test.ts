/**
 * Every refusal of Landlock's three calls, produced on the running kernel through the addon, in the kernel's order of
 * checks. What restricts itself does so in a child.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { ARCH, attempt, call } from '../../packages/landward/src/kernel/call.ts';
import { createRuleset, landlockStatus } from '../../packages/landward/src/kernel/landlock.ts';
import { errnoName } from '../../packages/landward/src/uapi/errno.ts';
import { abiRow, FS_RIGHTS, NET_RIGHTS, SCOPES } from '../../packages/landward/src/uapi/landlock.ts';
import { ACCESS_FILE, fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { AT_FDCWD, O } from '../../packages/landward/src/uapi/open.ts';
import {
  LANDLOCK_NET_PORT_ATTR,
  LANDLOCK_PATH_BENEATH_ATTR,
  LANDLOCK_RULESET_ATTR,
} from '../../packages/landward/src/uapi/structs.ts';
import { runScript } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';

const { abi } = landlockStatus();
const row = abiRow(abi);
const UNMAPPED = 1; // no process has memory there
const PAGE_BYTES = 4096;

const folder = mkdtempSync(join(tmpdir(), 'landward-errno-'));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'file'), '');

/** What a call answered, as people write it. */
function answer(result: number): string | number {
  return result < 0 ? errnoName(-result) : result;
}

function open(path: string, flags: number = O[ARCH].PATH): number {
  return call(
    `open ${path}`,
    'openat',
    AT_FDCWD,
    new TextEncoder().encode(`${path}\0`),
    flags | O[ARCH].CLOEXEC,
    0,
  );
}

function ruleset(values: Parameters<typeof LANDLOCK_RULESET_ATTR.encode>[0], size = 64): Uint8Array {
  const bytes = new Uint8Array(Math.max(size, LANDLOCK_RULESET_ATTR.size));
  bytes.set(LANDLOCK_RULESET_ATTR.encode(values));
  return bytes;
}

function create(attr: Uint8Array | number | null, size: number, flags = 0): string | number {
  const result = attempt('landlock_create_ruleset', attr, size, flags);
  if (result < 0 || flags !== 0) return answer(result);
  attempt('close', result);
  return 'a ruleset';
}

/** The first bit above what this kernel knows. */
function unknownBit(mask: number): bigint {
  return BigInt(mask) + 1n;
}

const some = { handled_access_fs: 1 };

interface Case {
  readonly name: string;
  readonly abi?: number;
  readonly run: () => string | number;
  readonly expect: string | number;
}

function check(group: string, cases: readonly Case[]): void {
  for (const { name, run, expect, abi = 1 } of cases) {
    test(`${group}: ${name} gives ${expect}`, needs({ abi }), () => assert.equal(run(), expect));
  }
}

check('create_ruleset', [
  { name: 'VERSION', run: () => create(null, 0, 1), expect: abi },
  { name: 'ERRATA', abi: 7, run: () => create(null, 0, 2), expect: landlockStatus().errata },
  { name: 'VERSION with an attr', run: () => create(ruleset(some), 0, 1), expect: 'EINVAL' },
  { name: 'VERSION with a size', run: () => create(null, 8, 1), expect: 'EINVAL' },
  { name: 'VERSION and ERRATA', run: () => create(null, 0, 3), expect: 'EINVAL' },
  { name: 'an unknown flag', run: () => create(null, 0, 1 << 30), expect: 'EINVAL' },
  { name: 'an unknown flag with an attr', run: () => create(ruleset(some), 8, 1 << 30), expect: 'EINVAL' },
  { name: 'no attr', run: () => create(null, 8), expect: 'EFAULT' },
  { name: 'no attr and no size', run: () => create(null, 0), expect: 'EFAULT' },
  { name: 'size 7', run: () => create(ruleset(some), 7), expect: 'EINVAL' },
  { name: 'size 0', run: () => create(ruleset(some), 0), expect: 'EINVAL' },
  { name: 'size 8', run: () => create(ruleset(some), 8), expect: 'a ruleset' },
  { name: 'size 12', run: () => create(ruleset(some), 12), expect: 'a ruleset' },
  { name: 'size 48', run: () => create(ruleset(some), 48), expect: 'a ruleset' },
  { name: 'size 64 with a zero tail', run: () => create(ruleset(some), 64), expect: 'a ruleset' },
  { name: 'a page', run: () => create(ruleset(some, PAGE_BYTES), PAGE_BYTES), expect: 'a ruleset' },
  {
    name: 'more than a page',
    run: () => create(ruleset(some, PAGE_BYTES + 8), PAGE_BYTES + 1),
    expect: 'E2BIG',
  },
  {
    name: 'a tail that is not zero',
    run: () => {
      const bytes = ruleset(some);
      bytes[row.attrSize] = 1;
      return create(bytes, 64);
    },
    expect: 'E2BIG',
  },
  { name: 'an address that is not mapped', run: () => create(UNMAPPED, 8), expect: 'EFAULT' },
  {
    name: 'an unknown filesystem right',
    run: () => create(ruleset({ handled_access_fs: unknownBit(row.fs) }), 64),
    expect: 'EINVAL',
  },
  {
    name: 'an unknown network right',
    abi: 4,
    run: () => create(ruleset({ ...some, handled_access_net: unknownBit(row.net) }), 64),
    expect: 'EINVAL',
  },
  {
    name: 'an unknown scope',
    abi: 6,
    run: () => create(ruleset({ ...some, scoped: unknownBit(row.scoped) }), 64),
    expect: 'EINVAL',
  },
  {
    name: 'the highest bit',
    run: () => create(ruleset({ handled_access_fs: 1n << 63n }), 64),
    expect: 'EINVAL',
  },
  { name: 'nothing handled', run: () => create(ruleset({}), 64), expect: 'ENOMSG' },
  {
    name: 'quiet rights beyond the handled ones',
    abi: 10,
    run: () => create(ruleset({ ...some, quiet_access_fs: 2 }), 48),
    expect: 'EINVAL',
  },
]);

test(
  'create_ruleset: the descriptor is close-on-exec and neither read, written, seeked nor reopened',
  needs({ abi: 1 }),
  () => {
    using made = createRuleset({ fs: 1 });
    const bytes = new Uint8Array(8);
    assert.equal(attempt('fcntl', made.number, 1, 0), 1);
    assert.equal(answer(attempt('read', made.number, bytes, 8)), 'EINVAL');
    assert.equal(answer(attempt('write', made.number, bytes, 8)), 'EINVAL');
    assert.equal(answer(attempt('lseek', made.number, 0, 0)), 'ESPIPE');
    const path = new TextEncoder().encode(`/proc/self/fd/${made.number}\0`);
    // Mode 0600, owned by root: nobody else even gets as far as to the missing way to open it.
    const reopened = process.getuid?.() === 0 ? 'ENXIO' : 'EACCES';
    assert.equal(answer(attempt('openat', AT_FDCWD, path, O[ARCH].RDWR, 0)), reopened);
  },
);

/** Adds a rule to a fresh ruleset that handles the given rights. */
function addTo(
  handled: { readonly fs?: number; readonly net?: number },
  ...[type, attr, flags = 0]: readonly [type: number, attr: Uint8Array | number | null, flags?: number]
): string | number {
  using made = createRuleset(handled);
  return answer(attempt('landlock_add_rule', made.number, type, attr, flags));
}

function path(access: number | bigint, fd: number): Uint8Array {
  return LANDLOCK_PATH_BENEATH_ATTR.encode({ allowed_access: access, parent_fd: fd });
}

function port(access: number | bigint, number: number | bigint): Uint8Array {
  return LANDLOCK_NET_PORT_ATTR.encode({ allowed_access: access, port: number });
}

const everyFs = { fs: row.fs };
const READ_DIR = fsMask('fs.read_dir');
const READ_FILE = fsMask('fs.read_file');
const CLOSED = 987_654;

/** Runs with a descriptor that is closed afterwards. */
function withFd(fd: number, run: (fd: number) => string | number): string | number {
  try {
    return run(fd);
  } finally {
    attempt('close', fd);
  }
}

function beneath(path_: string, access: number): string | number {
  return withFd(open(path_), (fd) => addTo(everyFs, 1, path(access, fd)));
}

function refusedFd(make: () => number): () => string | number {
  return () => withFd(make(), (fd) => addTo(everyFs, 1, path(READ_FILE, fd)));
}

function pipe(): number {
  const ends = new Int32Array(2);
  call('make a pipe', 'pipe2', ends, O[ARCH].CLOEXEC);
  attempt('close', ends[1]!);
  return ends[0]!;
}

check('add_rule for a path', [
  { name: 'a directory', run: () => beneath(folder, READ_DIR), expect: 0 },
  { name: 'a file', run: () => beneath(join(folder, 'file'), READ_FILE), expect: 0 },
  { name: 'a device', run: () => beneath('/dev/null', READ_FILE), expect: 0 },
  { name: 'an entry of /proc', run: () => beneath('/proc/self/status', READ_FILE), expect: 0 },
  { name: 'an unknown flag', run: () => addTo(everyFs, 1, path(READ_FILE, -1), 1 << 30), expect: 'EINVAL' },
  {
    name: 'an unknown flag before a closed ruleset',
    run: () => answer(attempt('landlock_add_rule', CLOSED, 1, null, 1 << 30)),
    expect: 'EINVAL',
  },
  {
    name: 'a closed ruleset',
    run: () => answer(attempt('landlock_add_rule', CLOSED, 1, null, 0)),
    expect: 'EBADF',
  },
  {
    name: 'a closed ruleset and an unknown type',
    run: () => answer(attempt('landlock_add_rule', CLOSED, 99, null, 0)),
    expect: 'EBADF',
  },
  {
    name: 'a descriptor that is no ruleset',
    run: () =>
      withFd(open('/dev/null', O[ARCH].RDWR), (fd) => answer(attempt('landlock_add_rule', fd, 1, null, 0))),
    expect: 'EBADFD',
  },
  { name: 'an unknown type', run: () => addTo(everyFs, 99, path(READ_FILE, -1)), expect: 'EINVAL' },
  { name: 'type 0', run: () => addTo(everyFs, 0, path(READ_FILE, -1)), expect: 'EINVAL' },
  { name: 'no attr', run: () => addTo(everyFs, 1, null), expect: 'EFAULT' },
  { name: 'an attr that is not mapped', run: () => addTo(everyFs, 1, UNMAPPED), expect: 'EFAULT' },
  { name: 'no right', run: () => addTo(everyFs, 1, path(0, -1)), expect: 'ENOMSG' },
  {
    name: 'a right that is not handled',
    run: () => addTo({ fs: READ_FILE }, 1, path(READ_DIR, -1)),
    expect: 'EINVAL',
  },
  { name: 'an unknown right', run: () => addTo(everyFs, 1, path(1n << 63n, -1)), expect: 'EINVAL' },
  { name: 'descriptor -1', run: () => addTo(everyFs, 1, path(READ_FILE, -1)), expect: 'EBADF' },
  { name: 'a closed descriptor', run: () => addTo(everyFs, 1, path(READ_FILE, CLOSED)), expect: 'EBADF' },
  { name: 'a pipe', run: refusedFd(pipe), expect: 'EBADFD' },
  {
    name: 'a socket',
    run: refusedFd(() => call('make a socket', 'socket', 1, 1, 0)),
    expect: 'EBADFD',
  },
  {
    name: 'a memfd',
    run: refusedFd(() => call('make a memfd', 'memfd_create', new TextEncoder().encode('x\0'), 1)),
    expect: 'EBADFD',
  },
  {
    name: 'a pidfd',
    run: refusedFd(() => call('open a process', 'pidfd_open', process.pid, 0)),
    expect: 'EBADFD',
  },
  { name: 'a namespace', run: refusedFd(() => open('/proc/self/ns/mnt', O[ARCH].RDONLY)), expect: 'EBADFD' },
  { name: 'a ruleset', run: refusedFd(() => createRuleset({ fs: 1 }).release()), expect: 'EBADFD' },
  ...Object.entries(FS_RIGHTS).map(([name, right]): Case => {
    const file = (ACCESS_FILE & (1 << right.bit)) !== 0;
    return {
      name: `${name} on a file`,
      abi: right.abi,
      run: () => beneath(join(folder, 'file'), 1 << right.bit),
      expect: file ? 0 : 'EINVAL',
    };
  }),
  ...Object.entries(FS_RIGHTS).map(
    ([name, right]): Case => ({
      name: `${name} on a directory`,
      abi: right.abi,
      run: () => beneath(folder, 1 << right.bit),
      expect: 0,
    }),
  ),
  {
    name: 'a quiet rule where nothing is quiet',
    abi: 10,
    run: () => withFd(open(folder), (fd) => addTo(everyFs, 1, path(READ_FILE, fd), 1)),
    expect: 'EINVAL',
  },
  {
    name: 'a quiet rule without a right',
    abi: 10,
    run: () =>
      withFd(open(folder), (fd) => {
        const made = call('make', 'landlock_create_ruleset', ruleset({ ...some, quiet_access_fs: 1 }), 48, 0);
        return withFd(made, () => answer(attempt('landlock_add_rule', made, 1, path(0, fd), 1)));
      }),
    expect: 0,
  },
]);

const everyNet = { net: row.net };

check('add_rule for a port', [
  ...Object.entries(NET_RIGHTS).map(
    ([name, right]): Case => ({
      name,
      abi: right.abi,
      run: () => addTo(everyNet, 2, port(1 << right.bit, 443)),
      expect: 0,
    }),
  ),
  { name: 'port 0', abi: 4, run: () => addTo(everyNet, 2, port(1, 0)), expect: 0 },
  { name: 'port 65535', abi: 4, run: () => addTo(everyNet, 2, port(1, 65_535)), expect: 0 },
  { name: 'port 65536', abi: 4, run: () => addTo(everyNet, 2, port(1, 65_536)), expect: 'EINVAL' },
  {
    name: 'the largest number',
    abi: 4,
    run: () => addTo(everyNet, 2, port(1, (1n << 64n) - 1n)),
    expect: 'EINVAL',
  },
  { name: 'no attr', abi: 4, run: () => addTo(everyNet, 2, null), expect: 'EFAULT' },
  { name: 'no right', abi: 4, run: () => addTo(everyNet, 2, port(0, 443)), expect: 'ENOMSG' },
  { name: 'no right and no port', abi: 4, run: () => addTo(everyNet, 2, port(0, 65_536)), expect: 'ENOMSG' },
  {
    name: 'a right that is not handled',
    abi: 4,
    run: () => addTo({ fs: 1 }, 2, port(1, 443)),
    expect: 'EINVAL',
  },
  {
    name: 'an unknown right and an impossible port',
    abi: 4,
    run: () => addTo(everyNet, 2, port(1n << 40n, 65_536)),
    expect: 'EINVAL',
  },
]);

test('every scope of this kernel makes a ruleset alone', needs({ abi: 6 }), () => {
  for (const scope of Object.values(SCOPES)) createRuleset({ scoped: 1 << scope.bit }).close();
});

/** Runs in a child that prints one answer a line; the thread starts with neither no_new_privs nor the capability. */
async function restricted(body: string): Promise<readonly string[]> {
  const script = `
    import { ARCH, attempt } from './packages/landward/src/kernel/call.ts';
    import { createRuleset } from './packages/landward/src/kernel/landlock.ts';
    import { setNoNewPrivs } from './packages/landward/src/kernel/process.ts';
    import { errnoName } from './packages/landward/src/uapi/errno.ts';
    import { O } from './packages/landward/src/uapi/open.ts';
    const say = (result: number) => console.log(result < 0 ? errnoName(-result) : String(result));
    const restrict = (fd: number, flags = 0) => say(attempt('landlock_restrict_self', fd, flags));
    const drop = () => {
      // Version 3 of the structures of capset, all sets empty.
      const header = new Uint32Array([0x20080522, 0]);
      if (attempt('capset', header, new Uint32Array(6)) !== 0) throw new Error('capset');
    };
    const ruleset = createRuleset({ fs: 1 }).release();
    ${body}`;
  const child = await runScript(script);
  assert.equal(child.code, 0, child.stderr);
  return child.stdout.trim().split('\n');
}

const UNKNOWN_FLAG = 1 << 30;
const orderFlipped = abi >= 11;

interface Restriction {
  readonly name: string;
  readonly abi?: number;
  readonly body: string;
  readonly expect: readonly string[];
}

const restrictions: readonly Restriction[] = [
  {
    name: 'without no_new_privs and capability EPERM',
    body: 'drop(); restrict(ruleset);',
    expect: ['EPERM'],
  },
  {
    name: 'without them, and with an unknown flag, what the kernel checks first',
    body: `drop(); restrict(ruleset, ${UNKNOWN_FLAG});`,
    expect: [orderFlipped ? 'EINVAL' : 'EPERM'],
  },
  {
    name: 'without them, and with no ruleset, EPERM before EBADF',
    body: 'drop(); restrict(98765);',
    expect: ['EPERM'],
  },
  {
    name: 'an unknown flag EINVAL, before the descriptor',
    body: `setNoNewPrivs(); restrict(98765, ${UNKNOWN_FLAG});`,
    expect: ['EINVAL'],
  },
  { name: 'a closed descriptor EBADF', body: 'setNoNewPrivs(); restrict(98765);', expect: ['EBADF'] },
  {
    name: 'a descriptor that is no ruleset EBADFD',
    body: `setNoNewPrivs();
      restrict(attempt('openat', -100, new TextEncoder().encode('/dev/null\\0'), O[ARCH].RDWR, 0));`,
    expect: ['EBADFD'],
  },
  { name: '-1 without flags EBADF', body: 'setNoNewPrivs(); restrict(-1, 0);', expect: ['EBADF'] },
  {
    name: '-1 with the flag that mutes subdomains works, with any other EBADF',
    abi: 7,
    body: 'setNoNewPrivs(); for (const flags of [4, 1, 2, 5, 6]) restrict(-1, flags);',
    expect: ['0', 'EBADF', 'EBADF', 'EBADF', 'EBADF'],
  },
  {
    name: '-1 with the flag for all threads too works, with that one alone EBADF',
    abi: 8,
    body: 'setNoNewPrivs(); for (const flags of [12, 8]) restrict(-1, flags);',
    expect: ['0', 'EBADF'],
  },
  {
    name: '-1 with the flag for no_new_privs EBADF',
    abi: 11,
    body: 'setNoNewPrivs(); for (const flags of [16, 20]) restrict(-1, flags);',
    expect: ['EBADF', 'EBADF'],
  },
  {
    name: 'the flag for no_new_privs suffices, and sets it only on success',
    abi: 11,
    body: `drop();
      const nnp = () => say(attempt('prctl', 39, 0, 0, 0, 0));
      restrict(98765, 16); nnp(); restrict(ruleset, 16); nnp();`,
    expect: ['EBADF', '0', '0', '1'],
  },
  {
    name: '-1 without no_new_privs and capability EPERM',
    abi: 7,
    body: 'drop(); restrict(-1, 4);',
    expect: ['EPERM'],
  },
  {
    name: 'with no_new_privs and without capability a domain',
    body: 'drop(); setNoNewPrivs(); restrict(ruleset);',
    expect: ['0'],
  },
  {
    name: 'sixteen layers of one ruleset, and E2BIG for the next',
    abi: 2,
    body: 'setNoNewPrivs(); for (let i = 0; i < 17; i++) restrict(ruleset);',
    expect: [...Array.from({ length: 16 }, () => '0'), 'E2BIG'],
  },
];

for (const { name, abi: least = 1, body, expect } of restrictions) {
  test(`restrict_self: ${name}`, needs({ abi: least }), async () => {
    assert.deepEqual(await restricted(body), expect);
  });
}

test(
  'restrict_self: the capability alone, without no_new_privs, suffices',
  needs({ abi: 1, root: true }),
  async () => {
    assert.deepEqual(await restricted('restrict(ruleset);'), ['0']);
  },
);
