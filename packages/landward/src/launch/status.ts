/**
 * What this kernel and container can enforce, feature by feature, and why not.
 *
 * Owns the account only: what a kernel has follows from the ladder in `uapi`, what this one is from `kernel/host.ts`.
 * A feature that only the supervisor could hold is said to be missing where it does not work, with the reason.
 */

import { existsSync, readFileSync } from 'node:fs';
import { supervisorState } from '../kernel/supervisor.ts';
import { SOCKET_MODES, type SocketMode } from '../model/sockets/modes.ts';
import { SUPERVISED } from '../policy/compile-supervisor.ts';
import { FEATURES, type Feature } from '../policy/features.ts';
import type { Host } from '../policy/plan.ts';
import { abiRow, ERRATA, FS_RIGHTS, NET_RIGHTS, SCOPES } from '../uapi/landlock.ts';

/** Who would hold a rule of a feature: the kernel's Landlock, a seccomp filter that refuses all of it, or nobody. */
export type Holder = 'kernel' | 'filter' | 'supervisor' | 'none';

/** One line of the account. */
export interface FeatureStatus {
  readonly feature: Feature;
  readonly holder: Holder;
  /** How far it is held, or what is lost and why. */
  readonly note: string;
}

/** The whole account. */
export interface Status {
  readonly kernel: string;
  readonly arch: Host['arch'];
  readonly landlock: Host['landlock'];
  readonly abi: number;
  readonly errata: readonly { readonly number: number; readonly subject: string; readonly fixed: boolean }[];
  readonly maxLayers: number;
  /** Whether one call can restrict all threads of a running process. */
  readonly allThreads: boolean;
  readonly features: readonly FeatureStatus[];
  /** Of each answer to whose credential decides on a socket (`--sockets` of `--landlock=user`), who holds it. */
  readonly sockets: Readonly<Record<SocketMode, Holder>>;
  /** Facts about where landward runs that explain surprises. */
  readonly notes: readonly string[];
}

/** What a feature stands on. */
type Ground =
  | { readonly kind: 'abi'; readonly abi: number; readonly filter?: string }
  | { readonly kind: 'seccomp' | 'cgroup' | 'supervisor' }
  | { readonly kind: 'note'; readonly note: string };

const GROUNDS = {
  landlock: { kind: 'abi', abi: 1 },
  'fs.refer': { kind: 'abi', abi: FS_RIGHTS['fs.refer'].abi },
  'fs.truncate': { kind: 'abi', abi: FS_RIGHTS['fs.truncate'].abi },
  'fs.ioctl_dev': { kind: 'abi', abi: FS_RIGHTS['fs.ioctl_dev'].abi },
  'net.tcp': {
    kind: 'abi',
    abi: NET_RIGHTS['net.connect_tcp'].abi,
    filter: 'only all of TCP can be refused',
  },
  'net.udp': { kind: 'abi', abi: NET_RIGHTS['net.bind_udp'].abi, filter: 'only all of UDP can be refused' },
  'unix.connect': {
    kind: 'abi',
    abi: FS_RIGHTS['fs.resolve_unix'].abi,
    filter: 'only all UNIX sockets can be refused',
  },
  'scope.abstract_unix_socket': { kind: 'abi', abi: SCOPES['scope.abstract_unix_socket'].abi },
  'scope.signal': { kind: 'abi', abi: SCOPES['scope.signal'].abi },
  seccomp: { kind: 'seccomp' },
  'net.other': { kind: 'seccomp' },
  'limits.cgroup': { kind: 'cgroup' },
  'process.io_uring': {
    kind: 'note',
    note: 'rings are refused at a start; a process that restricts itself keeps those it has',
  },
} as const satisfies Partial<Record<Feature, Ground>>;

/**
 * The account of a host.
 *
 * @param host what is known of it
 */
export function statusOf(host: Host): Status {
  const features = (Object.keys(FEATURES) as Feature[]).map((feature) => featureStatus(feature, host));
  return {
    kernel: host.kernel,
    arch: host.arch,
    landlock: host.landlock,
    abi: host.abi,
    errata: ERRATA.map(({ number, subject }) => ({
      number,
      subject,
      fixed: (host.errata & (1 << (number - 1))) !== 0,
    })),
    maxLayers: abiRow(host.abi).maxLayers,
    allThreads: host.abi >= 8,
    features,
    sockets: socketsStatus(host),
    notes: notes(host),
  };
}

/** Linux has the first mode; the others are what a supervisor answers. */
function socketsStatus({ abi, supervisor }: Host): Status['sockets'] {
  const other: Holder = supervisor ? 'supervisor' : 'none';
  const kernel: Holder = abi >= NET_RIGHTS['net.connect_tcp'].abi ? 'kernel' : other;
  return Object.fromEntries(
    SOCKET_MODES.map((mode) => [mode, mode === 'caller' ? kernel : other]),
  ) as Status['sockets'];
}

function featureStatus(feature: Feature, host: Host): FeatureStatus {
  const ground: Ground = (GROUNDS as Partial<Record<Feature, Ground>>)[feature] ?? { kind: 'supervisor' };
  const { lost, closes } = FEATURES[feature];
  const missing = `${lost}; closed by ${closes}`;
  switch (ground.kind) {
    case 'abi':
      if (host.abi >= ground.abi) return { feature, holder: 'kernel', note: `since ABI ${ground.abi}` };
      if (host.supervisor && SUPERVISED.has(feature)) return supervised(feature);
      if (ground.filter !== undefined && host.seccomp)
        return { feature, holder: 'filter', note: `${ground.filter}; closed by ${closes}` };
      return { feature, holder: 'none', note: missing };
    case 'seccomp':
      return host.seccomp
        ? { feature, holder: 'filter', note: 'by a seccomp filter' }
        : { feature, holder: 'none', note: missing };
    case 'cgroup':
      return host.cgroup === undefined
        ? { feature, holder: 'none', note: missing }
        : { feature, holder: 'kernel', note: `controllers: ${host.cgroup.controllers.join(', ') || 'none'}` };
    case 'supervisor':
      return host.supervisor && SUPERVISED.has(feature)
        ? supervised(feature)
        : { feature, holder: 'none', note: missing };
    default:
      return { feature, holder: host.seccomp ? 'filter' : 'none', note: ground.note };
  }
}

function supervised(feature: Feature): FeatureStatus {
  return { feature, holder: 'supervisor', note: 'by the supervisor, which stays beside the program' };
}

const WHY: Readonly<Record<Host['landlock'], string | undefined>> = {
  available: undefined,
  absent: 'This kernel was built without Landlock (ENOSYS), or something in front of it hides it',
  disabled:
    'Landlock is built in but was not enabled at boot (EOPNOTSUPP): add landlock to the lsm= boot parameter',
  refused:
    'A seccomp filter around this process refuses the Landlock calls (EPERM): an old container runtime profile does that',
};

function notes(host: Host): string[] {
  const found: string[] = [];
  const why = WHY[host.landlock];
  if (why !== undefined) found.push(why);
  const container = ['/.dockerenv', '/run/.containerenv'].find((file) => existsSync(file));
  if (container !== undefined) found.push(`This is a container (${container} exists)`);
  const supervisor = supervisorState();
  if (!supervisor.works) found.push(`The supervisor does not work here: ${supervisor.reason}`);
  const own = ownStatus();
  if (own.seccomp > 0)
    found.push(`This process is under ${own.filters} seccomp filter${own.filters === 1 ? '' : 's'} already`);
  if (own.noNewPrivs) found.push('This process has no_new_privs already');
  if (host.uid === 0) found.push('This is root: Landlock and the filter hold for root too');
  if (host.abi > 0 && host.abi < 8)
    found.push(
      'restrictProcess restricts the threads of a running process one by one (all at once needs ABI 8)',
    );
  return found;
}

function ownStatus(): { seccomp: number; filters: number; noNewPrivs: boolean } {
  let text = '';
  try {
    text = readFileSync('/proc/self/status', 'utf8');
  } catch {
    // Without /proc nothing is known about this process, and nothing is claimed.
  }
  const field = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return {
    seccomp: field('Seccomp'),
    filters: field('Seccomp_filters'),
    noNewPrivs: field('NoNewPrivs') === 1,
  };
}

/** A floor that `--require` names: a feature that the kernel must hold, or an ABI. */
export type Floor =
  | { readonly kind: 'abi'; readonly abi: number }
  | { readonly kind: 'feature'; readonly feature: Feature };

/** Reads a floor: `abi=N` or the name of a feature; `undefined` for anything else. */
export function readFloor(text: string): Floor | undefined {
  const abi = /^abi=(\d{1,3})$/.exec(text);
  if (abi !== null) return { kind: 'abi', abi: Number(abi[1]) };
  return Object.hasOwn(FEATURES, text) ? { kind: 'feature', feature: text as Feature } : undefined;
}

/**
 * Which floors a host does not reach, each in a sentence. A feature that only a filter holds (all or nothing) does not reach.
 */
export function below(status: Status, floors: readonly Floor[]): string[] {
  return floors.flatMap((floor) => {
    if (floor.kind === 'abi')
      return status.abi >= floor.abi
        ? []
        : [`ABI ${floor.abi} is required, and this kernel has ${status.abi}`];
    const found = status.features.find(({ feature }) => feature === floor.feature);
    const held =
      found?.holder === 'kernel' ||
      found?.holder === 'supervisor' ||
      (found?.holder === 'filter' && isFilterOnly(floor.feature));
    return held ? [] : [`${floor.feature} is required: ${found?.note}`];
  });
}

function isFilterOnly(feature: Feature): boolean {
  const ground: Ground | undefined = (GROUNDS as Partial<Record<Feature, Ground>>)[feature];
  return ground?.kind === 'seccomp' || ground?.kind === 'note';
}
