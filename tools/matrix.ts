/**
 * `npm run matrix`: landward on the kernels of Debian, one virtual machine each, without KVM.
 *
 *   npm run matrix                                   every kernel, the tests and a slice of the differential
 *   npm run matrix -- --kernels 6.1,7.3              some of them
 *   npm run matrix -- --tests 'test/live/filter*'    other test files
 *   npm run matrix -- --cases 200 --seed 5           another slice; 0 leaves it out
 *   npm run matrix -- --run 'cat /proc/version'      only this command, its output shown
 *
 * Kernels come from the machine's own Debian mirror into $XDG_CACHE_HOME/landward-matrix. The machine runs the Node, the
 * programs and the tree of the host; see `test/matrix/`. The results of a whole run become docs/kernel-matrix.md.
 */

import { execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build as buildExecutor } from '../test/differential/kernel.ts';
import { cacheDirectory, compareVersions, type DebianPackage, openSuites, type Suites } from './debian.ts';
import { data, directory, modulesFolder, modulesInOrder, packArchive, program } from './matrix-initramfs.ts';
import { type KernelResult, readResults, renderPage } from './matrix-page.ts';

/** The kernels, by version, and the Landlock ABI that each should have. */
const KERNELS = [
  { version: '6.1', abi: 2 },
  { version: '6.12', abi: 6 },
  { version: '6.18', abi: 7 },
  { version: '6.19', abi: 7 },
  { version: '7.0', abi: 8 },
  { version: '7.1', abi: 9 },
  { version: '7.2', abi: 10 },
  { version: '7.3', abi: 11 },
] as const;

const SUITES = ['bookworm', 'trixie', 'trixie-backports', 'forky', 'sid'];

/** What a machine needs to reach the host's files, and what tests use where a kernel has it as a module. */
const MODULES = [
  'virtio_pci',
  '9pnet_virtio',
  '9p',
  'overlay',
  'sctp',
  'smc',
  'vsock',
  'vsock_loopback',
  'udp_diag',
  'loop',
  'ext4',
  'fuse',
  'mqueue',
  'algif_hash',
  'af_packet',
  'tun',
];

/** Minutes after which a machine is ended. */
const PATIENCE = 25;

const root = resolve(import.meta.dirname, '..');
const cache = cacheDirectory('landward-matrix');

const { values } = parseArgs({
  options: {
    kernels: { type: 'string', default: KERNELS.map((kernel) => kernel.version).join() },
    tests: { type: 'string', multiple: true, default: ['test/live/{filter,kernel,native-[astw]}*.test.ts'] },
    cases: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    run: { type: 'string' },
  },
});

if (process.arch !== 'x64') throw new Error('the matrix boots x86-64 kernels: run it on x86-64');
needQemu();
const suites = openSuites(cache, SUITES, 'amd64');
const packages = suites.find(/linux-(image|binary|modules)-[0-9].*-amd64|busybox-static/);
const tree = copyTree();
const results: KernelResult[] = [];

for (const wanted of values.kernels.split(',')) {
  const kernel = KERNELS.find(({ version }) => version === wanted);
  if (kernel === undefined) throw new Error(`no kernel ${wanted} in the matrix`);
  const image = newest(packages, kernel.version);
  if (image === undefined) {
    console.log(`${wanted}: not in ${suites.available.join(', ')}`);
    results.push({ ...kernel, package: null });
    continue;
  }
  const out = join(cache, 'results', kernel.version);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'commands'), commands());
  const since = performance.now();
  try {
    await boot(image, suites, out);
  } catch (error) {
    console.error(`${wanted}: ${(error as Error).message}`);
  }
  const result = readResults(kernel, image, out);
  results.push(result);
  console.log(
    `${wanted}: ${image.version}, ${summary(result)} (${Math.round((performance.now() - since) / 1000)} s)`,
  );
  if (values.run !== undefined) console.log(readFileSync(join(out, 'run.log'), 'utf8'));
}

if (results.some((result) => !isGood(result))) process.exitCode = 1;
if (values.run === undefined && values.kernels.split(',').length === KERNELS.length) {
  writeFileSync(join(root, 'docs/kernel-matrix.md'), renderPage(results, values));
}

/** Whether a kernel did all that it was asked, without a failure. */
function isGood(result: KernelResult): boolean {
  if (values.run !== undefined) return true;
  const compared = values.cases === '0' || result.differential?.includes('no difference') === true;
  return result.foundAbi === result.abi && result.tests?.fail === 0 && compared;
}

function summary(result: KernelResult): string {
  if (result.package === null) return 'not available';
  const { abi, foundAbi, tests, differential } = result;
  const shown =
    tests === undefined ? 'no tests' : `${tests.pass} pass, ${tests.fail} fail, ${tests.skip} skip`;
  const wrong = foundAbi === abi ? '' : ` (${abi} expected)`;
  return `ABI ${foundAbi}${wrong}, ${shown}, differential: ${differential ?? 'none'}`;
}

/** What the machine runs: a name and a shell command a line. */
function commands(): string {
  const node = 'node_modules/.bin/node';
  if (values.run !== undefined) return `run ${values.run}\n`;
  const files = values.tests.flatMap((pattern) => globSync(pattern, { cwd: root })).sort();
  const executor = buildExecutor();
  return [
    `landlock ${node} tools/matrix-probe.ts`,
    `tests ${node} --test --test-concurrency=1 --test-reporter=tap ${files.join(' ')}`,
    ...(values.cases === '0'
      ? []
      : [
          `differential LANDWARD_EXECUTOR=${executor} ${node} tools/differential.ts --cases ${values.cases} --seed ${values.seed}`,
        ]),
    '',
  ].join('\n');
}

/** The newest package of a kernel series, with its image. */
function newest(all: readonly DebianPackage[], version: string): DebianPackage | undefined {
  const name = new RegExp(`^linux-image-${version.replaceAll('.', '\\.')}\\.[0-9.+a-z]*(-[0-9]+)?-amd64$`);
  return all
    .filter((one) => name.test(one.name))
    .toSorted((a, b) => compareVersions(a.version, b.version))
    .at(-1);
}

/** Boots a kernel and waits until it turns itself off. */
async function boot(image: DebianPackage, from: Suites, out: string): Promise<void> {
  const release = image.name.replace('linux-image-', '');
  const part = (kind: string) =>
    packages.find((one) => one.name === `linux-${kind}-${release}` && one.version === image.version);
  // Newer packages are split; in older ones the image has everything.
  const binary = from.unpack(part('binary') ?? image);
  const modules = modulesFolder(from.unpack(part('modules') ?? image), release);
  const kernel = [`boot/vmlinuz-${release}`, `usr/lib/modules/${release}/vmlinuz`]
    .map((place) => join(binary, place))
    .find(existsSync);
  if (kernel === undefined) throw new Error(`no kernel in ${binary}`);
  const initramfs = join(out, 'initramfs');
  writeFileSync(initramfs, archive(modules));
  const machine = spawn(
    'qemu-system-x86_64',
    [
      ...[
        '-accel',
        'tcg',
        '-cpu',
        'max',
        '-smp',
        '1',
        '-m',
        '3G',
        '-nodefaults',
        '-no-reboot',
        '-nographic',
        '-serial',
        'stdio',
      ],
      ...[
        '-kernel',
        kernel,
        '-initrd',
        initramfs,
        '-append',
        'console=ttyS0 panic=-1 quiet mitigations=off rdinit=/init',
      ],
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
  if (!existsSync(join(out, 'kernel')))
    throw new Error(`the machine reached no root:\n${console.slice(-3000)}`);
}

function archive(modules: string): Buffer {
  const ordered = modulesInOrder(modules, MODULES);
  const busybox = suites.unpack(packages.find((one) => one.name === 'busybox-static')!);
  const shell = ['bin/busybox', 'usr/bin/busybox'].map((place) => join(busybox, place)).find(existsSync);
  if (shell === undefined) throw new Error(`no busybox in ${busybox}`);
  return packArchive([
    ...['bin', 'proc', 'sys', 'dev', 'modules'].map(directory),
    program('bin/busybox', readFileSync(shell)),
    program('init', readFileSync(join(root, 'test/matrix/init.sh'))),
    data('matrix.env', Buffer.from(`MATRIX_ROOT=${root}\nMATRIX_TREE=${tree}\n`)),
    data('modules/order', Buffer.from(ordered.map((module) => `${module.name}\n`).join(''))),
    ...ordered.map((module) => data(`modules/${module.name}`, module.content)),
  ]);
}

/** Copies what git knows or would add, and the built addon, so that a machine may write in its tree. */
function copyTree(): string {
  const target = join(cache, 'tree');
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

function needQemu(): void {
  const found = process.env.PATH?.split(':').some((folder) => existsSync(join(folder, 'qemu-system-x86_64')));
  if (found) return;
  if (process.getuid?.() !== 0) throw new Error('no qemu-system-x86_64: install qemu-system-x86');
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'qemu-system-x86'], {
    stdio: 'inherit',
  });
}
