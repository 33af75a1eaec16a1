/**
 * What is built from the C sources: the layouts it agrees on with TypeScript, what the compiler and the sanitizers say,
 * that the prebuilt files are rebuilt bit for bit, and that they load under another libc and another architecture.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { LAUNCH } from '../../packages/landward/src/kernel/launch-file.ts';
import { ARG, ENTRY, IMAGE, JOB } from '../../packages/landward/src/kernel/native.ts';
import {
  ARCHITECTURES,
  type Architecture,
  addonSources,
  buildSanitized,
  check,
  compileFlags,
  compilerFor,
} from '../../tools/build-native.ts';
import { missingPackage } from '../kit/debian.ts';
import { hasCompiler, needs, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const native = join(root, 'packages/landward/native');
const prebuilds = join(root, 'packages/landward/prebuilds');
const compiler = hasCompiler() ? {} : { skip: 'needs a C compiler (apt-get install gcc)' };

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawnSync(command, args, { encoding: 'utf8', cwd: root, env, timeout: 300_000 });
  if (child.error !== undefined) throw child.error;
  return child;
}

function succeed(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const child = run(command, args, env);
  assert.equal(child.status, 0, `${command} ${args.join(' ')}\n${child.stdout}${child.stderr}`);
  return child.stdout;
}

test('the layouts of the C headers are those of TypeScript', compiler, (t) => {
  const program = join(temporaryDirectory(t), 'layout');
  succeed('cc', ['-std=gnu17', '-o', program, join(native, 'test/layout.c')]);
  const { address, seed, factor, ...launch } = LAUNCH;
  assert.deepEqual(JSON.parse(succeed(program, [])), {
    image: IMAGE,
    arg: ARG,
    job: JOB,
    entry: ENTRY,
    launch: { address: Number(address), seed: String(seed), factor: String(factor), ...launch },
  });
});

test('the static analyser has nothing to say', compiler, () => {
  const flags = compileFlags(process.arch as Architecture);
  const files = readdirSync(native).filter((name) => name.endsWith('.c'));
  assert(files.length >= 10);
  for (const file of files) {
    succeed('cc', [...flags, '-O2', '-fanalyzer', '-c', '-o', '/dev/null', join(native, file)]);
  }
});

test('the prebuilt files are those of the manifest, and what a rebuild gives', async (t) => {
  for (const { file, state, note } of check()) {
    await t.test(file, state === 'not comparable' ? { skip: note } : {}, () =>
      assert.equal(state, 'equal', note),
    );
  }
});

test('the addon needs no library by name, and of libc only what all libcs have', {
  ...needs({ tools: ['readelf'] }),
}, () => {
  const threads = ['create', 'attr_init', 'attr_destroy', 'attr_setstacksize', 'attr_setdetachstate'];
  const libc = [
    '__errno_location',
    'calloc',
    'clone',
    'free',
    'memcpy',
    'memset',
    'gnu_get_libc_version',
  ].concat(threads.map((name) => `pthread_${name}`));
  for (const arch of ARCHITECTURES) {
    const addon = join(prebuilds, `linux-${arch}/landward.node`);
    assert.doesNotMatch(succeed('readelf', ['-dW', addon]), /NEEDED/);
    const symbols = succeed('readelf', ['--dyn-syms', '-W', addon]).split('\n');
    const wanted = symbols
      .filter((line) => / UND \S/.test(line))
      .map((line) => line.trim().split(/\s+/).at(-1)!);
    assert(wanted.length > 20);
    const foreign = wanted.filter((name) => !/^(napi|uv)_/.test(name) && !libc.includes(name));
    assert.deepEqual(foreign, [], arch);
    assert.deepEqual(
      wanted.filter((name) => name.includes('@')),
      [],
      'versioned symbols bind to one libc',
    );
  }
});

test(
  'launcher and guard are static, have no stack that can be executed, and no memory that is both',
  needs({ tools: ['readelf'] }),
  () => {
    for (const arch of ARCHITECTURES) {
      for (const file of ['launcher', 'guard']) {
        const headers = succeed('readelf', ['-lW', join(prebuilds, `linux-${arch}/${file}`)]);
        assert.doesNotMatch(headers, /INTERP|DYNAMIC|RWE/, `${arch} ${file}`);
      }
    }
  },
);

test('without a compiler the prebuilt files serve, and that is said', () => {
  const child = run(process.execPath, ['tools/build-native.ts'], { PATH: '' });
  assert.equal(child.status, 0, child.stderr);
  assert.match(child.stdout, /^No C compiler: the prebuilt native part is used/);
});

function standIn(cc: string, to: string, libraries: readonly string[] = []): string {
  const program = join(to, 'stand-in');
  const include = `-I${join(root, 'node_modules/node-api-headers/include')}`;
  const source = join(native, 'test/stand-in.c');
  const flags = ['-std=gnu17', '-DNAPI_VERSION=8', include, '-rdynamic', '-pthread', '-o', program, source];
  succeed(cc, [...flags, ...libraries]);
  return program;
}

const WHOLE = 15;

test('the addon works in a stand-in for Node under glibc', compiler, (t) => {
  const program = standIn('cc', temporaryDirectory(t), ['-ldl']);
  const out = succeed(program, [join(prebuilds, `linux-${process.arch}/landward.node`)]);
  assert.equal(out.trim().split('\n').length, WHOLE, out);
});

test('the same addon works in a stand-in for Node under musl', (t) => {
  const missing = missingPackage('musl-tools', 'musl-gcc');
  if (missing !== undefined) return t.skip(missing);
  const program = standIn('musl-gcc', temporaryDirectory(t));
  const out = succeed(program, [join(prebuilds, `linux-${process.arch}/landward.node`)]);
  assert.equal(out.trim().split('\n').length, WHOLE, out);
});

/** Why nothing can be run for arm64 here. */
function missingArm64(): string | undefined {
  if (process.arch === 'arm64') return 'this is arm64: the tests above have run it without emulation';
  return (
    missingPackage('gcc-aarch64-linux-gnu libc6-dev-arm64-cross', 'aarch64-linux-gnu-gcc') ??
    missingPackage('qemu-user-static', 'qemu-aarch64-static')
  );
}

test('addon and guard for arm64 load and call the kernel under emulation', (t) => {
  const missing = missingArm64();
  if (missing !== undefined) return t.skip(missing);
  const program = standIn('aarch64-linux-gnu-gcc', temporaryDirectory(t), ['-ldl']);
  const addon = join(prebuilds, 'linux-arm64/landward.node');
  const out = succeed('qemu-aarch64-static', ['-L', '/usr/aarch64-linux-gnu', program, addon, 'emulated']);
  assert.equal(out.trim().split('\n').length, 6, out);
  const guard = join(prebuilds, 'linux-arm64/guard');
  assert.equal(run('qemu-aarch64-static', [guard]).status, 125, 'without its descriptors it does nothing');
});

/** A copy of what the addon's tests need, so that they find another addon than that of this clone. */
function copyTree(to: string): string {
  const target = join(to, 'packages/landward');
  mkdirSync(target, { recursive: true });
  mkdirSync(join(to, 'test/live'), { recursive: true });
  cpSync(join(root, 'packages/landward/src'), join(target, 'src'), { recursive: true });
  cpSync(join(root, 'test/kit'), join(to, 'test/kit'), { recursive: true });
  for (const name of ['apply', 'spawn', 'watch', 'threads', 'inbox']) {
    const file = `test/live/native-${name}.test.ts`;
    copyFileSync(join(root, file), join(to, file));
  }
  for (const file of ['package.json', 'packages/landward/package.json'])
    copyFileSync(join(root, file), join(to, file));
  symlinkSync(join(root, 'node_modules'), join(to, 'node_modules'));
  return join(target, 'native/build', process.arch);
}

function sanitized(folder: string, files: readonly string[]) {
  const preload = succeed(compilerFor(process.arch as Architecture)!, ['-print-file-name=libasan.so']).trim();
  // Node itself leaks at exit; what is looked for here are wrong accesses and undefined behaviour.
  const env = {
    ...process.env,
    LD_PRELOAD: preload,
    ASAN_OPTIONS: 'detect_leaks=0',
    NODE_TEST_CONTEXT: undefined,
  };
  const child = spawnSync(
    process.execPath,
    ['--test', '--test-concurrency=2', '--test-reporter=tap', ...files],
    {
      cwd: folder,
      encoding: 'utf8',
      env,
      timeout: 300_000,
    },
  );
  return { status: child.status, text: `${child.stdout}${child.stderr}` };
}

test('the tests of the addon pass with AddressSanitizer and UBSan', compiler, (t) => {
  const folder = temporaryDirectory(t, 'sanitizer');
  buildSanitized(copyTree(folder));
  const { status, text } = sanitized(folder, ['test/live/native-*.test.ts']);
  assert.equal(status, 0, text.slice(-4000));
  assert(Number(/^# pass (\d+)/m.exec(text)?.[1]) >= 40, text.slice(-2000));
  assert.doesNotMatch(text, /AddressSanitizer|runtime error/);
});

test('the sanitizer finds what the checks of an image prevent, once they are taken away', compiler, (t) => {
  const folder = temporaryDirectory(t, 'sanitizer-control');
  const build = copyTree(folder);
  const broken = join(folder, 'native');
  cpSync(native, broken, { recursive: true, filter: (path) => !path.includes('/build') });
  const apply = readFileSync(join(broken, 'apply.c'), 'utf8');
  const without = apply.replace(
    /return offset >= start .*;/,
    'return (void)start, (void)bytes, (void)align, size > 0;',
  );
  assert.notEqual(without, apply);
  writeFileSync(join(broken, 'apply.c'), without);
  mkdirSync(build, { recursive: true });
  const flags = compileFlags(process.arch as Architecture).filter((flag) => flag !== '-Werror');
  const files = addonSources().map((file) => join(broken, file));
  const sanitize = [
    '-fsanitize=address,undefined',
    '-fno-sanitize-recover=undefined',
    '-g',
    '-fPIC',
    '-shared',
  ];
  succeed('cc', [...flags, ...sanitize, '-o', join(build, 'landward.node'), ...files]);
  writeFileSync(
    join(folder, 'broken.test.ts'),
    `import { ImageBuilder } from './packages/landward/src/kernel/image.ts';
     import { IMAGE, native } from './packages/landward/src/kernel/native.ts';
     const build = new ImageBuilder('${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}');
     build.step('getpid', [], 'getpid', { store: build.slot() });
     build.reserve(4096);
     const { bytes } = build.build();
     new DataView(bytes.buffer).setUint32(IMAGE.header.bytes + IMAGE.step.store, bytes.length + 5, true);
     native().apply(bytes);`,
  );
  const { status, text } = sanitized(folder, ['broken.test.ts']);
  assert.notEqual(status, 0);
  assert.match(text, /AddressSanitizer: heap-buffer-overflow/);
  assert.match(text, /apply\.c/);
});
