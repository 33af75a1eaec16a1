/**
 * Builds the native part: the addon, the launcher and the guard.
 *
 *   node tools/build-native.ts              for this machine, into native/build/<arch>/
 *   node tools/build-native.ts --prebuild   for all architectures, into prebuilds/, with a manifest
 *   node tools/build-native.ts --check      rebuilds and compares with prebuilds/ bit for bit
 *   node tools/build-native.ts --sanitize DIRECTORY   the addon with AddressSanitizer and UBSan
 *
 * The same sources and the same compiler give the same bytes, wherever the tree lies. Without a compiler nothing is
 * built and the prebuilt files serve.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const packageFolder = resolve(import.meta.dirname, '../packages/landward');
const sources = join(packageFolder, 'native');
const prebuilds = join(packageFolder, 'prebuilds');

export const ARCHITECTURES = ['x64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** The executables without libc, and what they are made of. */
const EXECUTABLES = {
  launcher: ['launcher.c', 'environment.c', 'apply.c', 'freestanding.c'],
  guard: ['guard.c', 'marked.c', 'freestanding.c'],
} as const;

/** Also what a static analyser and a sanitizer build start from. */
export const WARNINGS = ['-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Werror'];

const COMMON = [
  '-std=gnu17',
  '-fno-strict-aliasing',
  '-fno-stack-protector',
  '-fvisibility=hidden',
  '-U_FORTIFY_SOURCE',
  '-DNAPI_VERSION=8',
  ...WARNINGS,
];

const OWN_FLAGS = {
  x64: ['-fcf-protection=none'],
  // Otherwise libgcc's constructor asks for the kind of processor by a symbol that musl does not have.
  arm64: ['-mno-outline-atomics'],
} as const satisfies Record<Architecture, readonly string[]>;

interface Manifest {
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly compiler: string }>>;
}

/** The flags for compiling one C file of the native part for an architecture. */
export function compileFlags(arch: Architecture): readonly string[] {
  const headers = dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json'));
  const flags = [...COMMON, ...OWN_FLAGS[arch]];
  return [...flags, `-I${join(headers, 'include')}`];
}

/** The C files of the addon. */
export function addonSources(): readonly string[] {
  const freestanding: readonly string[] = Object.values(EXECUTABLES).flat();
  return readdirSync(sources)
    .filter((name) => name.endsWith('.c') && (name === 'apply.c' || !freestanding.includes(name)))
    .sort();
}

/** The compiler for an architecture, or `undefined` where it is not installed. */
export function compilerFor(arch: Architecture): string | undefined {
  const candidates = arch === process.arch ? ['cc', 'gcc'] : [];
  const cross = { x64: 'x86_64-linux-gnu-gcc', arm64: 'aarch64-linux-gnu-gcc' }[arch];
  return [...candidates, cross].find((name) => spawnSync(name, ['--version']).status === 0);
}

/** Compiler and linker, without the names that they were called by. */
function versionOf(compiler: string): string {
  const linker = run(compiler, ['-print-prog-name=ld'], sources).trim();
  return [compiler, linker]
    .map((tool) => run(tool, ['--version'], sources).split('\n')[0]!)
    .map((line) => line.replace(/^\S+ /, ''))
    .join(', ');
}

function run(command: string, args: readonly string[], cwd: string): string {
  const child = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (child.status !== 0) throw new Error(`${command} ${args.join(' ')}\n${child.stderr}`);
  return child.stdout;
}

function buildAddon(compiler: string, arch: Architecture, to: string): void {
  const link = ['-shared', '-nostdlib', '-Wl,-z,now', '-Wl,-z,nodelete', '-Wl,--build-id=none', '-s'];
  const flags = [...compileFlags(arch), '-O2', '-fPIC', `-ffile-prefix-map=${sources}=.`];
  run(compiler, [...flags, ...link, '-o', join(to, 'landward.node'), ...addonSources(), '-lgcc'], sources);
}

function buildExecutable(
  compiler: string,
  arch: Architecture,
  name: keyof typeof EXECUTABLES,
  to: string,
): void {
  const link = [
    '-static',
    '-nostdlib',
    '-no-pie',
    '-Wl,-z,noexecstack',
    '-Wl,-z,norelro',
    '-Wl,-z,noseparate-code',
    '-Wl,--build-id=none',
    '-s',
  ];
  const freestanding = ['-ffreestanding', '-fno-pic', '-fno-asynchronous-unwind-tables', '-Os'];
  const flags = [...compileFlags(arch), ...freestanding, `-ffile-prefix-map=${sources}=.`];
  run(compiler, [...flags, ...link, '-o', join(to, name), ...EXECUTABLES[name]], sources);
}

/** Builds all files for an architecture into a folder. */
export function build(arch: Architecture, to: string): void {
  const compiler = compilerFor(arch);
  if (compiler === undefined) throw new Error(`There is no C compiler for ${arch}`);
  mkdirSync(to, { recursive: true });
  buildAddon(compiler, arch, to);
  for (const name of ['launcher', 'guard'] as const) buildExecutable(compiler, arch, name, to);
}

/** Builds the addon so that it reports memory errors and undefined behaviour; needs the sanitizers' libraries preloaded. */
export function buildSanitized(to: string): void {
  const arch = process.arch as Architecture;
  const compiler = compilerFor(arch);
  if (compiler === undefined) throw new Error('There is no C compiler');
  mkdirSync(to, { recursive: true });
  const checks = [
    '-fsanitize=address,undefined',
    '-fno-sanitize-recover=undefined',
    '-g',
    '-O1',
    '-fPIC',
    '-shared',
    // Threads outlive the Worker that has loaded the addon.
    '-Wl,-z,nodelete',
  ];
  const flags = [...compileFlags(arch), ...checks];
  run(compiler, [...flags, '-o', join(to, 'landward.node'), ...addonSources()], sources);
}

function filesOf(arch: Architecture): readonly string[] {
  return ['landward.node', 'launcher', 'guard'].map((file) => `linux-${arch}/${file}`);
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function prebuild(): void {
  const files: Record<string, { sha256: string; compiler: string }> = {};
  for (const arch of ARCHITECTURES) {
    build(arch, join(prebuilds, `linux-${arch}`));
    for (const file of filesOf(arch)) {
      files[file] = { sha256: sha256(join(prebuilds, file)), compiler: versionOf(compilerFor(arch)!) };
    }
  }
  const manifest: Manifest = { files };
  writeFileSync(join(prebuilds, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** What `--check` found out about one prebuilt file. */
export interface Checked {
  readonly file: string;
  readonly state: 'equal' | 'different' | 'not comparable';
  readonly note: string;
}

/** Compares the prebuilt files with the manifest, and with a rebuild where the same compiler is installed. */
export function check(): readonly Checked[] {
  const manifest = JSON.parse(readFileSync(join(prebuilds, 'manifest.json'), 'utf8')) as Manifest;
  const folder = mkdtempSync(join(tmpdir(), 'landward-native-'));
  try {
    return ARCHITECTURES.flatMap((arch) => {
      const compiler = compilerFor(arch);
      const version = compiler === undefined ? undefined : versionOf(compiler);
      const same = filesOf(arch).every((file) => manifest.files[file]?.compiler === version);
      if (same) build(arch, join(folder, `linux-${arch}`));
      return filesOf(arch).map((file): Checked => {
        const digest = sha256(join(prebuilds, file));
        if (manifest.files[file]?.sha256 !== digest)
          return { file, state: 'different', note: 'the manifest has another digest' };
        if (!same) return { file, state: 'not comparable', note: `needs ${manifest.files[file].compiler}` };
        const equal = sha256(join(folder, file)) === digest;
        return {
          file,
          state: equal ? 'equal' : 'different',
          note: equal ? version! : 'a rebuild gives other bytes',
        };
      });
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function main(): void {
  const { values } = parseArgs({
    options: {
      prebuild: { type: 'boolean' },
      check: { type: 'boolean' },
      sanitize: { type: 'string' },
    },
  });
  if (values.prebuild) prebuild();
  else if (values.sanitize !== undefined) buildSanitized(resolve(values.sanitize));
  else if (values.check) printCheck();
  else buildHere();
}

function printCheck(): void {
  const results = check();
  for (const { file, state, note } of results) console.log(`${file}: ${state} (${note})`);
  if (results.some(({ state }) => state === 'different')) process.exitCode = 1;
}

function buildHere(): void {
  const arch = process.arch as Architecture;
  if (!ARCHITECTURES.includes(arch)) throw new Error(`landward does not run on ${arch}`);
  if (compilerFor(arch) !== undefined) {
    build(arch, join(sources, 'build', arch));
    console.log(`Built the native part for ${arch}`);
  } else if (existsSync(join(prebuilds, `linux-${arch}`, 'landward.node'))) {
    console.log('No C compiler: the prebuilt native part is used (apt-get install gcc to build it)');
  } else {
    throw new Error('There is neither a C compiler nor a prebuilt native part: apt-get install gcc');
  }
}

if (process.argv[1] === import.meta.filename) main();
