/**
 * Landlock's user-space interface as data: every right, scope and flag with its bit and the ABI that brought it,
 * the ladder of ABIs, and the errata. Everything that depends on an ABI derives from these tables.
 *
 * Names are the kernel's audit spelling (`fs.read_file`), which is the spelling everywhere in landward.
 * Masks are plain numbers (all rights fit in 31 bits); 64-bit words appear only in the struct codecs.
 */

/** A filesystem right. */
export interface FsRightRow {
  readonly bit: number;
  readonly abi: number;
  /** Whether the right means something for an inode that is not a directory. */
  readonly file: boolean;
}

/** Filesystem rights by name, in bit order. */
export const FS_RIGHTS = {
  'fs.execute': { bit: 0, abi: 1, file: true },
  'fs.write_file': { bit: 1, abi: 1, file: true },
  'fs.read_file': { bit: 2, abi: 1, file: true },
  'fs.read_dir': { bit: 3, abi: 1, file: false },
  'fs.remove_dir': { bit: 4, abi: 1, file: false },
  'fs.remove_file': { bit: 5, abi: 1, file: false },
  'fs.make_char': { bit: 6, abi: 1, file: false },
  'fs.make_dir': { bit: 7, abi: 1, file: false },
  'fs.make_reg': { bit: 8, abi: 1, file: false },
  'fs.make_sock': { bit: 9, abi: 1, file: false },
  'fs.make_fifo': { bit: 10, abi: 1, file: false },
  'fs.make_block': { bit: 11, abi: 1, file: false },
  'fs.make_sym': { bit: 12, abi: 1, file: false },
  'fs.refer': { bit: 13, abi: 2, file: false },
  'fs.truncate': { bit: 14, abi: 3, file: true },
  'fs.ioctl_dev': { bit: 15, abi: 5, file: true },
  'fs.resolve_unix': { bit: 16, abi: 9, file: true },
} as const satisfies Record<`fs.${string}`, FsRightRow>;

/** Network rights by name, in bit order. */
export const NET_RIGHTS = {
  'net.bind_tcp': { bit: 0, abi: 4 },
  'net.connect_tcp': { bit: 1, abi: 4 },
  'net.bind_udp': { bit: 2, abi: 10 },
  'net.connect_send_udp': { bit: 3, abi: 10 },
} as const satisfies Record<`net.${string}`, { readonly bit: number; readonly abi: number }>;

/** Scopes by name, in bit order. */
export const SCOPES = {
  'scope.abstract_unix_socket': { bit: 0, abi: 6 },
  'scope.signal': { bit: 1, abi: 6 },
} as const satisfies Record<`scope.${string}`, { readonly bit: number; readonly abi: number }>;

export type FsRight = keyof typeof FS_RIGHTS;
export type NetRight = keyof typeof NET_RIGHTS;
export type Scope = keyof typeof SCOPES;
/** Anything that a Landlock layer can handle. */
export type Right = FsRight | NetRight | Scope;

/** One rung of the ladder: what a kernel with this ABI knows. */
export interface AbiRow {
  readonly abi: number;
  /** First mainline release. */
  readonly linux: string;
  readonly fs: number;
  readonly net: number;
  readonly scoped: number;
  /** `sizeof(struct landlock_ruleset_attr)`, bytes. */
  readonly attrSize: number;
  readonly maxLayers: number;
  readonly createFlags: number;
  readonly addRuleFlags: number;
  readonly restrictFlags: number;
}

/** The ladder, ABI 0 (no Landlock) to 11, indexed by ABI. */
export const ABI_LADDER = [
  {
    abi: 0,
    linux: '-',
    fs: 0,
    net: 0,
    scoped: 0,
    attrSize: 0,
    maxLayers: 0,
    createFlags: 0,
    addRuleFlags: 0,
    restrictFlags: 0,
  },
  {
    abi: 1,
    linux: '5.13',
    fs: 0x1fff,
    net: 0,
    scoped: 0,
    attrSize: 8,
    maxLayers: 64,
    createFlags: 1,
    addRuleFlags: 0,
    restrictFlags: 0,
  },
  {
    abi: 2,
    linux: '5.19',
    fs: 0x3fff,
    net: 0,
    scoped: 0,
    attrSize: 8,
    maxLayers: 16,
    createFlags: 1,
    addRuleFlags: 0,
    restrictFlags: 0,
  },
  {
    abi: 3,
    linux: '6.2',
    fs: 0x7fff,
    net: 0,
    scoped: 0,
    attrSize: 8,
    maxLayers: 16,
    createFlags: 1,
    addRuleFlags: 0,
    restrictFlags: 0,
  },
  {
    abi: 4,
    linux: '6.7',
    fs: 0x7fff,
    net: 3,
    scoped: 0,
    attrSize: 16,
    maxLayers: 16,
    createFlags: 1,
    addRuleFlags: 0,
    restrictFlags: 0,
  },
  {
    abi: 5,
    linux: '6.10',
    fs: 0xffff,
    net: 3,
    scoped: 0,
    attrSize: 16,
    maxLayers: 16,
    createFlags: 1,
    addRuleFlags: 0,
    restrictFlags: 0,
  },
  {
    abi: 6,
    linux: '6.12',
    fs: 0xffff,
    net: 3,
    scoped: 3,
    attrSize: 24,
    maxLayers: 16,
    createFlags: 1,
    addRuleFlags: 0,
    restrictFlags: 0,
  },
  {
    abi: 7,
    linux: '6.15',
    fs: 0xffff,
    net: 3,
    scoped: 3,
    attrSize: 24,
    maxLayers: 16,
    createFlags: 3,
    addRuleFlags: 0,
    restrictFlags: 7,
  },
  {
    abi: 8,
    linux: '7.0',
    fs: 0xffff,
    net: 3,
    scoped: 3,
    attrSize: 24,
    maxLayers: 16,
    createFlags: 3,
    addRuleFlags: 0,
    restrictFlags: 0xf,
  },
  {
    abi: 9,
    linux: '7.1',
    fs: 0x1ffff,
    net: 3,
    scoped: 3,
    attrSize: 24,
    maxLayers: 16,
    createFlags: 3,
    addRuleFlags: 0,
    restrictFlags: 0xf,
  },
  {
    abi: 10,
    linux: '7.2',
    fs: 0x1ffff,
    net: 0xf,
    scoped: 3,
    attrSize: 48,
    maxLayers: 16,
    createFlags: 3,
    addRuleFlags: 1,
    restrictFlags: 0xf,
  },
  {
    abi: 11,
    linux: '7.3',
    fs: 0x1ffff,
    net: 0xf,
    scoped: 3,
    attrSize: 48,
    maxLayers: 16,
    createFlags: 3,
    addRuleFlags: 1,
    restrictFlags: 0x1f,
  },
] as const satisfies readonly AbiRow[];

/** The newest ABI that landward knows. */
export const LAST_ABI = 11;

/** The row of an ABI; a kernel newer than the ladder gets the last row, since ABIs only ever add. */
export function abiRow(abi: number): AbiRow {
  return ABI_LADDER[Math.max(0, Math.min(Math.trunc(abi), LAST_ABI))]!;
}

/** System call numbers, the same on x86-64, arm64 and every architecture of the generic table. */
export const SYS_LANDLOCK = { create_ruleset: 444, add_rule: 445, restrict_self: 446 } as const;

export const CREATE_RULESET = { VERSION: 1, ERRATA: 2 } as const;
export const RULE_TYPE = { PATH_BENEATH: 1, NET_PORT: 2 } as const;
export const ADD_RULE = { QUIET: 1 } as const;
export const RESTRICT_SELF = {
  LOG_SAME_EXEC_OFF: 1,
  LOG_NEW_EXEC_ON: 2,
  LOG_SUBDOMAINS_OFF: 4,
  TSYNC: 8,
  NO_NEW_PRIVS: 16,
} as const;

/** A bug of a released ABI whose fix a kernel announces; bit `number - 1` of the errata mask. */
export const ERRATA = [
  { number: 1, abi: 4, subject: 'TCP rights applied to other stream protocols' },
  { number: 2, abi: 6, subject: 'signal scope blocked signals between threads of one process' },
  { number: 3, abi: 1, subject: 'disconnected directories could widen rights on rename and link' },
  { number: 4, abi: 1, subject: 'whiteouts guarded by fs.make_char instead of fs.make_reg' },
] as const;
