/**
 * One matrix machine: a kernel under QEMU without KVM, that sees the host's files and turns itself off when it has run
 * its commands.
 *
 * Owns how the machine is put together and ended. What it runs is in `out/commands`, what it answers in `out/`.
 */

import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DebianPackage, Suites } from './debian.ts';
import { carriedRoot } from './matrix-carried.ts';
import {
  type ArchiveFile,
  data,
  directory,
  modulesFolder,
  modulesInOrder,
  packArchive,
  program,
} from './matrix-initramfs.ts';

/** What a machine needs to reach the host's files, and what tests use where a kernel has it as a module. */
// biome-ignore format: a list of words
const MODULES = [
  'virtio_pci', '9pnet_virtio', '9p', 'overlay', 'sctp', 'smc', 'vsock', 'vsock_loopback', 'udp_diag', 'loop', 'ext4',
  'fuse', 'mqueue', 'algif_hash', 'af_packet', 'tun',
];

const KERNEL_ARGUMENTS = 'console=ttyS0 panic=-1 quiet mitigations=off rdinit=/init';

/** Minutes after which a machine is ended. */
const PATIENCE = 25;

export interface Machine {
  /** The package `linux-image-…` of the kernel. */
  readonly image: DebianPackage;
  /** All packages of kernels, and of the shell. */
  readonly packages: readonly DebianPackage[];
  readonly suites: Suites;
  /** The tree of landward on the host; the machine has it at the same path. */
  readonly root: string;
  /** The copy that the machine takes it from. */
  readonly tree: string;
  /** Where commands are and results go. */
  readonly out: string;
  /** The executor of the differential. */
  readonly executor: string;
}

/** Boots a kernel and waits until it turns itself off. */
export async function boot({ image, packages, suites, root, tree, out, executor }: Machine): Promise<void> {
  const release = image.name.replace('linux-image-', '');
  const part = (kind: string) =>
    packages.find((one) => one.name === `linux-${kind}-${release}` && one.version === image.version);
  // Newer packages are split; in older ones the image has everything.
  const binary = suites.unpack(part('binary') ?? image);
  // A split package whose modules the mirror has dropped: then the machine carries what it needs.
  const carried = part('binary') !== undefined && part('modules') === undefined;
  const modules = carried ? null : modulesFolder(suites.unpack(part('modules') ?? image), release);
  const kernel = [`boot/vmlinuz-${release}`, `usr/lib/modules/${release}/vmlinuz`]
    .map((place) => join(binary, place))
    .find(existsSync);
  if (kernel === undefined) throw new Error(`no kernel in ${binary}`);
  const initramfs = join(out, 'initramfs');
  const carry = carried
    ? carriedRoot(root, tree, readFileSync(join(out, 'commands'), 'utf8'), [executor])
    : [];
  const ordered = modules === null ? [] : modulesInOrder(modules, MODULES);
  const environment = `MATRIX_ROOT=${root}\nMATRIX_TREE=${tree}\nMATRIX_CARRIED=${carried ? 1 : ''}\n`;
  writeFileSync(
    initramfs,
    packArchive([...start(shellOf(packages, suites), root, environment, ordered), ...carry]),
  );
  const machine = spawn(
    'qemu-system-x86_64',
    [
      ...['-accel', 'tcg', '-cpu', 'max', '-smp', '1', '-m', '3G'],
      ...['-nodefaults', '-no-reboot', '-nographic', '-serial', 'stdio'],
      ...['-kernel', kernel, '-initrd', initramfs, '-append', KERNEL_ARGUMENTS],
      ...(carried ? ['-serial', `file:${join(out, 'out.tar.gz')}`] : []),
      ...['-virtfs', 'local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap'],
      ...['-virtfs', `local,path=${out},mount_tag=out,security_model=none`],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let console = '';
  const keep = (text: string) => {
    console += text;
  };
  machine.stdout.setEncoding('utf8').on('data', keep);
  machine.stderr.setEncoding('utf8').on('data', keep);
  const timer = setTimeout(() => machine.kill('SIGKILL'), PATIENCE * 60_000);
  const stop = () => {
    machine.kill('SIGKILL');
    process.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  await new Promise<void>((done, refuse) => machine.once('error', refuse).once('close', () => done()));
  clearTimeout(timer);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
  writeFileSync(join(out, 'console'), console);
  rmSync(initramfs);
  if (carried) execFileSync('tar', ['-xzf', join(out, 'out.tar.gz'), '-C', out]);
  if (!existsSync(join(out, 'kernel')))
    throw new Error(`the machine reached no root:\n${console.slice(-3000)}`);
}

function shellOf(packages: readonly DebianPackage[], suites: Suites): string {
  const busybox = suites.unpack(packages.find((one) => one.name === 'busybox-static')!);
  const shell = ['bin/busybox', 'usr/bin/busybox'].map((place) => join(busybox, place)).find(existsSync);
  if (shell === undefined) throw new Error(`no busybox in ${busybox}`);
  return shell;
}

/** What every machine starts with. */
function start(
  shell: string,
  root: string,
  environment: string,
  modules: readonly { readonly name: string; readonly content: Uint8Array }[],
): ArchiveFile[] {
  return [
    ...['bin', 'proc', 'sys', 'dev', 'modules'].map(directory),
    program('bin/busybox', readFileSync(shell)),
    program('init', readFileSync(join(root, 'test/matrix/init.sh'))),
    data('matrix.env', Buffer.from(environment)),
    data('modules/order', Buffer.from(modules.map((module) => `${module.name}\n`).join(''))),
    ...modules.map((module) => data(`modules/${module.name}`, module.content)),
  ];
}

/** Copies what git knows or would add, and the built addon, so that a machine may write in its tree. */
export function copyTree(root: string, target: string): string {
  rmSync(target, { recursive: true, force: true });
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of listed.split('\0')) {
    if (file === '' || !existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(target, file)), { recursive: true });
    cpSync(join(root, file), join(target, file), { verbatimSymlinks: true });
  }
  const addon = `packages/landward/native/build/${process.arch}/landward.node`;
  if (!existsSync(join(root, addon))) throw new Error('no addon: run npm run native');
  mkdirSync(dirname(join(target, addon)), { recursive: true });
  copyFileSync(join(root, addon), join(target, addon));
  return target;
}
